"""Runs at LLP's size: memory, the cost of evaluation and commit, and how the cost grows with the data."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import torch

from benchmarks.process import whole_process
from mbias import Run
from mbias.llp.simulate import simulate
from mbias.terms import Split
from mbias.training import fit as fit_module
from mbias.training.config import TrainingConfig
from mbias.training.data import load_data
from mbias.training.devices import cores, name_of
from mbias.training.record import inspect_run

LLP = {Split.TRAIN: 10_000, Split.VAL: 649, Split.TEST: 1_200}


def llp_size(folder: Path) -> dict[str, float]:
    """Peak memory of `mbias train` at LLP's size, and the share of an epoch that is not spent on training."""
    directory, out = folder / "llp", folder / "run"
    simulate(directory, sizes=LLP, packed=True)
    data, path = ["--data", str(directory)], ["--out", str(out)]
    _, peak = whole_process(["-m", "mbias.cli.main", "train", *data, *path, "--epochs", "2"])
    whole = [commit.seconds or 0.0 for commit in Run(out).commits]
    return {"peak_mib": peak, "epoch_s": statistics.median(whole), **_share(directory, folder / "timed")}


def _share(directory: Path, out: Path) -> dict[str, float]:
    """Share of an epoch spent on evaluation, commit and checkpoints, from epochs whose training is timed separately."""
    config = TrainingConfig(epochs=2, threads=cores())
    cpu = torch.device("cpu")
    dtype = fit_module.choose_precision("auto", cpu)
    trained: list[float] = []
    train_epoch = fit_module.train_epoch

    def timed(*arguments, **options):  # type: ignore[no-untyped-def]
        start = time.perf_counter()
        result = train_epoch(*arguments, **options)
        trained.append(time.perf_counter() - start)
        return result

    fit_module.train_epoch = timed
    try:
        data = load_data(directory, Split.TEST, cpu, dtype)
        fit_module.fit(inspect_run(out, config, name_of(dtype), data.fingerprint), data)
    finally:
        fit_module.train_epoch = train_epoch
    shares = [1 - t / (commit.seconds or t) for t, commit in zip(trained, Run(out).commits, strict=True)]
    return {"beside_training_share": statistics.median(shares)}


def growth(folder: Path) -> dict[str, float]:
    """Milliseconds per video and epoch with 1,000, 3,000 and 10,000 training videos, measured in turn."""
    from benchmarks.training import our_epoch

    sizes = (1_000, 3_000, 10_000)
    for size in sizes:
        simulate(folder / str(size), sizes={Split.TRAIN: size, Split.VAL: 1, Split.TEST: 1}, packed=True)
    dtype = fit_module.choose_precision("auto", torch.device("cpu"))
    epochs = {size: our_epoch(folder / str(size), dtype) for size in sizes}
    epochs[1_000]()
    times: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(2):
        for size, epoch in epochs.items():
            start = time.perf_counter()
            epoch()
            times[size].append(1e3 * (time.perf_counter() - start) / size)
    result = {f"ms_a_video_{size}": min(measured) for size, measured in times.items()}
    return {**result, "largest_over_smallest": max(result.values()) / min(result.values())}
