"""A study from its start to its last run."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing import util
from pathlib import Path

from mbias.studies.plan import PlannedRun, check_folder, is_done
from mbias.studies.progress import Progress
from mbias.studies.runner import run_tasks
from mbias.studies.session import session
from mbias.studies.task import Outcome, Place, Sight, State, Task, agreed, look
from mbias.studies.workers import dask_workers, local_workers


def conduct(runs: Sequence[PlannedRun], folder: Path, place: Place) -> dict[PlannedRun, Outcome]:
    """Train runs, each to its end unless it is there; ``folder`` is where they all are.

    The first Ctrl-C ends every run at its next commit, a second one at once.

    Raises
    ------
    BadInputError
        If a run in the folder was trained otherwise, or a worker does not see the data; nothing is trained then.
    """
    with ExitStack() as stack:
        # Before anything is written, where that can be.
        sights = [] if place.scheduler else [look(runs[0].settings, place.data, place.device)]
        current = stack.enter_context(session(folder))
        tasks = {run: Task(run.settings, run.path, place.data, place.device, current) for run in runs}
        if place.scheduler:
            executor, sights = stack.enter_context(dask_workers(place.scheduler, tasks[runs[0]]))
        else:
            executor = stack.enter_context(local_workers(place.workers))
        sight = agreed(sights)
        check_folder(folder, runs, sight)
        left = [run for run in runs if not is_done(run, sight)]
        print(_headline(len(runs), len(left), sight, place, len(sights)), flush=True)
        stack.enter_context(_stopped_by_interrupt(current))
        progress = stack.enter_context(Progress(left, len(runs)))
        outcomes = run_tasks([tasks[run] for run in left], executor, progress)
        return {run: outcomes.get(tasks[run], Outcome(State.COMPLETE)) for run in runs}


def _headline(runs: int, left: int, sight: Sight, place: Place, seen: int) -> str:
    where = f"{seen} workers of {place.scheduler}" if place.scheduler else f"{place.workers} at a time"
    parts = [
        f"{runs} runs, {runs - left} complete" if runs > 1 else "1 run",
        f"{'simulated ' * sight.simulated}data of {place.data}",
        f"{sight.device}, {sight.computed_in}" + (f", {where}" if runs > 1 else ""),
    ]
    return "; ".join(parts)


@contextmanager
def _stopped_by_interrupt(current: Path) -> Iterator[None]:
    """Let Ctrl-C end the session, and a second one the process."""
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread may say what a signal does.
        yield
        return

    def stop(number: int, frame: object) -> None:
        if not current.exists():
            # Every commit is whole at any moment, and workers end with their parent; their pools' semaphores would not.
            util._run_finalizers(0)  # type: ignore[attr-defined]
            os._exit(130)
        current.unlink(missing_ok=True)
        print("stopping at the next commit; Ctrl-C once more stops at once", file=sys.stderr, flush=True)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
