"""Paired tests, effect sizes, equivalence, and corrections for several comparisons."""

from __future__ import annotations

import numpy as np
from scipy import special

from mbias.stats.estimates import Estimate


def standardised(differences: np.ndarray) -> np.ndarray:
    """Cohen's d_z of paired differences: their mean divided by their standard deviation.

    Parameters
    ----------
    differences
        Paired differences of shape (pair, ...).

    Returns
    -------
    numpy.ndarray
        Effect sizes of shape (...), NaN for a single pair or where the standard deviation is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from mbias.stats.significance import standardised
    >>> float(standardised(np.array([1.0, 2.0, 3.0])))
    2.0
    """
    if len(differences) < 2:
        return np.full(differences.shape[1:], np.nan)
    deviation = differences.std(axis=0, ddof=1)
    effect: np.ndarray = np.divide(
        differences.mean(axis=0), deviation, out=np.full(deviation.shape, np.nan), where=deviation > 0
    )
    return effect


def cliffs_delta(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cliff's delta: how much more often a value of ``a`` is above a value of ``b`` than below it.

    Parameters
    ----------
    a, b
        Values of shapes (n, ...) and (m, ...).

    Returns
    -------
    numpy.ndarray
        P(a > b) - P(a < b) over all n m pairs, in [-1, 1], of shape (...).

    Examples
    --------
    Three of the four pairs are above, and one is below:

    >>> import numpy as np
    >>> from mbias.stats.significance import cliffs_delta
    >>> float(cliffs_delta(np.array([2.0, 4.0]), np.array([1.0, 3.0])))
    0.5
    """
    delta: np.ndarray = np.sign(a[:, None] - b[None]).mean(axis=(0, 1))
    return delta


def holm(p: np.ndarray) -> np.ndarray:
    """Adjust p-values for the family-wise error rate by Holm's method, for a few contrasts.

    Parameters
    ----------
    p
        p-values of shape (n,). NaN marks a test that is not counted.

    Returns
    -------
    numpy.ndarray
        Adjusted p-values of shape (n,), NaN where ``p`` is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from mbias.stats.significance import holm
    >>> holm(np.array([0.01, 0.04, 0.03, np.nan]))
    array([0.03, 0.06, 0.06,  nan])
    """
    adjusted = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known])]
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1)
    return adjusted


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Adjust p-values for the false discovery rate by Benjamini and Hochberg's method, for many categories.

    Parameters
    ----------
    p
        p-values of shape (n,). NaN marks a test that is not counted.

    Returns
    -------
    numpy.ndarray
        Adjusted p-values of shape (n,), NaN where ``p`` is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from mbias.stats.significance import benjamini_hochberg
    >>> benjamini_hochberg(np.array([0.01, 0.04, np.nan, 0.03]))
    array([0.03, 0.04,  nan, 0.04])
    """
    adjusted = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known])[::-1]]
    ranks = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.minimum.accumulate(p[order] * len(order) / ranks), 1)
    return adjusted


def no_difference(estimate: Estimate) -> np.ndarray:
    """Two-sided test that a statistic over seeds and samples is 0, for use with `holm` or `benjamini_hochberg`.

    The test is the t test of the interval, except that p is not smaller than that of Behrens and Fisher's test, in
    which the part of the samples is normal and the part of S seeds has Student's t with S - 1 degrees of freedom. The
    two differ where there are few seeds and p is small: an adjusted p of 0.05 over 12 tests needs a p of 0.004. There,
    Satterthwaite's degrees of freedom are too many: with three seeds, 9 to 15 % of the studies without a difference
    would have a significant one (``benchmarks/comparing.py``). With one seed, it is the t test.

    Parameters
    ----------
    estimate
        The statistic with its uncertainty.

    Returns
    -------
    numpy.ndarray
        p-values in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from mbias.stats.estimates import estimate
    >>> from mbias.stats.intervals import ratio
    >>> from mbias.stats.significance import no_difference
    >>> values = np.tile([-1.0, 3.0], (6, 50)) + np.arange(6)[:, None]
    >>> mean = estimate(np.stack([values, np.ones_like(values)], axis=-1), ratio)
    >>> round(float(no_difference(mean)), 3)
    0.006
    """
    p: np.ndarray = np.minimum(2 * np.minimum(estimate.above(0), estimate.below(0)), 1)
    if estimate.seeds == 1:
        return p
    between = estimate.by_seed.var(axis=0, ddof=1) / estimate.seeds
    # How each seed reacts to the samples is in both parts; here it belongs to the seeds.
    both = np.where(estimate.seeds_part > 0, between - estimate.seeds_part, 0.0)
    samples = np.sqrt(np.clip(estimate.samples_part - both, 0, None))
    normal = special.ndtri((np.arange(200) + 0.5) / 200).reshape(-1, *np.ones(between.ndim, dtype=int))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (np.abs(estimate.point) - samples * normal) / np.sqrt(between)
    tails = np.where(between > 0, special.stdtr(estimate.seeds - 1, -t).mean(axis=0), 0.0)
    strict: np.ndarray = np.minimum(np.maximum(p, 2 * tails), 1)
    return strict


def equivalence(estimate: Estimate, margin: float) -> np.ndarray:
    """Two one-sided tests (Schuirmann 1987) that a statistic lies within ``margin`` of 0.

    A claim of "no difference" needs a small p of this test. A large p of a test for a difference says only that no
    difference was detected.

    Parameters
    ----------
    estimate
        The statistic with its uncertainty.
    margin
        Largest absolute value that counts as no difference, in the unit of the statistic.

    Returns
    -------
    numpy.ndarray
        p-values of the null hypothesis that the statistic is not within ``margin`` of 0; the larger of the two tests.

    Examples
    --------
    >>> import numpy as np
    >>> from mbias.stats.estimates import estimate
    >>> from mbias.stats.intervals import ratio
    >>> from mbias.stats.significance import equivalence
    >>> values = np.tile([-0.1, 0.1], (1, 50))
    >>> parts = np.stack([values, np.ones_like(values)], axis=-1)
    >>> mean = estimate(parts, ratio)
    >>> bool(equivalence(mean, margin=0.05) < 0.001), bool(equivalence(mean, margin=0.01) < 0.05)
    (True, False)
    """
    p: np.ndarray = np.maximum(estimate.above(-margin), estimate.below(margin))
    return p
