"""Files that are either whole or absent: written under a temporary name, synced, renamed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from mbias.errors import BadInputError


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


def append_line(path: Path, line: str) -> None:
    """Append ``line`` and a newline to ``path``, synced to the disk."""
    with path.open("ab") as file:
        file.write(line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable, as far as the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_json(path: Path, what: str, mend: str) -> Any:
    """JSON from ``path``.

    Parameters
    ----------
    what, mend
        What the file is and what to do where it is missing or broken, for the error.

    Raises
    ------
    BadInputError
        If the file is missing, or holds no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInputError(f"{path}: there is no such {what}; {mend}") from None
    except (ValueError, OSError, RecursionError) as error:
        raise BadInputError(f"{path}: not a readable {what} ({error}); {mend}") from None
