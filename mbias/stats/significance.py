"""Paired tests, effect sizes, equivalence, and corrections for several comparisons."""

from __future__ import annotations

import numpy as np

from mbias.stats.estimates import Estimate

EXACT = 14
"""Largest number of pairs for which a sign-flip test enumerates all signs."""


def sign_flip(differences: np.ndarray, rng: np.random.Generator, resamples: int = 10_000) -> np.ndarray:
    """Two-sided sign-flip test of paired differences.

    The null hypothesis is that each difference is as likely to be positive as to be negative. Up to `EXACT` pairs, all
    signs are enumerated, so that the smallest p is 2 / 2^n: 0.25 for 3 pairs, 0.031 for 6. With more pairs,
    ``resamples`` sets of signs are drawn, and the observed signs count as one more.

    Parameters
    ----------
    differences
        Paired differences of shape (pair, ...).
    rng
        Generator of the drawn signs; not used if all signs are enumerated.
    resamples
        Number of drawn sets of signs.

    Returns
    -------
    numpy.ndarray
        p-values in (0, 1], of shape (...).

    Examples
    --------
    >>> import numpy as np
    >>> from mbias.stats.significance import sign_flip
    >>> float(sign_flip(np.array([0.1, 0.2, 0.3]), np.random.default_rng(0)))
    0.25
    """
    pairs = len(differences)
    if pairs <= EXACT:
        bits = np.arange(2**pairs)[:, None] >> np.arange(pairs)
        signs = 1.0 - 2.0 * (bits & 1)
    else:
        signs = np.concatenate([np.ones((1, pairs)), rng.choice([-1.0, 1.0], (resamples, pairs))])
    flipped = np.abs(np.tensordot(signs, differences, axes=1))
    # Sums that differ by rounding alone count as equal.
    p: np.ndarray = (flipped >= flipped[0] - 1e-12 * np.abs(differences).sum(axis=0)).mean(axis=0)
    return p


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
