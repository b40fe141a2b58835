"""Training one run: the loop, from top to bottom."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mbias.errors import MbiasError
from mbias.han.losses import LOSSES, by_loss, cross_entropies, floor, probabilities, targets
from mbias.han.network import HAN
from mbias.han.weights import read_weights
from mbias.records.commits import Commit
from mbias.terms import Control, Level, Metric, Modality, Split
from mbias.training.checkpoints import Checkpoints, TrainingState
from mbias.training.config import Settings
from mbias.training.data import Data, Videos
from mbias.training.devices import choose_precision
from mbias.training.outputs import autocast, outputs, scores
from mbias.training.record import open_record

OnEpoch = Callable[[Commit], None]

EXPLODED = 1.25 * math.log(2)
"""Nats. An answer of one half everywhere costs ln 2, whatever the labels; what costs a quarter more has gone astray."""


class DivergedError(MbiasError):
    """Training went astray at ``step`` of an epoch, counted from 1."""

    def __init__(self, reason: str, step: int) -> None:
        super().__init__(f"{reason}; lower the learning rate")
        self.step = step


def fit(settings: Settings, data: Data, path: Path, on_epoch: OnEpoch) -> None:
    """Train a run and record it in the folder ``path``; go on with it where it stopped.

    No other process may write to that folder: see `mbias.studies.task.train_run`.

    Parameters
    ----------
    on_epoch
        Called with every committed epoch.

    Raises
    ------
    BadInputError
        If the folder holds a run of other settings or data.
    DivergedError
        If a loss or an output is not finite, or a loss exploded.
    """
    # The order of additions depends on the number of threads, and results on it.
    torch.set_num_threads(settings.threads)
    train, val, recorded = (data.videos[split] for split in (Split.TRAIN, Split.VAL, settings.record))
    dtype = choose_precision(settings.precision, train.labels.device)
    writer = open_record(path, settings, data, dtype)
    checkpoints = Checkpoints(path)

    torch.manual_seed(settings.seed)
    model = read_weights(Path(settings.init), settings.variant) if settings.init else HAN(settings.variant)
    model.to(train.labels.device)
    if settings.control == Control.SHUFFLED:
        train = shuffled(train, settings.seed)
    model.uniform = settings.control == Control.UNIFORM
    model.fc_av_att.requires_grad_(settings.control != Control.FROZEN)
    learning_rate = 0.0 if settings.control == Control.RANDOM else settings.learning_rate
    optimizer = torch.optim.Adam(model.parameters(), learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, settings.step, settings.factor)
    order = torch.Generator().manual_seed(settings.seed)
    state = TrainingState(model, optimizer, schedule, order)
    checkpoints.restore(state, writer.commits)

    for epoch in range(state.epoch + 1, settings.epochs + 1):
        start = time.perf_counter()
        learning_rate = float(schedule.get_last_lr()[0])
        losses = train_epoch(model, optimizer, train, settings, dtype, order)
        schedule.step()

        arrays = outputs(model, recorded, dtype)
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise DivergedError("an output is not finite", math.ceil(len(train) / settings.batch_size))
        on_val = arrays if settings.record == Split.VAL else outputs(model, val, dtype)
        epoch_scores = {
            str(split): scores(given, data.truth(split))
            for split, given in ((Split.VAL, on_val), (settings.record, arrays))
        }
        type_av = epoch_scores[Split.VAL][Level.SEGMENT][Metric.TYPE_AVERAGE]
        best = type_av >= state.best
        state.epoch, state.best = epoch, max(type_av, state.best)

        checkpoints.prepare(state)
        commit = writer.commit(
            losses=losses,
            arrays=arrays if best or epoch == settings.epochs else {"wav": arrays["wav"]},
            scores=epoch_scores,
            best=best,
            learning_rate=learning_rate,
            seconds=time.perf_counter() - start,
        )
        checkpoints.confirm(state, best)
        on_epoch(commit)
    checkpoints.finish(state)


def train_epoch(
    model: HAN,
    optimizer: torch.optim.Optimizer,
    videos: Videos,
    settings: Settings,
    dtype: torch.dtype,
    order: torch.Generator,
) -> dict[str, dict[str, float]]:
    """Train for one epoch; give the means of the losses as optimised and against hard labels, and their floor.

    Beside a modality's losses stands ``gradient``, the norm of the gradient of all losses together at that modality's
    features f_a or f_v, a mean over steps.

    Raises
    ------
    DivergedError
        If a loss is not finite, or exploded.
    """
    model.train()
    device = videos.labels.device
    indices = list(batches(len(videos), settings.batch_size, order))
    steps = torch.empty(len(indices), 2, len(LOSSES), device=device)
    with _gradients(model) as gradients:
        for step, index in enumerate(indices):
            labels = videos.labels[index]
            with autocast(device, dtype):
                p = probabilities(model(*videos.features(index)))
            losses = cross_entropies(p, targets(labels, settings.smoothing))
            optimizer.zero_grad()
            losses.sum().backward()
            optimizer.step()
            with torch.no_grad():
                hard = cross_entropies(p, labels.expand_as(p))
                # Kept on the device: to look at a loss in every step would wait for it in every step.
                steps[step] = torch.stack([losses, hard])
    weights = torch.tensor([len(index) / len(videos) for index in indices])
    optimised, hard = torch.einsum("s,skl->kl", weights, steps.cpu())
    _check(optimised, steps[:, 0].cpu())
    means = by_loss({"optimised": optimised, "hard": hard, "floor": floor(videos.labels, settings.smoothing)})
    for modality, norm in zip(Modality, (gradients / len(indices)).tolist(), strict=True):
        means[modality]["gradient"] = norm
    return means


@contextmanager
def _gradients(model: HAN) -> Iterator[Tensor]:
    """Sums, over the steps taken meanwhile, of the norm of the gradient at each modality's features, of shape (2,)."""
    sums = torch.zeros(len(Modality), device=next(model.parameters()).device)

    def add(layer: nn.Module, at_inputs: tuple[Tensor, ...], at_outputs: object) -> None:
        sums.add_(at_inputs[0].float().flatten(1).norm(dim=1))

    handle = model.layer.register_full_backward_hook(add)
    try:
        yield sums
    finally:
        handle.remove()


def _check(means: Tensor, steps: Tensor) -> None:
    """Raise where an epoch's mean losses, of shape (loss,), or those of its steps, (step, loss), went astray."""
    for loss, mean in enumerate(means):
        if not mean <= EXPLODED:
            # Not "above": NaN is not above anything.
            step = 1 + int((~(steps[:, loss] <= EXPLODED)).nonzero()[0])
            what = f"exploded, to {mean:.2f} nats" if mean.isfinite() else "is not finite"
            raise DivergedError(f"the loss {LOSSES[loss]!r} {what}", step)


def shuffled(videos: Videos, seed: int) -> Videos:
    """The videos, with their labels shuffled among them."""
    order = torch.randperm(len(videos), generator=torch.Generator().manual_seed(seed))
    return dataclasses.replace(videos, labels=videos.labels[order.to(videos.labels.device)])


def batches(videos: int, size: int, order: torch.Generator) -> Iterator[Tensor]:
    """Indices of all videos, in a random order, ``size`` at a time."""
    yield from torch.randperm(videos, generator=order).split(size)
