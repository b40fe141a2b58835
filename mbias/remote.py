"""Records in remote storage: a local mirror of their files, each downloaded when it is first read."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mbias.errors import BadInputError
from mbias.files import new_file, read_json, write_json

_INDEX = "remote.json"
"""Of a mirror: the address of the run, and the sizes and versions of its files."""

_LOG = "epochs.jsonl"
"""The file of a record that grows while the run is trained."""

_VERSIONS = ("ETag", "etag", "generation", "md5Hash", "LastModified", "last_modified", "updated", "mtime", "created")
"""What storage systems call the property of a file that changes with its content."""

_PIECE = 2**22

_downloading = threading.Lock()


@dataclass(frozen=True)
class Mirror:
    """The local mirror of a remote run.

    Parameters
    ----------
    url
        The address of the run.
    folder
        The local folder.
    files
        The size in bytes and the version of each file of the run, by its path relative to ``url``.
    """

    url: str
    folder: Path
    files: Mapping[str, tuple[int, str]]

    def size(self, name: str) -> int:
        """The size of a file in bytes, -1 if the run does not have it."""
        return self.files[name][0] if name in self.files else -1

    def download(self, name: str, largest: int | None) -> None:
        """Download a file, unless it is in the mirror already or the run does not have it.

        Raises
        ------
        BadInputError
            If the storage fails, the file has more than ``largest`` bytes, or it has changed since the run was opened.
        """
        path, address = self.folder / name, f"{self.url}/{name}"
        if largest is not None and self.size(name) > largest:
            raise BadInputError(
                f"{address}: {self.size(name):,} bytes exceed the limit of {largest:,} bytes; record the run again"
            )
        with _downloading:
            if name not in self.files or path.exists():
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            with _reported(address):
                system, remote = _storage(address)
                with new_file(path) as file, system.open(remote, "rb") as source:
                    left = self.size(name)
                    while left and (piece := source.read(min(left, _PIECE))):
                        file.write(piece)
                        left -= len(piece)
                    # What a log has more than when the run was opened are later epochs.
                    if left or (name != _LOG and source.read(1)):
                        raise BadInputError(f"{address}: has changed since the run was opened; open it again")


def remote_runs(url: str) -> list[Path]:
    """Mirror the runs at an address: the run there, or those directly below it.

    Parameters
    ----------
    url
        The address of a run, or of a folder of runs, as fsspec takes it, such as ``s3://bucket/models/demo``.

    Returns
    -------
    list of pathlib.Path
        The folders of the mirrors, sorted by address. `Mirror.download` adds files to them.

    Raises
    ------
    BadInputError
        If the storage cannot be read, or holds no run there.
    """
    files = _listing(url)
    below = [name.removesuffix("run.json") for name in files if name.endswith("/run.json") and name.count("/") == 1]
    starts = [""] if "run.json" in files else sorted(below)
    if not starts:
        raise BadInputError(f"{url}: no run.json in it or directly below it; give the address of a run, or of runs")
    return [
        _mirror(
            f"{url}/{start}".rstrip("/"),
            {name.removeprefix(start): known for name, known in files.items() if name.startswith(start)},
        )
        for start in starts
    ]


def remote_run(url: str) -> Path:
    """Mirror the run at an address; as `remote_runs`, but BadInputError if there are several runs."""
    folders = remote_runs(url)
    mirror = mirror_of(folders[0])
    if mirror is None or mirror.url != url:
        raise BadInputError(f"{url}: a folder of runs; give one of them, or open them with mbias.open_study")
    return mirror.folder


def mirror_of(folder: Path) -> Mirror | None:
    """The mirror whose folder this is; None for a folder that is not a mirror."""
    root = _cache()
    if root not in folder.parents:
        return None
    index = root / folder.relative_to(root).parts[0] / _INDEX
    if not index.exists():
        return None
    content = read_json(index, "index of a mirror", "delete its folder")
    files = {name: (size, version) for name, (size, version) in content["files"].items()}
    return Mirror(content["url"], folder, files)


def refuse_mirror(folder: Path) -> None:
    """Raise BadInputError if a folder is a mirror: nothing may be written to it, since it would not be uploaded."""
    if mirror := mirror_of(folder):
        raise BadInputError(f"{mirror.url}: remote storage is only read; copy the run to a local folder to write to it")


def _mirror(url: str, files: dict[str, tuple[int, str]]) -> Path:
    """Bring the mirror of a run up to date: files that have changed in the storage are removed."""
    *_, parent, name = ["runs", *url.partition("://")[2].split("/")]
    top = _cache() / hashlib.sha256(url.encode()).hexdigest()[:16]
    folder = top / parent / name
    before = mirror_of(folder)
    for changed, known in (before.files if before else {}).items():
        if files.get(changed) != known:
            (folder / changed).unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(top / _INDEX, {"url": url, "files": files})
    return folder


def _cache() -> Path:
    """The folder of all mirrors."""
    known = os.environ.get("XDG_CACHE_HOME")
    return (Path(known) if known else Path.home() / ".cache").absolute() / "mbias" / "remote"


def _listing(url: str) -> dict[str, tuple[int, str]]:
    """The sizes and versions of the files below an address, by their paths relative to it."""
    with _reported(url):
        system, root = _storage(url)
        system.invalidate_cache()
        found = system.find(root, detail=True)
        files = {}
        for path, details in found.items():
            name = PurePosixPath(path).relative_to(root)
            # No name may lead out of the mirror.
            if ".." not in name.parts and name.parts:
                version = " ".join(str(details[key]) for key in _VERSIONS if key in details)
                files[str(name)] = (int(details["size"]), version)
        return files


def _storage(url: str) -> tuple[Any, str]:
    """Fsspec's file system of an address, and its path there."""
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise BadInputError(f"{url}: remote storage needs fsspec; pip install 'mbias[remote]'") from None
    system, path = url_to_fs(url)
    return system, str(path)


@contextmanager
def _reported(url: str) -> Iterator[None]:
    """Turn the errors of a storage system into a BadInputError that names the object."""
    try:
        yield
    except BadInputError:
        raise
    except ImportError as error:
        raise BadInputError(f"{url}: {_line(error)}, with pip, and try again") from None
    # Each storage system has errors of its own, which share no class.
    except Exception as error:
        raise BadInputError(f"{url}: not readable ({_line(error)}); check the address, access and connection") from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
