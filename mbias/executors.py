"""Who makes calls: a thread of this process, several processes of this machine, or a running Dask cluster.

All of them are `concurrent.futures.Executor`. A worker that dies raises `BrokenExecutor`, or Dask's equivalent.
"""

from __future__ import annotations

import importlib
import importlib.util
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


@contextmanager
def local_workers(count: int) -> Iterator[Executor]:
    """Start workers on this machine.

    Parameters
    ----------
    count
        Number of workers. A single worker is a thread of this process.

    Yields
    ------
    Executor
        The workers.

    Examples
    --------
    >>> with local_workers(1) as workers:
    ...     workers.submit(abs, -2).result()
    2
    """
    with ThreadPoolExecutor(1) if count == 1 else ProcessWorkers(count) as executor:
        yield executor


def require_dask() -> None:
    """Check that Dask is installed.

    Raises
    ------
    BadInputError
        If it is not.
    """
    if importlib.util.find_spec("distributed") is None:
        raise BadInputError("scheduler needs Dask, which is not installed: pip install 'mbias[cluster]'")


@contextmanager
def dask_client(address: str) -> Iterator[Any]:
    """Connect to a Dask scheduler.

    Parameters
    ----------
    address
        Address of the scheduler.

    Yields
    ------
    distributed.Client
        The client; its ``get_executor(pure=False)`` is an executor.

    Raises
    ------
    BadInputError
        If Dask is not installed.
    MbiasError
        If no scheduler answers.
    """
    require_dask()
    # Untyped and optional; imported by name so that types are checked alike with and without it.
    distributed: Any = importlib.import_module("distributed")
    try:
        client = distributed.Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise MbiasError(f"{address}: no Dask scheduler answers there ({reason}); check the address") from None
    with client:
        yield client


class ProcessWorkers(Executor):
    """Worker processes of this machine, each in its own pool: one that dies is replaced and does not end the others.

    Parameters
    ----------
    count
        Number of processes.
    """

    def __init__(self, count: int) -> None:
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        """Let the next free worker make a call.

        Parameters
        ----------
        call, arguments, options
            The function and its arguments.

        Returns
        -------
        Future
            The result of the call.
        """
        future: Future[Any] = Future()
        self._calls.put((future, partial(call, *arguments, **options)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Accept no more calls.

        Parameters
        ----------
        wait
            Whether to return only when the calls submitted are done.
        cancel_futures
            Ignored: submitted calls are always made.
        """
        for _ in self._threads:
            self._calls.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def _serve(self) -> None:
        pool: ProcessPoolExecutor | None = None
        while (item := self._calls.get()) is not None:
            future, call = item
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
    # Spawned and not forked: PyTorch's threads and CUDA do not survive a fork.
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
