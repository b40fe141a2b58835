"""What an undetermined verdict needs to be decided: how many seeds, or how many times as many samples."""

from __future__ import annotations

import numpy as np

from mbias.analysis.measures.use import Use
from mbias.analysis.measures.verdict import MARGIN, Verdict
from mbias.stats.bounded import Bounded
from mbias.stats.intervals import LEVEL, t_quantile

MOST_SEEDS = 100


def seeds_needed(balance: Bounded, row: int = 0, level: float = LEVEL) -> int | None:
    """How many seeds would keep the interval of a balance clear of the margins, if the balance stayed as estimated.

    Returns
    -------
    int or None
        None where no number up to `MOST_SEEDS` would, or there is one seed, whose variance is not known.
    """
    z = balance.z
    distance = _distance(balance, row)
    samples, seeds = float(z.samples_part[row]), float(z.seeds_part[row]) * z.seeds
    for more in range(z.seeds + 1, MOST_SEEDS + 1):
        if t_quantile(more - 1, level) * np.sqrt(samples + seeds / more) <= distance:
            return more
    return None


def samples_needed(balance: Bounded, row: int = 0, level: float = LEVEL) -> float:
    """How many times as many samples would do so with these seeds; infinite where no number would."""
    z = balance.z
    samples = float(z.samples_part[row])
    seeds = float(np.nan_to_num(z.seeds_part[row]))
    left = (_distance(balance, row) / float(t_quantile(float(z.df[row]), level))) ** 2 - seeds
    return max(samples / left, 1.0) if left > 0 else float("inf")


def deciding(use: Use, verdict: Verdict) -> Bounded | None:
    """The balance that an undetermined verdict waits for; None where the balances as estimated fit no word.

    Of more than two modalities, the two largest may be balanced while another one is less: then none of the words
    applies, with any number of seeds and samples.
    """
    shares = np.array([share.point[0] for share in use.share])
    if abs(verdict.balance) > MARGIN or len(shares) == 2:
        return use.balance[verdict.first, verdict.second]
    if np.isnan(shares).any():
        return None
    least = int(np.argsort(-shares, kind="stable")[-1])
    widest = use.balance[verdict.first, least]
    return widest if abs(widest.point[0]) <= MARGIN else None


def _distance(balance: Bounded, row: int) -> float:
    """How far a balance is from the nearer margin, on the scale of z."""
    return float(abs(abs(balance.z.point[row]) - np.arctanh(MARGIN)))
