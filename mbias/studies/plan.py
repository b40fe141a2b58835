"""What a study will do before it does it: what is there already and fits, how long the rest takes, how much disk."""

from __future__ import annotations

import dataclasses
import shutil
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from mbias.errors import BadInputError
from mbias.han.network import HAN
from mbias.records.commits import read_commits
from mbias.records.header import Header
from mbias.records.study import run_folders
from mbias.studies.task import Place, Sight, look
from mbias.terms import CATEGORIES, SEGMENTS, Modality, Smoothing, Split, Variant
from mbias.training.config import Settings
from mbias.training.data import Data, Videos, load_data
from mbias.training.devices import choose_device, choose_precision
from mbias.training.fit import train_epoch
from mbias.training.outputs import outputs
from mbias.training.record import check_same, is_complete

MEASURED_STEPS = 8


@dataclass(frozen=True)
class PlannedRun:
    """A run of a study, and its folder."""

    settings: Settings
    path: Path


@dataclass(frozen=True)
class Estimate:
    """What is left to do.

    Parameters
    ----------
    runs
        Those to be trained.
    epochs
        How many they have left, together.
    seconds
        For one epoch of one run.
    committed
        How many committed epochs ``seconds`` is the median of; 0 where a few steps were timed instead.
    bytes, free
        Disk that the runs to be trained take at most, and what is free.
    """

    runs: tuple[PlannedRun, ...]
    epochs: int
    seconds: float
    committed: int
    bytes: int
    free: int


def check_folder(folder: Path, runs: Sequence[PlannedRun], sight: Sight) -> None:
    """Raise where a run in the study's folder was trained otherwise than ``runs`` will be.

    Raises
    ------
    BadInputError
        The message names the run and the field.
    """
    planned = {run.path: run.settings for run in runs}
    # Also runs that the definition no longer lists: whoever opens the folder reads them with the others.
    there = list(run_folders(folder)) if any(folder.glob("*/run.json")) else []
    for path in {*there, *(run.path for run in runs if (run.path / "run.json").exists())}:
        settings = planned.get(path) or _as_in(path, runs[0].settings)
        check_same(path, settings, sight.computed_in, sight.fingerprint)


def _as_in(path: Path, settings: Settings) -> Settings:
    """``settings`` with the variant, smoothing and seed of the run at ``path``."""
    trained = Header.read(path / "run.json").training or {}
    try:
        cell = Variant.parse(trained["variant"]), Smoothing.parse(trained["smoothing"]), int(trained["seed"])
    except (KeyError, ValueError) as error:
        raise BadInputError(f"{path}: no run of a study ({error}); move it to another folder") from None
    return dataclasses.replace(settings, variant=cell[0], smoothing=cell[1], seed=cell[2])


def is_done(run: PlannedRun, sight: Sight) -> bool:
    """Whether nothing is left to do for a run. A damaged one is not done: training it will say what is wrong."""
    try:
        return is_complete(run.path, run.settings, sight.computed_in, sight.fingerprint)
    except BadInputError:
        return False


def estimate(runs: Sequence[PlannedRun], folder: Path, place: Place) -> Estimate:
    """What is left to do of a study, without doing any of it.

    Raises
    ------
    BadInputError
        As `conduct` would.
    """
    sight = look(runs[0].settings, place.data, place.device)
    check_folder(folder, runs, sight)
    left = tuple(run for run in runs if not is_done(run, sight))
    seconds = [commit.seconds for run in runs for commit in read_commits(run.path)[0] if commit.seconds is not None]
    device = choose_device(place.device)
    dtype = choose_precision(runs[0].settings.precision, device)
    data = load_data(place.data, runs[0].settings.record, device, dtype)
    weights = _weights_bytes()
    return Estimate(
        runs=left,
        epochs=sum(run.settings.epochs - len(read_commits(run.path)[0]) for run in left),
        seconds=statistics.median(seconds) if seconds else _epoch_seconds(runs[0].settings, data, dtype),
        committed=len(seconds),
        # What a run in training keeps to go on from: weights and Adam's two moments, old and new.
        bytes=sum(_run_bytes(run.settings, data, weights) for run in left)
        + min(place.workers, len(left)) * 6 * weights,
        free=shutil.disk_usage(next(path for path in (folder, *folder.absolute().parents) if path.exists())).free,
    )


def _epoch_seconds(settings: Settings, data: Data, dtype: torch.dtype) -> float:
    """Seconds an epoch of a run takes, by a few of its steps and a part of its evaluation."""
    train, val, recorded = (data.videos[split] for split in (Split.TRAIN, Split.VAL, settings.record))
    torch.set_num_threads(settings.threads)
    model = HAN(settings.variant).to(train.labels.device)
    optimizer = torch.optim.Adam(model.parameters(), settings.learning_rate, fused=True)
    some, few = _first(train, MEASURED_STEPS * settings.batch_size), _first(recorded, 128)
    # Once without the clock: what is slow the first time is slow only once.
    for _ in range(2):
        start = time.perf_counter()
        train_epoch(model, optimizer, some, settings, dtype, torch.Generator())
        trained = time.perf_counter()
        outputs(model, few, dtype)
        end = time.perf_counter()
    evaluated = len(recorded) + (len(val) if settings.record != Split.VAL else 0)
    return (trained - start) * len(train) / len(some) + (end - trained) * evaluated / len(few)


def _first(videos: Videos, count: int) -> Videos:
    return Videos(*(getattr(videos, field.name)[:count] for field in dataclasses.fields(Videos)))


def _run_bytes(settings: Settings, data: Data, weights: int) -> int:
    """Bytes of a run at most: as if every epoch were the best so far and held all arrays."""
    cells = len(data.videos[settings.record]) * len(CATEGORIES)
    epoch = 4 * cells * (3 * SEGMENTS * len(Modality) + 1)
    return settings.epochs * epoch + 2 * weights


def _weights_bytes() -> int:
    with torch.device("meta"):
        model = HAN(Variant.ACROSS_VCROSS)
    return 4 * sum(parameter.numel() for parameter in model.parameters())
