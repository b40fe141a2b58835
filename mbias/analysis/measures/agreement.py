"""Do the measures agree? Rank correlations between their balances."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from mbias.analysis.measures.catalogue import Estimates, Measure
from mbias.analysis.measures.coalitions import enough
from mbias.stats.correlation import mean_rank_correlation, rank_correlation


def agreement_rows(estimated: Estimates) -> list[dict[str, Any]]:
    """The rows of `mbias.analysis.reliance.agreement`, of the measures that apply to the most settings."""
    measured = [of_setting for of_setting in estimated if of_setting.by_measure]
    by_measure: dict[Measure, list[np.ndarray | None]] = {}
    for index, of_setting in enumerate(measured):
        kept = np.concatenate([[True], enough(of_setting.setting.weak)])
        for measure, of_measure in of_setting.by_measure.items():
            balances = by_measure.setdefault(measure, [None] * len(measured))
            balances[index] = np.where(kept, of_measure.by_seed[..., 2], np.nan)
    applies = {measure: sum(of is not None for of in balances) for measure, balances in by_measure.items()}
    most = [measure for measure, number in applies.items() if number == max(applies.values())]
    rows = []
    for first, second in itertools.combinations(most, 2):
        pair = {"measure": first.display_name, "other": second.display_name}
        # Two measures may apply to different settings.
        both = [
            (a, b)
            for a, b in zip(by_measure[first], by_measure[second], strict=True)
            if a is not None and b is not None
        ]
        of_settings = np.array([[a[:, 0].mean(), b[:, 0].mean()] for a, b in both]).reshape(-1, 2)
        of_runs = [(a, b) for of_a, of_b in both for a, b in zip(of_a[:, 1:], of_b[:, 1:], strict=True)]
        rows.append({"over": "settings", **pair, **rank_correlation(*of_settings.T)})
        rows.append({"over": "categories", **pair, **mean_rank_correlation(of_runs)})
    return rows
