"""Running a study's tasks to their end, through dying workers, failing runs and another study on the same folder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from pathlib import Path

from mbias.errors import BadInputError, MbiasError
from mbias.records.commits import read_commits
from mbias.studies.locks import RUN_LOCK, HeldError, holder, locked
from mbias.studies.progress import Progress
from mbias.studies.task import Outcome, State, Task, in_one_line, mark_failed, run_task

POLL = 0.5
"""Seconds between looks at the records of what is being trained."""

DEATHS = 3
"""How often in a row, without a commit in between, a run may take its worker with it."""


def run_tasks(tasks: Sequence[Task], executor: Executor, progress: Progress) -> dict[Task, Outcome]:
    """Outcomes of all tasks, when there is one for each.

    A task whose worker died is given again, as long as it makes progress; one that another process holds, when it is
    let go of. All tasks are of one session; once that is over, none is given again.

    Raises
    ------
    MbiasError
        If the executor lost its workers for good.
    """
    running: dict[Future[Outcome], Task] = {executor.submit(run_task, task): task for task in tasks}
    held: list[Task] = []
    deaths = Deaths()
    outcomes: dict[Task, Outcome] = {}
    while running or held:
        if running:
            done = wait(running, POLL, FIRST_COMPLETED).done
        else:
            done = set()
            time.sleep(POLL)
        progress.look()
        again = [task for task in held if _is_free(task)]
        held = [task for task in held if task not in again]
        for future in done:
            task = running.pop(future)
            outcome = _outcome(future)
            if outcome is None and deaths.forgive(task.path):
                progress.tell(task.path, "its worker died; it goes on with another")
                again.append(task)
            elif outcome is not None and outcome.state == State.HELD:
                progress.tell(task.path, f"{outcome.reason}; waiting for it")
                held.append(task)
            else:
                outcomes[task] = outcome or _given_up(task)
                _tell(task, outcomes[task], progress)
        for task in again:
            running[executor.submit(run_task, task)] = task
    return outcomes


class Deaths:
    """How often in a row a run took its worker with it."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[int, int]] = {}

    def forgive(self, path: Path) -> bool:
        """Whether the run at ``path``, whose worker died just now, is worth another one."""
        epochs = _epochs(path)
        before, deaths = self._seen.get(path, (epochs, 0))
        deaths = deaths + 1 if before == epochs else 1
        self._seen[path] = (epochs, deaths)
        return deaths < DEATHS


def _epochs(path: Path) -> int:
    try:
        return len(read_commits(path)[0])
    except BadInputError:
        return 0


def _outcome(future: Future[Outcome]) -> Outcome | None:
    """What a future gives; None where its worker died."""
    if future.cancelled():
        raise MbiasError("the scheduler is gone; start the study again, and it goes on where it stopped")
    error = future.exception()
    if error is None:
        return future.result()
    # BrokenProcessPool here, KilledWorker on Dask: a task itself never raises.
    return None


def _given_up(task: Task) -> Outcome:
    reason = f"its worker was killed {DEATHS} times in a row, perhaps for want of memory; take fewer workers"
    try:
        task.path.mkdir(parents=True, exist_ok=True)
        with locked(task.path / RUN_LOCK):
            mark_failed(task.path, reason)
    except (HeldError, OSError) as error:
        reason = f"{reason} ({in_one_line(error)})"
    return Outcome(State.FAILED, reason)


def _is_free(task: Task) -> bool:
    return not task.session.exists() or holder(task.path / RUN_LOCK) is None


def _tell(task: Task, outcome: Outcome, progress: Progress) -> None:
    if outcome.state == State.FAILED:
        progress.tell(task.path, f"failed: {outcome.reason}")
    elif outcome.state == State.COMPLETE:
        progress.tell(task.path, "complete")
