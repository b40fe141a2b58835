"""The files of a record, which may come from anyone: regular files within its folder, no larger than they need be."""

from __future__ import annotations

from pathlib import Path

from mbias.errors import BadInputError

LARGEST = 2**28
"""Bytes that a file read whole (header, log, samples) may have; a record of a million epochs or samples has fewer."""


def part(run: Path, name: str, largest: int | None = LARGEST) -> Path:
    """The file ``name`` of the record at ``run``, which need not exist.

    Parameters
    ----------
    largest
        Bytes it may have at most; None where it is read by memory map.

    Raises
    ------
    BadInputError
        If it is no regular file, is reached by a symbolic link, or is too large.
    """
    path = run / name
    try:
        # It could lead out of the record.
        if any((run / below).is_symlink() for below in (name, *map(str, Path(name).parents[:-1]))):
            raise BadInputError(f"{path}: a symbolic link; put the file itself there")
        if not path.exists():
            return path
        if not path.is_file():
            raise BadInputError(f"{path}: no regular file; record the run again")
        size = path.stat().st_size
    except (OSError, ValueError, RuntimeError) as error:
        raise BadInputError(f"{path}: not readable ({error})") from None
    if largest is not None and size > largest:
        raise BadInputError(f"{path}: {size:,} bytes, where {largest:,} are the most; record the run again")
    return path
