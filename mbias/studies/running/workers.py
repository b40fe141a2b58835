"""The workers of a study on a running Dask cluster, which must be able to read its data and folder."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from mbias.errors import BadInputError
from mbias.executors import dask_client
from mbias.studies.running.environment import Environment, inspect_worker
from mbias.studies.running.failures import in_one_line
from mbias.studies.running.task import Task


@contextmanager
def dask_workers(address: str, task: Task) -> Iterator[tuple[Executor, list[Environment]]]:
    """Connect to the workers of a Dask scheduler.

    Parameters
    ----------
    address
        Address of the scheduler.
    task
        A task of the study, whose data and folder every worker must be able to read.

    Yields
    ------
    Executor
        The workers.
    list of Environment
        The environment of every worker. If no worker is connected yet, that of this process; workers that connect later
        check the data themselves.

    Raises
    ------
    MbiasError
        If no scheduler answers.
    BadInputError
        If a worker cannot read the data or the study's folder.
    """
    with dask_client(address) as client:
        environments = client.run(inspect_worker, task, on_error="return")
        for worker, environment in environments.items():
            if isinstance(environment, BaseException):
                raise BadInputError(f"worker {worker}: {in_one_line(environment)}")
        yield client.get_executor(pure=False), list(environments.values()) or [inspect_worker(task)]
