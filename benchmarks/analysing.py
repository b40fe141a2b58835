"""Time and memory of `mbias-analyze` processes on a study of 16 runs of 40 epochs of 1,200 videos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.process import whole_process
from mbias import Header, RunWriter
from mbias.han.losses import JOINT_LOSS, LOSSES
from mbias.terms import CATEGORIES, PRESETS, Modality, Variant
from mbias.training.record import ARRAYS

VIDEOS, EPOCHS = 1200, 40


def analysing(folder: Path) -> dict[str, float]:
    """Seconds and MiB of each question; the run with the median time of three."""
    study = folder / "study"
    for variant in Variant:
        for smoothing in PRESETS:
            write_drawn_run(study / f"{variant}-{smoothing}-seed0", variant, smoothing)
    result = {}
    for question in ("attention", "losses"):
        median = sorted(whole_process(["-m", "mbias.cli.analyze", question, str(study)]) for _ in range(3))[1]
        result[f"{question}_s"], result[f"{question}_mib"] = median
    return result


def write_drawn_run(path: Path, variant: str, smoothing: str) -> None:
    """Write a record of the real shape and size, with random numbers that depend on its name; the truth does not."""
    rng = np.random.default_rng(0)
    training = {"variant": variant, "smoothing": smoothing, "seed": 0, "epochs": EPOCHS}
    header = Header(
        tuple(Modality), CATEGORIES, LOSSES, JOINT_LOSS, "test", ARRAYS, "video", simulated=True, training=training
    )
    truth = {modality: rng.random((VIDEOS, 10, len(CATEGORIES))) < 0.05 for modality in Modality}
    writer = RunWriter.create(path, header, pd.DataFrame({"video": np.arange(VIDEOS)}), truth)
    rng = np.random.default_rng(list(path.name.encode()))
    wav = rng.random((VIDEOS, 10, 2, len(CATEGORIES)), dtype=np.float32)
    wav /= wav.sum(axis=2, keepdims=True)
    more = {"wtp": np.full_like(wav, 0.1), "p": wav, "p_joint": 0.1 * (wav * wav).sum(axis=(1, 2))}
    for epoch in range(1, EPOCHS + 1):
        losses = {loss: {"optimised": 1 / epoch, "hard": 1 / epoch, "floor": 0.0} for loss in LOSSES}
        last = epoch == EPOCHS
        writer.commit(losses, {"wav": wav, **(more if last else {})}, best=last)
