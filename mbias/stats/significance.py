"""Paired tests, effect sizes, equivalence, and corrections for several comparisons."""

from __future__ import annotations

import numpy as np

from mbias.stats.estimates import Estimate

EXACT = 14
"""Up to so many pairs, a sign-flip test takes all signs there are."""


def sign_flip(differences: np.ndarray, rng: np.random.Generator, resamples: int = 10_000) -> np.ndarray:
    """Two-sided p that paired differences are as likely of one sign as of the other.

    All signs are taken for up to `EXACT` pairs, so that 2 / 2^n is the smallest p: 0.25 at 3 pairs, 0.031 at 6. For
    more, ``resamples`` draws, the observed signs counted as one of them.

    Parameters
    ----------
    differences
        Of shape (pair, ...).

    Returns
    -------
    numpy.ndarray
        In (0, 1], of shape (...).
    """
    pairs = len(differences)
    if pairs <= EXACT:
        bits = np.arange(2**pairs)[:, None] >> np.arange(pairs)
        signs = 1.0 - 2.0 * (bits & 1)
    else:
        signs = np.concatenate([np.ones((1, pairs)), rng.choice([-1.0, 1.0], (resamples, pairs))])
    flipped = np.abs(np.tensordot(signs, differences, axes=1))
    # What is equal but for rounding counts as equal.
    p: np.ndarray = (flipped >= flipped[0] - 1e-12 * np.abs(differences).sum(axis=0)).mean(axis=0)
    return p


def standardised(differences: np.ndarray) -> np.ndarray:
    """Cohen's d_z of paired differences, (pair, ...): their mean in their standard deviations; NaN for one pair."""
    if len(differences) < 2:
        return np.full(differences.shape[1:], np.nan)
    deviation = differences.std(axis=0, ddof=1)
    return np.divide(differences.mean(axis=0), deviation, out=np.full(deviation.shape, np.nan), where=deviation > 0)


def cliffs_delta(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cliff's delta, in [-1, 1]: how much more often an ``a``, (n, ...), is above a ``b``, (m, ...), than below."""
    delta: np.ndarray = np.sign(a[:, None] - b[None]).mean(axis=(0, 1))
    return delta


def holm(p: np.ndarray) -> np.ndarray:
    """P-values of one axis adjusted by Holm's method, for few contrasts; NaN stays."""
    adjusted = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known])]
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1)
    return adjusted


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """P-values of one axis adjusted for the rate of false discoveries, for many categories; NaN stays."""
    adjusted = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known])[::-1]]
    ranks = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.minimum.accumulate(p[order] * len(order) / ranks), 1)
    return adjusted


def equivalence(of: Estimate, margin: float) -> np.ndarray:
    """P of two one-sided tests (Schuirmann 1987) that the statistic is not within ``margin`` of 0.

    "No difference" needs this small; a large p of a test for a difference says only that nothing was seen.
    """
    return np.maximum(of.above(-margin), of.below(margin))
