"""A file that one process holds: a run's while it is trained, a study's while it is going on.

The lock is the kernel's (``flock``), which lets go of it when its holder ends, however that ends. So a file left by a
dead process is no obstacle. What the file says of its holder is for people.
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
    """Hold the file ``path``, made for that and removed after.

    Raises
    ------
    HeldError
        If another process holds it; the message says which.
    MbiasError
        If the file system has no locks.
    """
    file = _acquire(path)
    try:
        file.truncate(0)
        file.write(json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "since": time.time()}))
        file.flush()
        yield
    finally:
        # Removed while it is held: who opened it in between finds that it has lost its name, and opens it anew.
        path.unlink(missing_ok=True)
        file.close()


def holder(path: Path) -> str | None:
    """Who holds the file ``path``, in words, or None where no living process does."""
    try:
        with path.open(encoding="utf-8") as file:
            if _take(file, fcntl.LOCK_SH):
                return None
            return _describe(file)
    except FileNotFoundError:
        return None


def _acquire(path: Path) -> IO[str]:
    # More than once: `holder` takes the lock for a moment too.
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
            f"{file.name}: this file system gives no locks ({error}); choose a folder on another"
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
