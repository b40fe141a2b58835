"""Training steps of mbias, compared with today's practice and with the rate of the machine's matrix products."""

from __future__ import annotations

import multiprocessing
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
from mbias.training.config import TrainingConfig
from mbias.training.data import load_data
from mbias.training.devices import cores
from mbias.training.fit import train_epoch

VIDEOS = 640
STEPS = VIDEOS // 16
ROUNDS = 5
KINDS = ("reference", "float32", "bfloat16")
CPU = torch.device("cpu")


def throughput(folder: Path) -> dict[str, float]:
    """Milliseconds per step of one run on all cores: the reference and mbias in both precisions, in turn."""
    write_data(folder)
    epochs = {name: epoch_of(name, folder) for name in KINDS}
    times: dict[str, list[float]] = {name: [] for name in KINDS}
    rates: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    for turn in range(ROUNDS + 1):
        for name, epoch in epochs.items():
            start = time.perf_counter()
            epoch()
            if turn:  # the first turn is the warm-up
                times[name].append((time.perf_counter() - start) / STEPS)
        for name, seen in rates.items():
            seen.append(product_rate(getattr(torch, name)))
    return compared(times, rates)


def study_throughput(folder: Path) -> dict[str, float]:
    """The same with one run per core, as in `mbias study`: the time divided by the steps of all runs.

    The reference also uses all cores, in the faster of two ways: one run, or one run per core.
    """
    write_data(folder)
    times: dict[str, list[float]] = {name: [] for name in (*KINDS, "reference_alone")}
    rates: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    alone = epoch_of("reference", folder)
    alone()
    with Processes(folder) as processes:
        for _ in range(ROUNDS):
            for name in KINDS:
                times[name].append(processes.seconds(name) / (STEPS * cores()))
            start = time.perf_counter()
            alone()
            times["reference_alone"].append((time.perf_counter() - start) / STEPS)
            for name, seen in rates.items():
                seen.append(product_rate(getattr(torch, name)))
    seen_alone = times.pop("reference_alone")
    times["reference"] = [min(pair) for pair in zip(times["reference"], seen_alone, strict=True)]
    return {"reference_alone_ms": 1e3 * statistics.median(seen_alone), **compared(times, rates)}


def compared(times: dict[str, list[float]], rates: dict[str, list[float]]) -> dict[str, float]:
    """Medians, the median ratio to the reference over turns, and the share of the fastest rate of a large product."""
    result = {f"{name}_ms": 1e3 * statistics.median(seen) for name, seen in times.items()}
    for name, seen in rates.items():
        ratios = [reference / step for reference, step in zip(times["reference"], times[name], strict=True)]
        result[f"{name}_ratio"] = statistics.median(ratios)
        result[f"{name}_product_gflops"] = max(seen) / 1e9
        result[f"{name}_product_share"] = step_operations() / statistics.median(times[name]) / max(seen)
    return result


class Processes:
    """One process per core, each with one thread, that train side by side."""

    def __init__(self, folder: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._start = context.Barrier(cores() + 1)
        self._end = context.Barrier(cores() + 1)
        self._kind = context.Array("c", 16)
        arguments = (folder, self._start, self._end, self._kind)
        self._all = [context.Process(target=_train_when_told, args=arguments, daemon=True) for _ in range(cores())]

    def __enter__(self) -> Processes:
        for process in self._all:
            process.start()
        self._end.wait()
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._all:
            process.kill()

    def seconds(self, kind: str) -> float:
        """Seconds until all processes have trained one epoch."""
        self._kind.value = kind.encode()
        self._start.wait()
        start = time.perf_counter()
        self._end.wait()
        return time.perf_counter() - start


def _train_when_told(folder: Path, start, end, kind) -> None:  # type: ignore[no-untyped-def]  # of multiprocessing
    torch.set_num_threads(1)
    epochs = {name: epoch_of(name, folder) for name in KINDS}
    for epoch in epochs.values():
        epoch()
    end.wait()
    while True:
        start.wait()
        epochs[kind.value.decode()]()
        end.wait()


def write_data(folder: Path) -> None:
    """Simulate the same videos twice: as files, and packed."""
    for name, packed in (("files", False), ("packed", True)):
        simulate(folder / name, sizes={Split.TRAIN: VIDEOS, Split.VAL: 1, Split.TEST: 1}, packed=packed)


def epoch_of(kind: str, folder: Path) -> Callable[[], object]:
    """A function that trains an epoch of the reference, or of mbias in a precision."""
    if kind != "reference":
        return our_epoch(folder / "packed", getattr(torch, kind))
    split = open_split(folder / "packed", Split.TRAIN)
    return PlainTraining(folder / "files", split.videos, split.weak).epoch


def our_epoch(directory: Path, dtype: torch.dtype) -> Callable[[], object]:
    """A function that trains an epoch as `mbias train` does."""
    videos = load_data(directory, Split.TEST, CPU, dtype).videos[Split.TRAIN]
    torch.manual_seed(0)
    config, order = TrainingConfig(), torch.Generator().manual_seed(0)
    model = HAN(config.variant)
    optimizer = torch.optim.Adam(model.parameters(), config.learning_rate, fused=True)
    return lambda: train_epoch(model, optimizer, videos, config, dtype, order)


def step_operations() -> int:
    """Floating-point operations of the matrix products of one step: 16 videos, A_cross + V_cross, pooled frames."""
    model = HAN(TrainingConfig().variant)
    features = torch.zeros(16, 10, 128), torch.zeros(16, 10, 2048), torch.zeros(16, 10, 512)
    labels = torch.zeros(16, 25)
    with FlopCounterMode(display=False) as counter:
        cross_entropies(probabilities(model(*features)), targets(labels, TrainingConfig().smoothing)).sum().backward()
    return int(counter.get_total_flops())
