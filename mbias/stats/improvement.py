"""The probability that one method is better than another, from the values of their seeds (Agarwal et al. 2021)."""

from __future__ import annotations

import numpy as np

from mbias.stats.intervals import LEVEL
from mbias.stats.resampling import RESAMPLES

FEWEST = 3
"""With fewer seeds, the probability has no interval."""


def probability_of_improvement(better: np.ndarray, worse: np.ndarray) -> tuple[float, float, float]:
    """Return how often a seed of one method has a larger value than a seed of another, with a 95 % interval.

    A tie counts half. The interval is the percentile bootstrap over the seeds of each method, as in rliable.

    Parameters
    ----------
    better
        The values of the seeds of the method that may be better, of shape (n,).
    worse
        Those of the other method, of shape (m,).

    Returns
    -------
    tuple of float
        The probability and the ends of its interval, in [0, 1]; the ends are NaN for fewer than 3 seeds.

    Examples
    --------
    >>> import numpy as np
    >>> probability_of_improvement(np.array([2.0, 4.0]), np.array([1.0, 3.0]))
    (0.75, nan, nan)
    """
    wins = (np.sign(better[:, None] - worse[None]) + 1) / 2
    point = float(wins.mean())
    if min(wins.shape) < FEWEST:
        return point, float("nan"), float("nan")
    rng = np.random.default_rng(0)
    first, second = (rng.integers(size, size=(RESAMPLES, size)) for size in wins.shape)
    resampled = wins[first[:, :, None], second[:, None, :]].mean(axis=(1, 2))
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return point, float(low), float(high)
