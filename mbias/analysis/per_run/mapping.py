"""What a question sums over the samples of each run: by this process, local processes, or the workers of Dask."""

from __future__ import annotations

import copy
import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any, Concatenate, TypeVar

from mbias.analysis.settings import Setting, identified
from mbias.errors import BadInputError, MbiasError
from mbias.executors import dask_client, local_workers
from mbias.records.run import Run
from mbias.records.study import Study

_executor: ContextVar[Executor | None] = ContextVar("executor", default=None)

Item = TypeVar("Item", Run, Setting)
Result = TypeVar("Result")


@contextmanager
def workers(count: int | None = None, *, scheduler: str | None = None) -> Iterator[None]:
    """Let several processes, or a Dask cluster, read the runs of the questions that are asked in a ``with`` block.

    The tables are the same bit for bit, however many workers there are. One process reads 1,000 runs of LLP's size in
    about 20 s, so that it pays for more, or larger ones. A script that asks for local workers needs
    ``if __name__ == "__main__":``, as with any `multiprocessing`.

    Parameters
    ----------
    count
        The number of processes on this machine. With 1, as without this block, this process reads all runs.
    scheduler
        The address of a Dask scheduler, whose workers are used in place of this machine. They must be able to read the
        runs by the paths that the study was opened with.

    Raises
    ------
    BadInputError
        If both or none are given, the count is below 1, or Dask is not installed.
    MbiasError
        If no scheduler answers, or, in the block, if a worker dies.

    Examples
    --------
    >>> with mbias.workers(2):
    ...     table = mbias.attention("models/demo")
    >>> table.equals(mbias.attention("models/demo"))
    True
    """
    if (count is None) == (scheduler is None):
        given = "are both" if count is not None else "are not"
        raise BadInputError(f"workers: count and scheduler {given} given; give one of them")
    if count is not None and count < 1:
        raise BadInputError(f"workers: {count} is not a number of processes; give 1 or more")
    with ExitStack() as stack:
        executor: Executor | None = None
        if scheduler is not None:
            executor = stack.enter_context(dask_client(scheduler)).get_executor(pure=False)
        elif count is not None and count > 1:
            executor = stack.enter_context(local_workers(count))
        token = _executor.set(executor)
        stack.callback(_executor.reset, token)
        yield


def of_runs(
    function: Callable[Concatenate[Run, ...], Result], study: Study, *arguments: Any
) -> Iterator[tuple[Run, dict[str, Any], Result]]:
    """Yield every run, the columns that identify it, and ``function(run, *arguments)``, as `identified` orders them.

    Parameters
    ----------
    function
        A function of a module, so that a worker finds it. Its result should be small: it is sent to this process.
    study
        The study.
    *arguments
        Further arguments of the function.
    """
    members = list(identified(study))
    results = mapped(function, [run for run, _ in members], *arguments)
    for (run, identity), result in zip(members, results, strict=True):
        yield run, identity, result


def mapped(
    function: Callable[Concatenate[Item, ...], Result], items: Sequence[Item], *arguments: Any
) -> Iterator[Result]:
    """Yield ``function(item, *arguments)`` of each run or setting, in their order.

    What a run caches, such as its samples and truth, is freed after its call.

    Raises
    ------
    MbiasError
        If a worker dies.
    """
    executor = _executor.get()
    if executor is None:
        for item in items:
            yield function(_fresh(item), *arguments)
        return
    futures = deque(executor.submit(_call, function, _fresh(item), *arguments) for item in items)
    try:
        while futures:
            yield futures.popleft().result()
    except (BrokenExecutor, CancelledError):
        raise MbiasError("a worker died, perhaps because it ran out of memory; use fewer workers") from None
    finally:
        for future in futures:
            future.cancel()


def _call(function: Callable[..., Result], item: Run | Setting, *arguments: Any) -> Result:
    run = item if isinstance(item, Run) else item.runs[0]
    if not run.path.exists():
        raise BadInputError(
            f"{run.path}: the worker on {socket.gethostname()} cannot read it; give an absolute path that all can read"
        )
    return function(item, *arguments)


def _fresh(item: Item) -> Item:
    """The same run or setting with nothing cached."""
    if isinstance(item, Run):
        return copy.copy(item)
    return Setting(item.identity, tuple(map(copy.copy, item.runs)))
