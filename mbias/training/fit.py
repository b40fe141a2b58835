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
from mbias.training.config import TrainingConfig
from mbias.training.data import Data, Videos
from mbias.training.devices import choose_precision
from mbias.training.mitigating import Mitigated
from mbias.training.outputs import autocast, outputs, scores
from mbias.training.record import RunState, open_record

OnEpoch = Callable[[Commit], None]

EXPLODED = 1.25 * math.log(2)
"""Nats. An output of one half everywhere costs ln 2 whatever the labels; a loss 25 % above that has diverged."""


class DivergedError(MbiasError):
    """Training diverged at ``step`` of an epoch, counted from 1."""

    def __init__(self, reason: str, step: int) -> None:
        super().__init__(f"{reason}; lower the learning rate")
        self.step = step


def fit(run: RunState, data: Data, on_epoch: OnEpoch = lambda commit: None) -> None:
    """Train a run and record it in its folder, after its last committed epoch if there is one.

    No other process may write to the folder; `mbias.studies.running.task.run_task` makes sure of that.

    Parameters
    ----------
    run
        What the run's folder holds (`mbias.training.record.inspect_run`), with the configuration to train.
    data
        The data to train on.
    on_epoch
        Called with every committed epoch.

    Raises
    ------
    DivergedError
        If a loss or an output is not finite, or a loss exploded.
    MbiasError
        If epochs are committed and the state to resume from is missing.
    """
    config = run.config
    # The number of threads decides the order of additions, and with it the last bits of the results.
    torch.set_num_threads(config.threads)
    train, val, recorded = (data.videos[split] for split in (Split.TRAIN, Split.VAL, config.record))
    dtype = choose_precision(run.computed_in, train.labels.device)
    torch.manual_seed(config.seed)
    streams = data.streams
    model = read_weights(Path(config.init), config.variant, streams) if config.init else HAN(config.variant, streams)
    # Opened only now: initial weights that do not fit the data must leave no record behind.
    writer = open_record(run, data)
    checkpoints = Checkpoints(run.path)

    model.to(train.labels.device)
    if config.control == Control.SHUFFLED:
        train = shuffled(train, config.seed)
    model.uniform = config.control == Control.UNIFORM
    model.fc_av_att.requires_grad_(config.control != Control.FROZEN)
    mitigated = Mitigated(config.mitigation, model, config.seed) if config.mitigation else None
    learning_rate = 0.0 if config.control == Control.RANDOM else config.learning_rate
    optimizer = torch.optim.Adam(model.parameters(), learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, config.step, config.factor)
    order = torch.Generator().manual_seed(config.seed)
    state = TrainingState(model, optimizer, schedule, order, mitigated.method if mitigated else None)
    checkpoints.restore(state, writer.commits)

    for epoch in range(state.epoch + 1, config.epochs + 1):
        start = time.perf_counter()
        learning_rate = float(schedule.get_last_lr()[0])
        if mitigated:
            mitigated.method.start_epoch()
        losses = train_epoch(model, optimizer, train, config, dtype, order, mitigated)
        if mitigated:
            mitigated.end_epoch(train, val, config.smoothing, dtype)
        schedule.step()

        arrays = outputs(model, recorded, dtype)
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise DivergedError("an output is not finite", math.ceil(len(train) / config.batch_size))
        on_val = arrays if config.record == Split.VAL else outputs(model, val, dtype)
        epoch_scores = {
            str(split): scores(predicted, data.truth(split))
            for split, predicted in ((Split.VAL, on_val), (config.record, arrays))
        }
        type_av = epoch_scores[Split.VAL][Level.SEGMENT][Metric.TYPE_AVERAGE]
        best = type_av >= state.best
        state.epoch, state.best = epoch, max(type_av, state.best)

        checkpoints.prepare(state)
        commit = writer.commit(
            losses=losses,
            arrays=arrays if best or epoch == config.epochs else {"wav": arrays["wav"]},
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
    config: TrainingConfig,
    dtype: torch.dtype,
    order: torch.Generator,
    mitigated: Mitigated | None = None,
) -> dict[str, dict[str, float]]:
    """Train for one epoch.

    Parameters
    ----------
    model, optimizer
        The network, and the optimiser of its weights.
    videos
        The training videos.
    config
        The configuration; the batch size and the smoothing are used.
    dtype
        The type in which products are computed.
    order
        Generator of the order of the videos.
    mitigated
        The network with its mitigation; None to minimise the sum of the losses.

    Returns
    -------
    dict
        By loss, in nats: ``optimised``, the mean loss that is minimised; ``hard``, its mean against labels without
        smoothing; ``floor``, the least that ``optimised`` can be. For a modality also ``gradient``, the norm of the
        gradient of the sum of all losses at the modality's features f_a or f_v, averaged over the steps; not with a
        mitigation.

    Raises
    ------
    DivergedError
        If a loss is not finite, or exploded.
    """
    model.train()
    device = videos.labels.device
    indices = list(batches(len(videos), config.batch_size, order))
    steps = torch.empty(len(indices), 2, len(LOSSES), device=device)
    with _gradients(model) as gradients:
        for step, index in enumerate(indices):
            labels, inputs = videos.labels[index], videos.inputs(index)
            with autocast(device, dtype):
                output = model(*(mitigated.inputs(inputs) if mitigated else inputs))
            p = probabilities(output)
            losses = cross_entropies(p, targets(labels, config.smoothing))
            optimizer.zero_grad()
            if mitigated:
                mitigated.backward(output, losses, labels)
            else:
                torch.autograd.backward(losses.sum())
            optimizer.step()
            with torch.no_grad():
                hard = cross_entropies(p, labels.expand_as(p))
                # Losses stay on the device: reading one in every step would wait for the device in every step.
                steps[step] = torch.stack([losses, hard])
    weights = torch.tensor([len(index) / len(videos) for index in indices])
    optimised, hard = torch.einsum("s,skl->kl", weights, steps.cpu())
    _check(optimised, steps[:, 0].cpu())
    means = by_loss({"optimised": optimised, "hard": hard, "floor": floor(videos.labels, config.smoothing)})
    if mitigated is None:
        # A mitigation may go through the network several times in a step, and change the gradients on the way.
        for modality, norm in zip(Modality, (gradients / len(indices)).tolist(), strict=True):
            means[modality]["gradient"] = norm
    return means


@contextmanager
def _gradients(model: HAN) -> Iterator[Tensor]:
    """Sum the norm of the gradient at each modality's features over the steps of the block, shape (2,)."""
    sums = torch.zeros(len(Modality), device=next(model.parameters()).device)

    def add(layer: nn.Module, at_inputs: tuple[Tensor, ...], at_outputs: object) -> None:
        sums.add_(at_inputs[0].float().flatten(1).norm(dim=1))

    handle = model.layer.register_full_backward_hook(add)
    try:
        yield sums
    finally:
        handle.remove()


def _check(means: Tensor, steps: Tensor) -> None:
    """Raise if a loss diverged; ``means`` has the shape (loss,), ``steps`` the shape (step, loss)."""
    for loss, mean in enumerate(means):
        # "not <=" and not ">": a comparison with NaN is false.
        if not mean <= EXPLODED:
            step = 1 + int((~(steps[:, loss] <= EXPLODED)).nonzero()[0])
            what = f"exploded, to {mean:.2f} nats" if mean.isfinite() else "is not finite"
            raise DivergedError(f"the loss {LOSSES[loss]!r} {what}", step)


def shuffled(videos: Videos, seed: int) -> Videos:
    """Return the videos with their labels shuffled among them.

    Parameters
    ----------
    videos
        The videos.
    seed
        Seed of the permutation.

    Returns
    -------
    Videos
        The same features with permuted labels.
    """
    order = torch.randperm(len(videos), generator=torch.Generator().manual_seed(seed))
    return dataclasses.replace(videos, labels=videos.labels[order.to(videos.labels.device)])


def batches(videos: int, size: int, order: torch.Generator) -> Iterator[Tensor]:
    """Yield the indices of all videos in random order, in batches.

    Parameters
    ----------
    videos
        Number of videos.
    size
        Videos per batch; the last batch may be smaller.
    order
        Generator of the order.

    Yields
    ------
    Tensor
        Indices, int64.

    Examples
    --------
    >>> [len(index) for index in batches(5, 2, torch.Generator().manual_seed(0))]
    [2, 2, 1]
    """
    yield from torch.split(torch.randperm(videos, generator=order), size)
