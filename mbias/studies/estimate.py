"""What is left to do of a study: the runs, the time they take, and the disk space they need."""

from __future__ import annotations

import shutil
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from mbias.han.network import HAN
from mbias.llp.streams.stream import Streams
from mbias.studies.plan import PlannedRun, StudyPlan, inspect_folder, plan_study
from mbias.studies.running.environment import inspect_environment
from mbias.terms import CATEGORIES, SEGMENTS, Modality, Split, Variant
from mbias.training.config import TrainingConfig
from mbias.training.data import Data, load_data
from mbias.training.devices import choose_device, choose_precision
from mbias.training.fit import train_epoch
from mbias.training.outputs import outputs

MEASURED_STEPS = 8


@dataclass(frozen=True)
class Estimate:
    """What is left to do of a study.

    Parameters
    ----------
    plan
        The study.
    runs
        The runs to train.
    epochs
        Number of epochs to train, over all runs.
    seconds
        Seconds per epoch of one run.
    committed
        Number of committed epochs whose median is ``seconds``; 0 if a few steps were timed instead.
    bytes, free
        Disk space that the runs to train need at most, and free disk space, in bytes.
    """

    plan: StudyPlan
    runs: tuple[PlannedRun, ...]
    epochs: int
    seconds: float
    committed: int
    bytes: int
    free: int

    @property
    def total_seconds(self) -> float:
        """Seconds until all runs are trained with the workers of the plan."""
        return self.seconds * self.epochs / max(1, min(self.plan.resources.workers, len(self.runs)))


def estimate_study(
    definition: str | Path,
    *,
    data: str | Path | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    workers: int | None = None,
    scheduler: str | None = None,
) -> Estimate:
    """Estimate what is left to do of a study, without writing anything.

    Parameters
    ----------
    definition, data, out, device, workers, scheduler
        As for `mbias.studies.execute.train_study`.

    Returns
    -------
    Estimate
        The runs to train, their time and their disk space. The time is measured on this machine; with a scheduler it is
        that of a single worker.

    Raises
    ------
    BadInputError
        If an argument is wrong, or the folder holds a damaged run or one that was trained differently.
    """
    return estimate(plan_study(definition, data=data, out=out, device=device, workers=workers, scheduler=scheduler))


def estimate(plan: StudyPlan) -> Estimate:
    """Estimate what is left to do of a planned study.

    Parameters
    ----------
    plan
        The study.

    Returns
    -------
    Estimate
        As for `estimate_study`.

    Raises
    ------
    BadInputError
        As for `estimate_study`.
    """
    resources, config = plan.resources, plan.runs[0].config
    states = inspect_folder(plan, inspect_environment(config, resources.data, resources.device))
    for state in states.values():
        if state.damage:
            raise state.damage
    left = tuple(run for run, state in states.items() if not state.complete)
    seconds = [commit.seconds for state in states.values() for commit in state.commits if commit.seconds is not None]
    device = choose_device(resources.device)
    dtype = choose_precision(config.precision, device)
    videos = load_data(resources.data, config.record, device, dtype)
    weights = _weights_bytes(videos.streams)
    return Estimate(
        plan=plan,
        runs=left,
        epochs=sum(states[run].epochs_left for run in left),
        seconds=statistics.median(seconds) if seconds else _epoch_seconds(config, videos, dtype),
        committed=len(seconds),
        # A run in training also keeps its state: weights and the two moments of Adam, the old ones and the new ones.
        bytes=sum(_run_bytes(run.config, videos, weights) for run in left)
        + min(resources.workers, len(left)) * 6 * weights,
        free=shutil.disk_usage(_existing(plan.folder)).free,
    )


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def _epoch_seconds(config: TrainingConfig, data: Data, dtype: torch.dtype) -> float:
    """Measure the seconds per epoch of a run, from a few of its steps and a part of its evaluation."""
    train, val, recorded = (data.videos[split] for split in (Split.TRAIN, Split.VAL, config.record))
    torch.set_num_threads(config.threads)
    model = HAN(config.variant, data.streams).to(train.labels.device)
    optimizer = torch.optim.Adam(model.parameters(), config.learning_rate, fused=True)
    some, few = train.first(MEASURED_STEPS * config.batch_size), recorded.first(128)
    # The first pass is slower and does not count; the times of the second one are used.
    for _ in range(2):
        start = time.perf_counter()
        train_epoch(model, optimizer, some, config, dtype, torch.Generator())
        trained = time.perf_counter()
        outputs(model, few, dtype)
        end = time.perf_counter()
    evaluated = len(recorded) + (len(val) if config.record != Split.VAL else 0)
    return (trained - start) * len(train) / len(some) + (end - trained) * evaluated / len(few)


def _run_bytes(config: TrainingConfig, data: Data, weights: int) -> int:
    """Return the bytes of a run at most: as if every epoch were the best so far and held all arrays."""
    cells = len(data.videos[config.record]) * len(CATEGORIES)
    epoch = 4 * cells * (3 * SEGMENTS * len(Modality) + 1)
    return config.epochs * epoch + 2 * weights


def _weights_bytes(streams: Streams) -> int:
    with torch.device("meta"):
        model = HAN(Variant.ACROSS_VCROSS, streams)
    return 4 * sum(parameter.numel() for parameter in model.parameters())
