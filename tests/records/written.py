"""A small run that the tests of the record write."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mbias import Header, RunWriter

SAMPLES, SEGMENTS, CATEGORIES = 6, 4, ("Dog", "Cat", "犬 & <b>")


DIMENSIONS = ("video", "segment", "modality", "category")


def header(**changes):
    fields = {
        "modalities": ("audio", "visual"),
        "categories": CATEGORIES,
        "losses": ("audio", "visual", "wsl"),
        "joint_loss": "wsl",
        "split": "test",
        "arrays": {"wav": DIMENSIONS, "p_joint": ("video", "category")},
        "sample": "video",
    }
    return Header(**{**fields, **changes})


def drawn_attention(seed=0):
    wav = np.random.default_rng(seed).random((SAMPLES, SEGMENTS, 2, len(CATEGORIES)), dtype=np.float32)
    return wav / wav.sum(axis=2, keepdims=True)


def written_run(path, epochs=3):
    rng = np.random.default_rng(7)
    truth = {m: rng.random((SAMPLES, SEGMENTS, len(CATEGORIES))) < 0.3 for m in ("audio", "visual")}
    writer = RunWriter.create(path, header(), pd.DataFrame({"video": [f"v{i}" for i in range(SAMPLES)]}), truth)
    for epoch in range(epochs):
        writer.commit({"audio": {"optimised": 1.0 / (epoch + 1)}}, {"wav": drawn_attention(epoch)}, best=epoch == 1)
    return path
