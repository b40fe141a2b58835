"""Files that one process holds: a run's while it is trained, a session's while the study is trained.

The lock is the kernel's (``flock``), which releases it when its holder ends, however it ends. A file that a dead
process left behind is therefore no obstacle. The content of the file describes its holder for people.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mbias.errors import MbiasError

RUN_LOCK = "lock"
_TRIES = 5
_PAUSE = 0.02


class HeldError(MbiasError):
    """Another process holds the file."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Create a file and hold its lock; remove the file at the end of the block.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    HeldError
        If another process holds the lock; the message names the process.
    MbiasError
        If the file system does not support locks.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "lock"
    >>> with locked(path):
    ...     holder(path) is None
    False
    >>> holder(path) is None
    True
    """
    file = _acquire(path)
    try:
        file.truncate(0)
        file.write(json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "since": time.time()}))
        file.flush()
        yield
    finally:
        # Removed while the lock is held: a process that opened it in between sees that the path is gone, and retries.
        path.unlink(missing_ok=True)
        file.close()


def holder(path: Path) -> str | None:
    """Return the process that holds a file.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    str or None
        The process in words, or None if no living process holds the file.
    """
    try:
        with path.open(encoding="utf-8") as file:
            if _take(file, fcntl.LOCK_SH):
                return None
            return _describe(file)
    except FileNotFoundError:
        return None


def _acquire(path: Path) -> IO[str]:
    # Several tries, because `holder` takes the lock for a moment too.
    for _ in range(_TRIES):
        file = path.open("a+", encoding="utf-8")
        if _take(file, fcntl.LOCK_EX) and _is_named(file, path):
            return file
        held_by = _describe(file)
        file.close()
        time.sleep(_PAUSE)
    raise HeldError(f"{path.parent}: held by {held_by}")


def _take(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise MbiasError(
            f"{file.name}: this file system does not support locks ({error}); choose a folder on another one"
        ) from None
    return True


def _is_named(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _describe(file: IO[str]) -> str:
    file.seek(0)
    try:
        content = json.loads(file.read())
        return f"process {content['pid']} on {content['host']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
