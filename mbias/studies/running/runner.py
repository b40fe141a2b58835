"""Running the tasks of a study to their end, despite dying workers, failing runs and other studies in the folder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from pathlib import Path

from mbias.errors import BadInputError, MbiasError
from mbias.records.commits import read_commits
from mbias.studies.locks import RUN_LOCK, HeldError, holder, locked
from mbias.studies.running.failures import in_one_line, mark_failed
from mbias.studies.running.progress import Progress
from mbias.studies.running.task import Outcome, State, Task, run_task

POLL = 0.5
"""Seconds between two readings of the records of the runs in training."""

ATTEMPTS = 3
"""Number of workers in a row that may die with a run, without a commit in between."""


def run_tasks(tasks: Sequence[Task], executor: Executor, progress: Progress) -> dict[Task, Outcome]:
    """Run tasks until each of them has an outcome.

    A task whose worker died is submitted again while it makes progress. A task whose run another process holds is
    submitted again when the run is released. Once the session ends, no task is submitted again.

    Parameters
    ----------
    tasks
        Tasks of one session.
    executor
        The workers.
    progress
        Where the progress is shown.

    Returns
    -------
    dict
        The outcome of every task.

    Raises
    ------
    MbiasError
        If the executor has lost all its workers.
    """
    running: dict[Future[Outcome], Task] = {executor.submit(run_task, task): task for task in tasks}
    held: list[Task] = []
    retries = Retries()
    outcomes: dict[Task, Outcome] = {}
    while running or held:
        if running:
            done = wait(running, POLL, FIRST_COMPLETED).done
        else:
            done = set()
            time.sleep(POLL)
        progress.update()
        again = [task for task in held if _is_free(task)]
        held = [task for task in held if task not in again]
        for future in done:
            task = running.pop(future)
            outcome = _outcome(future)
            if outcome is None and retries.should_retry(task.path):
                progress.write(task.path, "its worker died; the run resumes on another one")
                again.append(task)
            elif outcome is not None and outcome.state == State.HELD:
                progress.write(task.path, f"{outcome.reason}; waiting until it is released")
                held.append(task)
            else:
                outcomes[task] = outcome or _give_up(task)
                _report(task, outcomes[task], progress)
        for task in again:
            running[executor.submit(run_task, task)] = task
    return outcomes


class Retries:
    """Counts for each run how many workers in a row died with it."""

    def __init__(self) -> None:
        self._counts: dict[Path, tuple[int, int]] = {}

    def should_retry(self, path: Path) -> bool:
        """Count the worker that just died, and decide whether to submit its run again.

        Parameters
        ----------
        path
            The run's folder.

        Returns
        -------
        bool
            False if `ATTEMPTS` workers in a row died without a commit in between.
        """
        epochs = _epochs(path)
        before, died = self._counts.get(path, (epochs, 0))
        died = died + 1 if before == epochs else 1
        self._counts[path] = (epochs, died)
        return died < ATTEMPTS


def _epochs(path: Path) -> int:
    try:
        return len(read_commits(path)[0])
    except BadInputError:
        return 0


def _outcome(future: Future[Outcome]) -> Outcome | None:
    """Return the outcome of a task, or None if its worker died."""
    if future.cancelled():
        raise MbiasError("the scheduler is gone; start the study again to resume it")
    error = future.exception()
    if error is None:
        return future.result()
    # BrokenProcessPool on this machine, KilledWorker on Dask; a task itself never raises.
    return None


def _give_up(task: Task) -> Outcome:
    reason = f"its worker was killed {ATTEMPTS} times in a row, perhaps because it ran out of memory; use fewer workers"
    try:
        task.path.mkdir(parents=True, exist_ok=True)
        with locked(task.path / RUN_LOCK):
            mark_failed(task.path, reason)
    except (HeldError, OSError) as error:
        reason = f"{reason} ({in_one_line(error)})"
    return Outcome(State.FAILED, reason)


def _is_free(task: Task) -> bool:
    return not task.session.exists() or holder(task.path / RUN_LOCK) is None


def _report(task: Task, outcome: Outcome, progress: Progress) -> None:
    if outcome.state == State.FAILED:
        progress.write(task.path, f"failed: {outcome.reason}")
    elif outcome.state == State.COMPLETE:
        progress.write(task.path, "complete")
