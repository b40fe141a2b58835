"""Records of small models whose modalities, categories and words are not those of the paper."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import mbias
from mbias.records.header import Header
from mbias.records.run import Run
from mbias.records.writer import RunWriter

MODALITIES = ("text", "image", "sensor", "depth", "touch", "radar", "lidar", "pulse")
"""From the one that the models use most to the one that they use least."""

CATEGORIES = ("calm", "angry", "glad")
WIDTH, SEGMENTS = 4, 3


def record_other(
    path: Path,
    modalities: tuple[str, ...] = MODALITIES[:3],
    *,
    seed: int = 0,
    samples: int = 120,
    whole: bool = True,
    segments: bool = False,
    labels: bool = True,
    groups: bool = False,
    setting: str | None = None,
    stand_ins: tuple[str, ...] = ("permuted",),
) -> Path:
    """A probed record of a late-fusion model.

    Parameters
    ----------
    whole
        Whether attention, probabilities and losses of the modalities are recorded, or the outputs alone.
    segments
        Whether these arrays have segments.
    labels, groups
        Whether these are recorded.
    setting
        The name of the setting, of which ``seed`` is a seed.
    stand_ins
        What replaces a modality; none leaves the record without a probe.
    """
    truth, inputs = _data(modalities, samples)
    model = _Model(modalities, seed)
    axes = ("example", *("segment",) * segments, "modality", "category")
    arrays = {"wav": axes, "p": axes, "p_joint": ("example", "category")} | ({"wtp": axes} if segments else {})
    header = Header(
        modalities=modalities,
        categories=CATEGORIES,
        losses=(*modalities, "total") if whole else ("total",),
        joint_loss="total",
        split="held-out",
        arrays=arrays if whole else {"p_joint": arrays["p_joint"]},
        sample="example",
        setting=setting,
        seed=None if setting is None else seed,
    )
    table = pd.DataFrame({"example": [f"e{i:03d}" for i in range(samples)]})
    if groups:
        table["group"] = [f"person{i // 3}" for i in range(samples)]
    recorded = {"weak": truth} | (
        {name: np.repeat(truth[:, None], SEGMENTS, 1) for name in modalities} if segments else {}
    )
    writer = RunWriter.create(path, header, table, recorded if labels else None)
    for progress in (0.3, 1.0):
        weights, p = model.parts(inputs, progress)
        joint = model.joint(weights, p)
        values = {"wav": weights, "p": p}
        if segments:
            values = {name: np.repeat(array[:, None], SEGMENTS, 1) for name, array in values.items()}
            values["wtp"] = np.full_like(values["p"], 1 / SEGMENTS)
        of_modalities = {name: {"optimised": _cross_entropy(p[:, m], truth)} for m, name in enumerate(modalities)}
        losses = (of_modalities if whole else {}) | {"total": {"optimised": _cross_entropy(joint, truth)}}
        writer.commit(losses, {**(values if whole else {}), "p_joint": joint})
    if stand_ins:
        mbias.probe(Run(path), model, inputs, draws=2, stand_ins=stand_ins)
    return path


class _Model:
    """Probabilities of each modality, weighted by attention that falls from the first modality to the last."""

    def __init__(self, modalities: tuple[str, ...], seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.modalities = modalities
        self.tilt = rng.normal(0, 0.1, (len(modalities), len(CATEGORIES)))

    def parts(self, inputs: dict[str, np.ndarray], progress: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        stacked = np.stack([inputs[name] for name in self.modalities], axis=1)
        p = 1 / (1 + np.exp(-6 * progress * (stacked[..., : len(CATEGORIES)] - 0.5)))
        logits = progress * (-0.9 * np.arange(len(self.modalities))[:, None] + self.tilt) + 0.4 * stacked[..., -1:]
        weights = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return weights, p

    @staticmethod
    def joint(weights: np.ndarray, p: np.ndarray) -> np.ndarray:
        total: np.ndarray = (weights * p).sum(axis=1)
        return total

    def __call__(self, **inputs: np.ndarray) -> np.ndarray:
        return self.joint(*self.parts(inputs))


def _data(modalities: tuple[str, ...], samples: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.default_rng(7)
    truth = rng.random((samples, len(CATEGORIES))) < 0.4
    noise = rng.normal(0, 0.4, (len(modalities), samples, WIDTH))
    noise[:, :, : len(CATEGORIES)] += truth
    return truth, dict(zip(modalities, noise, strict=True))


def _cross_entropy(p: np.ndarray, truth: np.ndarray) -> float:
    p = np.clip(p, 1e-7, 1 - 1e-7)
    return float(-np.where(truth, np.log(p), np.log1p(-p)).mean())
