"""The rows of tables of verdicts."""

from __future__ import annotations

from typing import Any

import numpy as np

from mbias.analysis.measures.catalogue import Estimated, balance_of
from mbias.analysis.measures.use import Use
from mbias.analysis.measures.verdict import (
    BALANCED,
    FEWEST_POSITIVES,
    MARGIN,
    NOTHING,
    UNDETERMINED,
    Verdict,
    decide,
    decide_categories,
    favoured,
)
from mbias.analysis.settings import Setting


def verdict_columns(verdict: Verdict, setting: Setting) -> dict[str, Any]:
    """The columns that every table of verdicts has."""
    return {
        "verdict": verdict.words,
        "flags": "|".join(verdict.flags),
        "first": setting.modalities[verdict.first],
        "second": setting.modalities[verdict.second],
        "balance": verdict.balance,
        "balance_low": verdict.low,
        "balance_high": verdict.high,
        "level": verdict.level,
        "p_balanced": verdict.p_balanced,
        "matter": "|".join(verdict.matter),
        "reason": verdict.reason,
    }


def attention_of(of_setting: Estimated) -> float:
    """The mean attention on the first of two modalities; NaN where it is not recorded."""
    weights = [other for measure, other in of_setting.by_measure.items() if measure.name == "attention"]
    return float(weights[0].point[0, 0]) if weights else np.nan


def contradicting(of_setting: Estimated, verdict: Verdict) -> list[str]:
    """The independent measures whose balance lies beyond the margin on another side than the verdict."""
    if verdict.words in (NOTHING, UNDETERMINED):
        return []
    names = []
    for measure, other in of_setting.by_measure.items():
        if measure.independent:
            balance = balance_of(measure, other)
            sides = {1: balance.low > MARGIN, -1: balance.high < -MARGIN}
            if any(
                beyond for toward, beyond in sides.items() if verdict.words == BALANCED or toward * verdict.balance < 0
            ):
                names.append(measure.display_name)
    return names


def category_rows(setting: Setting, use: Use) -> list[dict[str, Any]]:
    """The verdicts on the categories of a setting that have `FEWEST_POSITIVES` labelled samples."""
    samples = label_counts(setting)
    indices = np.flatnonzero(samples >= FEWEST_POSITIVES)
    named = favoured(decide(use).words)
    rows = []
    for index, (verdict, p) in zip(indices, decide_categories(use, 1 + indices), strict=True):
        toward = favoured(verdict.words)
        rows.append(
            {
                **setting.identity,
                "category": setting.categories[index],
                **verdict_columns(verdict, setting),
                "p": p,
                "discordant": named is not None and toward not in (None, named),
                "samples": int(samples[index]),
            }
        )
    return rows


def label_counts(setting: Setting) -> np.ndarray:
    """The number of samples with each category, (category,); of all samples where there are no such labels."""
    if "weak" not in setting.runs[0].truth:
        return np.full(len(setting.categories), setting.samples)
    counts: np.ndarray = setting.weak.sum(axis=0)
    return counts
