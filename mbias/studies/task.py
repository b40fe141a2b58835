"""Training one run of a study, wherever that is: a task that can be given twice, or killed, and does no harm."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import functools
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import torch

from mbias.errors import BadInputError, MbiasError
from mbias.records.commits import Commit, read_commits
from mbias.records.failure import FILE, Failure, clear_failure, read_failure, write_failure
from mbias.studies.locks import RUN_LOCK, HeldError, locked
from mbias.terms import Split
from mbias.training.config import Settings
from mbias.training.data import Data, load_data, open_splits
from mbias.training.devices import choose_device, choose_precision, name_of
from mbias.training.fit import fit
from mbias.training.record import is_complete

_HINTS = {
    errno.ENOSPC: "make room on the study's disk",
    errno.EDQUOT: "make room in the quota of the study's disk",
    errno.EROFS: "have the study where it can be written",
    errno.EACCES: "make it writable",
    errno.EPERM: "make it writable",
}

# PyTorch's random numbers and threads belong to the process: two runs at once in it would not be those of their seeds.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Place:
    """Where runs are trained.

    Parameters
    ----------
    data, device
        Data directory, and the device's name; both as a worker sees them.
    workers
        How many on this machine.
    scheduler
        Address of a Dask scheduler, whose workers are taken instead.
    """

    data: Path
    device: str
    workers: int = 1
    scheduler: str | None = None


@dataclass(frozen=True)
class Task:
    """A run to be trained.

    Parameters
    ----------
    settings, path
        What is trained, and the run's folder.
    data, device
        Data directory, and the device's name.
    session
        A file; when it is gone, training ends at the next commit.
    """

    settings: Settings
    path: Path
    data: Path
    device: str
    session: Path


class State(StrEnum):
    """What became of a task."""

    TRAINED = "trained"
    COMPLETE = "complete"
    """There was nothing to do."""
    HELD = "held"
    """Another process trains the run."""
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True)
class Outcome:
    """What became of a task, and where it was not trained, why."""

    state: State
    reason: str = ""


@dataclass(frozen=True)
class Sight:
    """What a worker sees of a study: its data, and on what and in which precision it would compute."""

    fingerprint: str
    simulated: bool
    device: str
    computed_in: str


class _StoppedError(Exception):
    """The session is over."""


def look(settings: Settings, directory: Path, device: str) -> Sight:
    """What this process sees of a study.

    Raises
    ------
    BadInputError
        If it sees not the data, or not the device.
    """
    on = choose_device(device)
    data = Data(open_splits(directory, settings.record), {})
    return Sight(data.fingerprint, data.simulated, on.type, name_of(choose_precision(settings.precision, on)))


def look_from_afar(task: Task) -> Sight:
    """What this process sees of the study that ``task`` is of, on a machine that may be another one.

    Raises
    ------
    BadInputError
        If it sees not the data, not the device, or not the study's folder.
    """
    if not task.session.exists():
        folder = task.session.parent
        raise BadInputError(f"{folder}: not the study's folder on {socket.gethostname()}; share it with all workers")
    return look(task.settings, task.data, task.device)


def agreed(sights: Sequence[Sight]) -> Sight:
    """What all workers see alike.

    Raises
    ------
    BadInputError
        If they do not.
    """
    for field in dataclasses.fields(Sight):
        seen = {str(getattr(sight, field.name)) for sight in sights}
        if len(seen) > 1:
            raise BadInputError(f"the workers differ in {field.name} ({', '.join(sorted(seen))}); make them alike")
    return sights[0]


def run_task(task: Task) -> Outcome:
    """Train a run to its end, unless it is there, or another process trains it."""
    if not task.session.exists():
        return Outcome(State.STOPPED)
    try:
        with _ONE_AT_A_TIME:
            return Outcome(_train(task))
    except HeldError as error:
        return Outcome(State.HELD, str(error))
    except _StoppedError:
        return Outcome(State.STOPPED)
    # Whatever it is, the study goes on with its other runs.
    except Exception as error:
        return Outcome(State.FAILED, in_one_line(error))


def _train(task: Task) -> State:
    task.path.mkdir(parents=True, exist_ok=True)
    with locked(task.path / RUN_LOCK):
        with _marked_if_it_fails(task.path):
            data, dtype = _load(task.data, task.settings.record, task.device, task.settings.precision)
        # A record of other settings or data is somebody's, and not to be marked.
        if is_complete(task.path, task.settings, name_of(dtype), data.fingerprint):
            return State.COMPLETE
        _check_not_diverged(task.path)
        clear_failure(task.path)
        with _marked_if_it_fails(task.path):
            fit(task.settings, data, task.path, functools.partial(_stop_without, task.session))
    return State.TRAINED


def _check_not_diverged(path: Path) -> None:
    failure = read_failure(path)
    # Training is the same bit for bit each time, and so goes astray at the same step.
    if failure and failure.step:
        raise MbiasError(f"not tried again, for it {failure} (to try all the same, delete {path / FILE})")


@contextlib.contextmanager
def _marked_if_it_fails(path: Path) -> Iterator[None]:
    try:
        yield
    except _StoppedError:
        raise
    except Exception as error:
        if not (path / "checkpoints" / "last.safetensors").exists():
            mark_failed(path, in_one_line(error), getattr(error, "step", None))
        raise


@functools.lru_cache(maxsize=1)
def _load(directory: Path, record: Split, device: str, precision: str) -> tuple[Data, torch.dtype]:
    """The data of a study, loaded once a process, and the precision it is computed in there."""
    on = choose_device(device)
    dtype = choose_precision(precision, on)
    return load_data(directory, record, on, dtype), dtype


def _stop_without(session: Path, commit: Commit) -> None:
    if not session.exists():
        raise _StoppedError


def mark_failed(path: Path, reason: str, step: int | None = None) -> None:
    """Mark the run at ``path``, which the caller holds, as failed in the epoch after its last committed one."""
    # Where nothing can be written (a full disk), the reason is still told; that alone must not hide it.
    with contextlib.suppress(OSError, BadInputError):
        write_failure(path, Failure(reason, epoch=len(read_commits(path)[0]) + 1, step=step))


def in_one_line(error: BaseException) -> str:
    """An error's message, and its type where it is not one of ours, on one line."""
    if isinstance(error, OSError) and error.errno in _HINTS:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}; {_HINTS[error.errno]}"
    text = " ".join(str(error).split())
    return text if isinstance(error, MbiasError) and text else f"{type(error).__name__}: {text}"
