"""Paths of the files of a record, which is untrusted: only regular files within its folder, up to a size limit."""

from __future__ import annotations

from pathlib import Path

from mbias.arguments import as_url, checked_path, counted
from mbias.errors import BadInputError
from mbias.remote import mirror_of, remote_run

LARGEST = 2**28
"""The size limit, in bytes, of a file that is read as a whole (header, log, samples). Enough for a million rows."""


def folders_below(path: Path) -> list[Path]:
    """The folders of runs directly below a folder, sorted; empty if there is none."""
    return sorted(below for below in path.iterdir() if (below / "run.json").is_file()) if path.is_dir() else []


def record_file(run: Path, name: str, largest: int | None = LARGEST) -> Path:
    """The path of a file of a record, which need not exist.

    Parameters
    ----------
    run
        The folder of the record.
    name
        The path of the file, relative to ``run``.
    largest
        The size limit in bytes; None for a file that is not read as a whole.

    Returns
    -------
    pathlib.Path
        The path. A file of a remote run has been downloaded.

    Raises
    ------
    BadInputError
        If the path is not a regular file, contains a symbolic link, or exceeds the size limit.
    """
    path = run / name
    if mirror := mirror_of(run):
        mirror.download(name, largest)
    try:
        # A symbolic link could lead out of the record.
        if any((run / below).is_symlink() for below in (name, *map(str, Path(name).parents[:-1]))):
            raise BadInputError(f"{path}: a symbolic link; replace it by the file itself")
        if not path.exists():
            return path
        if not path.is_file():
            raise BadInputError(f"{path}: not a regular file; record the run again")
        size = path.stat().st_size
    except (OSError, ValueError, RuntimeError) as error:
        raise BadInputError(f"{path}: not readable ({error})") from None
    if largest is not None and size > largest:
        raise BadInputError(f"{path}: {size:,} bytes exceed the limit of {largest:,} bytes; record the run again")
    return path


def record_size(run: Path, name: str) -> int:
    """The size of a file of a record in bytes, -1 if there is none; a file of a remote run is not downloaded."""
    if mirror := mirror_of(run):
        return mirror.size(name)
    path = record_file(run, name, None)
    return path.stat().st_size if path.is_file() else -1


def run_folder(path: object) -> Path:
    """The folder of one run, as the argument of `Run`; of a remote run, that of its mirror."""
    if url := as_url(path):
        return remote_run(url)
    folder = checked_path(path, "a path of a run", "give the folder of a run")
    if (folder / "run.json").exists():
        return folder
    if folder.is_file():
        raise BadInputError(f"{folder}: is a file; give the folder of a run")
    below = folders_below(folder)
    if below:
        raise BadInputError(
            f"{folder}: a folder of {counted(len(below), 'run')}; give one of them, or open them with mbias.open_study"
        )
    return folder
