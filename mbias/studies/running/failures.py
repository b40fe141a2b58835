"""Failures of runs: their messages, the mark ``failed.json`` that a failed run keeps, and when to try again."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from mbias.errors import BadInputError, MbiasError
from mbias.records.commits import read_commits
from mbias.records.failure import FILE, Failure, read_failure, write_failure

_HINTS = {
    errno.ENOSPC: "make room on the study's disk",
    errno.EDQUOT: "make room in the quota of the study's disk",
    errno.EROFS: "choose a folder that can be written",
    errno.EACCES: "make it writable",
    errno.EPERM: "make it writable",
}


class StoppedError(Exception):
    """The session ended, so training stops. This is not a failure."""


@contextlib.contextmanager
def marked_on_failure(path: Path) -> Iterator[None]:
    """Mark the run at ``path``, whose lock is held, as failed if the block raises; a complete run is not marked."""
    try:
        yield
    except StoppedError:
        raise
    except Exception as error:
        if not (path / "checkpoints" / "last.safetensors").exists():
            mark_failed(path, in_one_line(error), getattr(error, "step", None))
        raise


def mark_failed(path: Path, reason: str, step: int | None = None) -> None:
    """Mark a run as failed in the epoch after its last committed one.

    Parameters
    ----------
    path
        The run's folder, whose lock the caller holds.
    reason
        Why, in one line.
    step
        The training step at which it failed, from 1, if one is known.
    """
    # On a full disk the mark cannot be written; that must not hide the reason, which the caller reports.
    with contextlib.suppress(OSError, BadInputError):
        write_failure(path, Failure(reason, epoch=len(read_commits(path)[0]) + 1, step=step))


def require_not_diverged(path: Path) -> None:
    """Check that training can be tried again.

    Parameters
    ----------
    path
        The run's folder.

    Raises
    ------
    MbiasError
        If the run is marked as diverged. Training is deterministic, so it would diverge at the same step.
    """
    failure = read_failure(path)
    if failure and failure.step:
        raise MbiasError(f"not tried again, because it {failure} (to try again, delete {path / FILE})")


def in_one_line(error: BaseException) -> str:
    """Return the message of an error on one line, with its type if it is not an `MbiasError`.

    Parameters
    ----------
    error
        The error.

    Returns
    -------
    str
        The message.

    Examples
    --------
    >>> in_one_line(ValueError("first line"))
    'ValueError: first line'
    >>> in_one_line(OSError(errno.ENOSPC, "No space left on device"))
    "No space left on device; make room on the study's disk"
    """
    if isinstance(error, OSError) and error.errno in _HINTS:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}; {_HINTS[error.errno]}"
    text = " ".join(str(error).split())
    return text if isinstance(error, MbiasError) and text else f"{type(error).__name__}: {text}"
