"""Files that are either whole or absent: written under a temporary name, synced, renamed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from mbias.errors import BadInputError

LARGEST_JSON = 2**28
"""Bytes of the largest JSON file that is read."""


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` so that a reader, or a kill at any moment, finds the old file or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_text(path: Path, content: str) -> None:
    """Write text as UTF-8, in the way of `write_bytes`."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: Any) -> None:
    """Write indented JSON (no NaN), in the way of `write_bytes`."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def remove_temporaries(folder: Path) -> None:
    """Remove what kills left of `write_bytes` in and below ``folder``, to which no other process may be writing."""
    for path in folder.rglob(".*.tmp"):
        path.unlink(missing_ok=True)


def append_line(path: Path, line: str) -> None:
    """Append ``line`` and a newline to ``path``, synced to the disk."""
    new = not path.exists()
    with path.open("ab") as file:
        file.write(line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    if new:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable, as far as the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_json(path: Path, what: str, hint: str) -> Any:
    """JSON from ``path``.

    Parameters
    ----------
    what, hint
        What the file is and what to do where it is missing or broken, for the error.

    Raises
    ------
    BadInputError
        If the file is missing, or holds no JSON.
    """
    try:
        # Not what blocks (a pipe) or never ends (a device), and not what fills the memory.
        if path.exists() and (not path.is_file() or path.stat().st_size > LARGEST_JSON):
            raise BadInputError(f"{path}: not a regular file below {LARGEST_JSON:,} bytes; {hint}")
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInputError(f"{path}: there is no such {what}; {hint}") from None
    except (ValueError, OSError, RecursionError) as error:
        raise BadInputError(f"{path}: not a readable {what} ({error}); {hint}") from None
