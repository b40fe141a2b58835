"""From an estimate of a balance to a verdict: the rule, the margin, and what an undetermined verdict needs."""

from __future__ import annotations

from typing import Any

import numpy as np

from mbias.analysis.measures.catalogue import BALANCE
from mbias.stats.estimates import Estimate
from mbias.stats.intervals import LEVEL, t_quantile
from mbias.stats.significance import equivalence

MARGIN = 0.2
"""A balance this close to 0 counts as balanced: neither modality has more than 60 % of what the two give."""

ALPHA = 0.05
ENOUGH_SEEDS = 6
"""With fewer seeds, no sign-flip test over seeds can reach 5 %."""

MOST_SEEDS = 100
BALANCED, UNDETERMINED = "balanced", "undetermined"


def decide(estimated: Estimate, row: int, modalities: tuple[str, ...]) -> dict[str, Any]:
    """The verdict on one row of an estimate, with the numbers that it rests on.

    Parameters
    ----------
    estimated
        An estimate of the two numbers of a measure and their balance.
    row
        The row of the estimate.
    modalities
        The names of the two modalities.

    Returns
    -------
    dict
        ``verdict``; ``balance`` with its 95 % interval, ``balance_low`` and ``balance_high``; and ``p_balanced``, the
        p of the equivalence test.
    """
    low, high = (float(end[row, 2]) for end in estimated.interval(bounds=BALANCE))
    point, p = float(estimated.point[row, 2]), float(equivalence(estimated, MARGIN)[row, 2])
    return {
        "verdict": _verdict(low, high, p, modalities),
        "balance": point,
        "balance_low": low,
        "balance_high": high,
        "p_balanced": p,
    }


def agrees(verdict: str, balance: float, other: float) -> bool:
    """Whether the balance of another measure agrees with a verdict and its balance."""
    if verdict == BALANCED:
        return abs(other) <= MARGIN
    return balance * other > 0 and (verdict == UNDETERMINED or abs(other) > MARGIN)


def needed(estimated: Estimate, verdict: str) -> tuple[float, bool]:
    """How many seeds would decide an undetermined verdict (NaN where none), and whether samples are needed instead."""
    if verdict != UNDETERMINED:
        return np.nan, False
    if estimated.seeds < 2:
        return float(ENOUGH_SEEDS), False
    seeds = seeds_needed(estimated, 0)
    return (np.nan, True) if seeds is None else (float(max(seeds, estimated.seeds + 1)), False)


def seeds_needed(estimated: Estimate, row: int, level: float = LEVEL) -> int | None:
    """How many seeds would keep the interval of a balance clear of the margins, if the balance stayed as estimated.

    Parameters
    ----------
    estimated
        An estimate of the two numbers of a measure and their balance.
    row
        The row of the estimate.
    level
        The level of the interval.

    Returns
    -------
    int or None
        None where no number up to `MOST_SEEDS` would; then there are too few samples.
    """
    distance = abs(abs(float(estimated.point[row, 2])) - MARGIN)
    samples, seeds = float(estimated.samples_part[row, 2]), float(estimated.seeds_part[row, 2]) * estimated.seeds
    for more in range(2, MOST_SEEDS + 1):
        if t_quantile(more - 1, level) * np.sqrt(samples + seeds / more) <= distance:
            return more
    return None


def _verdict(low: float, high: float, p_balanced: float, modalities: tuple[str, ...]) -> str:
    if low > MARGIN:
        return f"biased toward {modalities[0]}"
    if high < -MARGIN:
        return f"biased toward {modalities[1]}"
    return BALANCED if p_balanced <= ALPHA else UNDETERMINED
