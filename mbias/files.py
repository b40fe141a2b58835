"""Atomic file writes: write under a temporary name, sync to disk, rename."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from mbias.errors import BadInputError

LARGEST_JSON = 2**28
"""Size limit of a JSON file that is read, in bytes."""


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes to a file atomically.

    A reader always sees either the old file or the new one, even if the process is killed while it writes.

    Parameters
    ----------
    path
        The file to write or replace.
    content
        The new content.
    """
    with new_file(path) as file:
        file.write(content)


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """Write a file atomically, bit by bit; if anything fails before the end, the old one stays.

    Parameters
    ----------
    path
        The file to write or replace.

    Yields
    ------
    file
        Takes the content.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_text(path: Path, content: str) -> None:
    """Write text as UTF-8 to a file atomically, as `write_bytes` does."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: Any) -> None:
    """Write indented JSON to a file atomically, as `write_bytes` does.

    Raises
    ------
    ValueError
        If ``content`` contains NaN or infinity.
    """
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def remove_temporaries(folder: Path) -> None:
    """Remove the temporary files that killed processes left in and below a folder.

    No other process may be writing to ``folder`` at the same time.
    """
    for path in folder.rglob(".*.tmp"):
        path.unlink(missing_ok=True)


def append_line(path: Path, line: str) -> None:
    """Append a line to a file and sync it to disk."""
    new = not path.exists()
    with path.open("ab") as file:
        file.write(line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    if new:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Sync the directory entries of a folder to disk. Does nothing on systems other than POSIX."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_json(path: Path, what: str, hint: str) -> Any:
    """Read a JSON file.

    Parameters
    ----------
    path
        The file to read.
    what, hint
        What the file is, and what to do if it is missing or damaged. Both are part of the error message.

    Returns
    -------
    object
        The decoded content.

    Raises
    ------
    BadInputError
        If the file is missing, is not valid JSON, is not a regular file or is larger than `LARGEST_JSON`.
    """
    try:
        # A pipe would block, a device would never end, and a huge file would fill the memory.
        if path.exists() and (not path.is_file() or path.stat().st_size > LARGEST_JSON):
            raise BadInputError(f"{path}: not a regular file of at most {LARGEST_JSON:,} bytes; {hint}")
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInputError(f"{path}: there is no such {what}; {hint}") from None
    except (ValueError, OSError, RecursionError) as error:
        raise BadInputError(f"{path}: not a readable {what} ({error}); {hint}") from None
