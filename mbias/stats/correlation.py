"""Spearman's rank correlations with their intervals."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy import special, stats

from mbias.stats.intervals import student


def rank_correlation(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    """The correlation of two series of independent values.

    Parameters
    ----------
    first, second
        Values of shape (n,); pairs with NaN are left out.

    Returns
    -------
    dict
        ``rho``, in [-1, 1], with its 95 % interval by Fisher's z, ``rho_low`` and ``rho_high`` (NaN for fewer than 5
        pairs, and where the ranks are the same or reversed), and ``number``, of the pairs. The variance of z for ranks
        is that of Bonett & Wright 2000.

    Examples
    --------
    >>> import numpy as np
    >>> found = rank_correlation(np.arange(8.0), np.array([0.0, 1, 3, 2, 4, 6, 5, 7]))
    >>> {name: round(value, 2) for name, value in found.items()}
    {'rho': 0.95, 'rho_low': 0.66, 'rho_high': 0.99, 'number': 8}
    """
    known = ~np.isnan(first) & ~np.isnan(second)
    number = int(known.sum())
    rho = _spearman(first[known], second[known])
    low = high = np.nan
    # A correlation of 1 may be rounded to less.
    if number >= 5 and abs(rho) < 1 - 1e-9:
        half = special.ndtri(0.975) * np.sqrt((1 + rho**2 / 2) / (number - 3))
        low, high = np.tanh(np.arctanh(rho) + np.array([-half, half]))
    return {"rho": rho, "rho_low": float(low), "rho_high": float(high), "number": number}


def mean_rank_correlation(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """The mean of the correlations of several pairs of series, as `rank_correlation`.

    The interval is Student's, over pairs; NaN for one pair. ``number`` is that of the pairs with a correlation.
    """
    by_pair = []
    for a, b in pairs:
        known = ~np.isnan(a) & ~np.isnan(b)
        by_pair.append(_spearman(a[known], b[known]))
    rhos = np.array(by_pair)[~np.isnan(by_pair)]
    if not len(rhos):
        return {"rho": np.nan, "rho_low": np.nan, "rho_high": np.nan, "number": 0}
    rho, low, high = np.clip(student(rhos), -1, 1)
    return {"rho": float(rho), "rho_low": float(low), "rho_high": float(high), "number": len(rhos)}


def _spearman(first: np.ndarray, second: np.ndarray) -> float:
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(stats.rankdata(first), stats.rankdata(second))[0, 1])
