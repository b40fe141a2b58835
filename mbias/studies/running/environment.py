"""The environment of a study: the data, the device and the precision that a process would train with."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mbias.errors import BadInputError
from mbias.han.weights import read_weights
from mbias.llp.streams.presets import HAN_STREAMS
from mbias.llp.streams.stream import Streams
from mbias.studies.running.task import Task
from mbias.training.config import TrainingConfig
from mbias.training.data import Data, open_splits
from mbias.training.devices import choose_device, choose_precision, name_of


@dataclass(frozen=True)
class Environment:
    """What a process would train with.

    Parameters
    ----------
    fingerprint
        Fingerprint of the data.
    simulated
        Whether the data are simulated.
    device
        Type of the device: ``cpu`` or ``cuda``.
    computed_in
        Name of the precision: ``float32`` or ``bfloat16``.
    streams
        The streams of the data.
    """

    fingerprint: str
    simulated: bool
    device: str
    computed_in: str
    streams: Streams = HAN_STREAMS


def inspect_environment(config: TrainingConfig, data: Path, device: str) -> Environment:
    """Inspect the environment of this process.

    Parameters
    ----------
    config
        The configuration of a run of the study.
    data
        The data directory.
    device
        The name of the device.

    Returns
    -------
    Environment
        What this process would train with.

    Raises
    ------
    BadInputError
        If the data cannot be read, the device is not available, or the initial weights do not fit the data.
    """
    chosen = choose_device(device)
    splits = Data(open_splits(data, config.record), {})
    if config.init:
        read_weights(Path(config.init), config.variant, splits.streams)
    precision = choose_precision(config.precision, chosen)
    return Environment(splits.fingerprint, splits.simulated, chosen.type, name_of(precision), splits.streams)


def inspect_worker(task: Task) -> Environment:
    """Inspect the environment of a worker, which may be on another machine; called on the worker.

    Parameters
    ----------
    task
        A task of the study.

    Returns
    -------
    Environment
        What this worker would train with.

    Raises
    ------
    BadInputError
        If the worker cannot read the data or the study's folder, or its device is not available.
    """
    if not task.session.exists():
        folder = task.session.parent
        raise BadInputError(
            f"{folder}: not the study's folder on {socket.gethostname()}; choose a folder that all workers share"
        )
    return inspect_environment(task.config, task.data, task.device)


def require_same(environments: Sequence[Environment]) -> Environment:
    """Check that all workers have the same environment.

    Parameters
    ----------
    environments
        At least one.

    Returns
    -------
    Environment
        The environment of all of them.

    Raises
    ------
    BadInputError
        If they differ; the message names the field.

    Examples
    --------
    >>> cpu = Environment("train:0", True, "cpu", "float32")
    >>> require_same([cpu, cpu]) == cpu
    True
    """
    for field in dataclasses.fields(Environment):
        values = {str(getattr(environment, field.name)) for environment in environments}
        if len(values) > 1:
            raise BadInputError(
                f"the workers differ in {field.name} ({', '.join(sorted(values))}); use workers of one kind"
            )
    return environments[0]
