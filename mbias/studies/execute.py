"""Training a study, or one run, from start to end."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing import util
from pathlib import Path

from mbias.executors import local_workers
from mbias.studies.plan import PlannedRun, Resources, StudyPlan, inspect_folder, plan_study
from mbias.studies.running.environment import Environment, inspect_environment, require_same
from mbias.studies.running.progress import Progress
from mbias.studies.running.runner import run_tasks
from mbias.studies.running.task import Outcome, State, Task
from mbias.studies.running.workers import dask_workers
from mbias.studies.session import session
from mbias.training.config import TrainingConfig


def train_study(
    definition: str | Path,
    *,
    data: str | Path | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    workers: int | None = None,
    scheduler: str | None = None,
) -> dict[PlannedRun, Outcome]:
    """Train the runs of a study that are not complete.

    A run that was stopped resumes after its last committed epoch. Ctrl-C stops every run at its next commit; a second
    Ctrl-C stops at once.

    Parameters
    ----------
    definition
        The TOML file (`mbias.studies.definition.read_definition`).
    data
        The data directory; by default the one that the definition names.
    out
        The folder of the runs; by default the path of the definition without ``.toml``.
    device
        ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ...
    workers
        Number of runs trained at once. By default the number of processor cores divided by the threads of a run, at
        most one per run; 1 on a GPU.
    scheduler
        Address of a Dask scheduler, whose workers train the runs in place of this machine.

    Returns
    -------
    dict
        The outcome of every run. A failed run does not raise: its outcome says why it failed.

    Raises
    ------
    BadInputError
        If an argument is wrong, the folder holds a run that was trained differently, or a worker cannot read the data.
        Nothing is trained then.

    Examples
    --------
    >>> train_study("no-such-study.toml")
    Traceback (most recent call last):
        ...
    mbias.errors.BadInputError: no-such-study.toml: there is no such study definition; give the path of a TOML file
    """
    return execute(plan_study(definition, data=data, out=out, device=device, workers=workers, scheduler=scheduler))


def train_run(config: TrainingConfig, out: str | Path, data: str | Path, *, device: str = "auto") -> Outcome:
    """Train one run, or resume it after its last committed epoch.

    Parameters
    ----------
    config
        What to train.
    out
        The run's folder.
    data
        The data directory, with packed features.
    device
        ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ...

    Returns
    -------
    Outcome
        How the run ended. A failed run does not raise: the outcome says why it failed.

    Raises
    ------
    BadInputError
        If the data cannot be read, the device is not available, or the folder holds a run that was trained differently.
    """
    run = PlannedRun(config, Path(out))
    return execute(StudyPlan((run,), run.path, Resources(Path(data), device)))[run]


def execute(plan: StudyPlan) -> dict[PlannedRun, Outcome]:
    """Train the runs of a plan that are not complete.

    Parameters
    ----------
    plan
        The study.

    Returns
    -------
    dict
        As for `train_study`.

    Raises
    ------
    BadInputError
        As for `train_study`.
    """
    resources = plan.resources
    with ExitStack() as stack:
        # On this machine, errors in the data or the device are found before anything is written.
        environments = (
            [] if resources.scheduler else [inspect_environment(plan.runs[0].config, resources.data, resources.device)]
        )
        current = stack.enter_context(session(plan.folder))
        tasks = {run: Task(run.config, run.path, resources.data, resources.device, current) for run in plan.runs}
        if resources.scheduler:
            executor, environments = stack.enter_context(dask_workers(resources.scheduler, tasks[plan.runs[0]]))
        else:
            executor = stack.enter_context(local_workers(resources.workers))
        environment = require_same(environments)
        states = inspect_folder(plan, environment)
        left = [run for run in plan.runs if not states[run].complete]
        print(_headline(plan, len(left), environment, len(environments)), flush=True)
        stack.enter_context(_stopped_by_interrupt(current))
        progress = stack.enter_context(Progress([states[run] for run in left], len(plan.runs)))
        outcomes = run_tasks([tasks[run] for run in left], executor, progress)
        return {run: outcomes.get(tasks[run], Outcome(State.COMPLETE)) for run in plan.runs}


def _headline(plan: StudyPlan, left: int, environment: Environment, workers: int) -> str:
    runs, resources = len(plan.runs), plan.resources
    where = f"{workers} workers of {resources.scheduler}" if resources.scheduler else f"{resources.workers} at a time"
    parts = [
        f"{runs} runs, {runs - left} complete" if runs > 1 else "1 run",
        f"{'simulated ' * environment.simulated}data of {resources.data}",
        f"{environment.device}, {environment.computed_in}" + (f", {where}" if runs > 1 else ""),
    ]
    return "; ".join(parts)


@contextmanager
def _stopped_by_interrupt(current: Path) -> Iterator[None]:
    """Let the first Ctrl-C end the session, and the second one the process."""
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread may handle signals.
        yield
        return

    def stop(number: int, frame: object) -> None:
        if not current.exists():
            # Commits are atomic, and workers end with their parent. The semaphores of their pools would be left behind.
            util._run_finalizers(0)  # type: ignore[attr-defined]
            os._exit(130)
        current.unlink(missing_ok=True)
        print("stopping at the next commit; press Ctrl-C again to stop at once", file=sys.stderr, flush=True)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
