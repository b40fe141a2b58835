"""Where a study's tasks are run: in this process, in several on this machine, or on a running Dask cluster.

All of these are `concurrent.futures.Executor`. A worker that dies gives `BrokenExecutor`, or what Dask has for it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from typing import Any

from mbias.errors import BadInputError, MbiasError
from mbias.studies.task import Sight, Task, in_one_line, look_from_afar


@contextmanager
def local_workers(count: int) -> Iterator[Executor]:
    """``count`` workers on this machine; one is a thread of this process."""
    with ThreadPoolExecutor(1) if count == 1 else ProcessWorkers(count) as executor:
        yield executor


@contextmanager
def dask_workers(address: str, task: Task) -> Iterator[tuple[Executor, list[Sight]]]:
    """The workers of the Dask scheduler at ``address``, and what each of them sees of the study that ``task`` is of.

    Where none has come yet, what this process sees: those that come later find out by themselves.

    Raises
    ------
    MbiasError
        If no scheduler answers.
    BadInputError
        If a worker does not see the data or the study's folder.
    """
    from distributed import Client

    try:
        client = Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise MbiasError(f"{address}: no Dask scheduler answers there ({in_one_line(error)})") from None
    with client:
        sights = client.run(look_from_afar, task, on_error="return")
        for worker, sight in sights.items():
            if isinstance(sight, BaseException):
                raise BadInputError(f"worker {worker}: {in_one_line(sight)}")
        yield client.get_executor(pure=False), list(sights.values()) or [look_from_afar(task)]


class ProcessWorkers(Executor):
    """Processes of this machine, each in a pool of its own: one that dies takes no other with it, and is replaced."""

    def __init__(self, count: int) -> None:
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Have ``call`` run by the next worker that is free."""
        future: Future[Any] = Future()
        self._calls.put((future, partial(call, *arguments, **named)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; with ``wait``, return when those given are done."""
        for _ in self._threads:
            self._calls.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def _serve(self) -> None:
        pool: ProcessPoolExecutor | None = None
        while (given := self._calls.get()) is not None:
            future, call = given
            if not future.set_running_or_notify_cancel():
                continue
            pool = pool or _pool()
            try:
                future.set_result(pool.submit(call).result())
            except BrokenExecutor as error:
                pool = None
                future.set_exception(error)
            except Exception as error:
                future.set_exception(error)
        if pool:
            pool.shutdown()


def _pool() -> ProcessPoolExecutor:
    # Spawned, not forked: PyTorch's threads and CUDA do not survive a fork.
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_initialise)


def _initialise() -> None:
    # Ctrl-C reaches all processes of a terminal; the parent tells the workers when to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
