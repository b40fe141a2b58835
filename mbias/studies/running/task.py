"""Training one run of a study, on any machine: a task that may be submitted twice, or killed, without harm."""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import torch

from mbias.records.commits import Commit
from mbias.records.failure import clear_failure
from mbias.studies.locks import RUN_LOCK, HeldError, locked
from mbias.studies.running.failures import StoppedError, in_one_line, marked_on_failure, require_not_diverged
from mbias.terms import Split
from mbias.training.config import TrainingConfig
from mbias.training.data import Data, load_data
from mbias.training.devices import choose_device, choose_precision, name_of
from mbias.training.fit import fit
from mbias.training.record import inspect_run

# PyTorch's random numbers and threads belong to the process. Two runs at once would disturb each other's seeds.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Task:
    """A run to train.

    Parameters
    ----------
    config
        What is trained.
    path
        The run's folder.
    data
        The data directory, as the worker sees it.
    device
        The name of the device.
    session
        The session's file. When it is removed, training stops at the next commit.
    """

    config: TrainingConfig
    path: Path
    data: Path
    device: str
    session: Path


class State(StrEnum):
    """How a task ended."""

    TRAINED = "trained"
    COMPLETE = "complete"
    """The run was complete already."""
    HELD = "held"
    """Another process is training the run."""
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True)
class Outcome:
    """How a task ended, and the reason if the run was not trained."""

    state: State
    reason: str = ""


def run_task(task: Task) -> Outcome:
    """Train a run to its last epoch, unless it is complete or another process is training it.

    Parameters
    ----------
    task
        The run.

    Returns
    -------
    Outcome
        How it ended. Errors are reported here and not raised.
    """
    if not task.session.exists():
        return Outcome(State.STOPPED)
    try:
        with _ONE_AT_A_TIME:
            return Outcome(_train(task))
    except HeldError as error:
        return Outcome(State.HELD, str(error))
    except StoppedError:
        return Outcome(State.STOPPED)
    # Whatever happened, the other runs of the study are still trained.
    except Exception as error:
        return Outcome(State.FAILED, in_one_line(error))


def _train(task: Task) -> State:
    task.path.mkdir(parents=True, exist_ok=True)
    with locked(task.path / RUN_LOCK):
        with marked_on_failure(task.path):
            data, dtype = _load(task.data, task.config.record, task.device, task.config.precision)
        # Inspected under the lock: the folder may have changed since the study was planned. An error here leaves the
        # folder unmarked, because a run of another configuration or other data may be somebody else's.
        run = inspect_run(task.path, task.config, name_of(dtype), data.fingerprint, data.streams)
        if run.complete:
            return State.COMPLETE
        require_not_diverged(task.path)
        clear_failure(task.path)
        with marked_on_failure(task.path):
            fit(run, data, functools.partial(_stop_without, task.session))
    return State.TRAINED


@functools.lru_cache(maxsize=1)
def _load(directory: Path, record: Split, device: str, precision: str) -> tuple[Data, torch.dtype]:
    """Load the data of a study once per process, and choose the precision of this process."""
    chosen = choose_device(device)
    dtype = choose_precision(precision, chosen)
    return load_data(directory, record, chosen, dtype), dtype


def _stop_without(session: Path, commit: Commit) -> None:
    if not session.exists():
        raise StoppedError
