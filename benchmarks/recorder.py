"""The time that `mbias.Recorder` adds to a training step: HAN with batch size 16, steps with and without it in pairs.

    python -m benchmarks.recorder

A step trains on 16 videos. With the recorder, the losses and the outputs of the heads for attention across modalities,
attention over time and probabilities are recorded. The order within pairs alternates. The median ratio of the pairs is
printed with its 95 % interval.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import mbias
from mbias.han.losses import cross_entropies, probabilities, targets
from mbias.han.network import HAN
from mbias.terms import CATEGORIES, PRESETS

VIDEOS, BATCH = 256, 16


def main() -> None:
    """Measure and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=150)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    data = [torch.randn(VIDEOS, 10, width) for width in (128, 2048, 512)]
    labels = (torch.rand(VIDEOS, len(CATEGORIES)) < 0.08).float()
    model = HAN("across_vcross")
    optimizer = torch.optim.Adam(model.parameters(), 3e-4, fused=True)
    with tempfile.TemporaryDirectory() as folder:
        names = [f"v{i}" for i in range(VIDEOS)]
        with mbias.Recorder(Path(folder) / "run", ("audio", "visual"), CATEGORIES, names) as recorder:
            recorder.watch(model, "fc_av_att", softmax="modality")
            recorder.watch(model, "fc_frame_att", "wtp", softmax="segment")
            recorder.watch(model, "fc_prob", "p", output=torch.sigmoid)
            seconds = _measure(model, optimizer, recorder, data, labels, options.pairs)
            start = time.perf_counter()
            for index in torch.arange(VIDEOS).split(BATCH):
                with torch.no_grad(), recorder.batch(index):
                    model(*(array[index] for array in data))
            commit = time.perf_counter()
            recorder.commit_epoch()
            print(f"commit of {VIDEOS} videos: {1e3 * (time.perf_counter() - commit):.1f} ms; {commit - start:.2f} s")
    ratios = seconds[:, 1] / seconds[:, 0]
    rng = np.random.default_rng(0)
    medians = np.median(ratios[rng.integers(len(ratios), size=(2000, len(ratios)))], axis=1)
    low, high = np.quantile(medians, [0.025, 0.975])
    plain, recorded = 1e3 * np.median(seconds, axis=0)
    print(f"step without {plain:.2f} ms, with {recorded:.2f} ms ({len(ratios)} pairs, {options.threads} threads)")
    print(
        f"added {100 * (np.median(ratios) - 1):.2f} % (95 % interval {100 * (low - 1):.2f} to {100 * (high - 1):.2f})"
    )


def _measure(
    model: HAN,
    optimizer: torch.optim.Optimizer,
    recorder: mbias.Recorder,
    data: list[Tensor],
    labels: Tensor,
    pairs: int,
) -> np.ndarray:
    """Seconds of a step without and with the recorder, of shape (pair, 2)."""
    order = torch.Generator().manual_seed(0)
    seconds = np.empty((pairs, 2))
    for pair in range(-5, pairs):
        index = torch.randperm(VIDEOS, generator=order)[:BATCH]
        for recorded in (False, True) if pair % 2 else (True, False):
            start = time.perf_counter()
            _step(
                model, optimizer, recorder if recorded else None, [array[index] for array in data], labels[index], index
            )
            seconds[pair, int(recorded)] = time.perf_counter() - start
    return seconds


def _step(
    model: HAN,
    optimizer: torch.optim.Optimizer,
    recorder: mbias.Recorder | None,
    inputs: list[Tensor],
    labels: Tensor,
    index: Tensor,
) -> None:
    if recorder is None:
        output = model(*inputs)
    else:
        with recorder.batch(index):
            output = model(*inputs)
    losses = cross_entropies(probabilities(output), targets(labels, PRESETS["ls_v"]))
    if recorder is not None:
        recorder.losses(len(index), audio=losses[0], visual=losses[1], joint=losses[2])
    optimizer.zero_grad()
    losses.sum().backward()
    optimizer.step()


if __name__ == "__main__":
    main()
