"""Training steps: ours beside today's practice, and both beside the machine's own matrix products."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.machine import product_rate
from benchmarks.reference import PlainTraining
from mbias.han.losses import cross_entropies, probabilities, targets
from mbias.han.network import HAN
from mbias.llp.simulate import simulate
from mbias.llp.store import open_split
from mbias.terms import Split
from mbias.training.data import load_data
from mbias.training.fit import train_epoch
from mbias.training.settings import Settings

VIDEOS = 640
ROUNDS = 5
CPU = torch.device("cpu")


def throughput(folder: Path) -> dict[str, float]:
    """Milliseconds a step of the reference and of ours in both precisions, by turns in one process."""
    files, packed = folder / "files", folder / "packed"
    for out, is_packed in ((files, False), (packed, True)):
        simulate(out, sizes={Split.TRAIN: VIDEOS, Split.VAL: 1, Split.TEST: 1}, packed=is_packed)
    split = open_split(packed, Split.TRAIN)
    reference = PlainTraining(files, split.videos, split.weak)
    epochs: dict[str, Callable[[], object]] = {"reference": reference.epoch}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        epochs[name] = our_epoch(packed, dtype)
    times: dict[str, list[float]] = {name: [] for name in epochs}
    rates: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    for turn in range(ROUNDS + 1):
        for name, epoch in epochs.items():
            start = time.perf_counter()
            epoch()
            if turn:  # the first warms up
                times[name].append(time.perf_counter() - start)
        for name, seen in rates.items():
            seen.append(product_rate(getattr(torch, name)))
    steps = VIDEOS / 16
    result = {f"{name}_ms": 1e3 * statistics.median(seen) / steps for name, seen in times.items()}
    for name in rates:
        ratios = [theirs / ours for theirs, ours in zip(times["reference"], times[name], strict=True)]
        result[f"{name}_ratio"] = statistics.median(ratios)
        result[f"{name}_product_gflops"] = max(rates[name]) / 1e9
        result[f"{name}_product_share"] = step_operations() / (result[f"{name}_ms"] / 1e3) / max(rates[name])
    return result


def our_epoch(directory: Path, dtype: torch.dtype) -> Callable[[], object]:
    """An epoch as `mbias train` runs it."""
    videos = load_data(directory, Split.TEST, CPU, dtype).videos[Split.TRAIN]
    torch.manual_seed(0)
    settings, order = Settings(), torch.Generator().manual_seed(0)
    model = HAN(settings.variant)
    optimizer = torch.optim.Adam(model.parameters(), settings.learning_rate, fused=True)
    return lambda: train_epoch(model, optimizer, videos, settings, dtype, order)


def step_operations() -> int:
    """Floating-point operations of the matrix products of one step: 16 videos, A_cross + V_cross, pooled frames."""
    model = HAN(Settings().variant)
    features = torch.zeros(16, 10, 128), torch.zeros(16, 10, 2048), torch.zeros(16, 10, 512)
    labels = torch.zeros(16, 25)
    with FlopCounterMode(display=False) as counter:
        cross_entropies(probabilities(model(*features)), targets(labels, Settings().smoothing)).sum().backward()
    return int(counter.get_total_flops())
