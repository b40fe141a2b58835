"""Quotients of means over pairs of a sample and its donors, with uncertainty over seeds, samples and donors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mbias.stats.estimates import Estimate, combined
from mbias.stats.pairs import PairSums

_ROUNDING = 1e-13
"""The part of a sum of squares that rounding may leave of it."""


def quotient(
    sums: PairSums,
    numerator: Sequence[float] | np.ndarray,
    denominator: Sequence[float] | np.ndarray | None = None,
    divisor: np.ndarray | float = 1.0,
    samples: np.ndarray | None = None,
) -> Estimate:
    """Estimate a quotient of sums of pair means.

    For pair means t_1, t_2, ..., the quotient is sum(numerator * t) / sum(denominator * t), or
    sum(numerator * t) / divisor without a denominator.

    Parameters
    ----------
    sums
        The sums over pairs of all seeds and terms.
    numerator
        The factor of each term in the numerator.
    denominator
        The factor of each term in the denominator.
    divisor
        A known divisor, for example of each cell, (cell,).
    samples
        The number of samples that each cell rests on, where it is smaller than the number of all samples. It sets the
        degrees of freedom.

    Returns
    -------
    Estimate
        Of shape (cell,); NaN where the denominator is 0.

    Examples
    --------
    Two samples that are donors to each other; the first term is 1 and the second is 3 on average:

    >>> import numpy as np
    >>> from mbias.stats.pairs import PairValues, sums_of
    >>> donors = np.array([[[1], [0]]])
    >>> first = PairValues(np.array([[[0.5], [1.5]]]), donors)
    >>> second = PairValues(np.array([[[3.0], [3.0]]]), donors)
    >>> quotient(sums_of([[first, second]]), (1, -1), (1, 1)).point
    array([-0.5])
    """
    points, gradients = _linearised(sums.means, numerator, denominator, divisor)
    seeds = len(points)
    shared = np.array(
        [np.full((seeds, seeds), True) if same.all() else np.eye(seeds, dtype=bool) for same in sums.same]
    )
    return _estimate(sums, points, gradients, np.arange(seeds)[:, None], shared, samples)


def difference(
    sums: PairSums, numerator: Sequence[float] | np.ndarray, denominator: Sequence[float] | np.ndarray
) -> Estimate:
    """Estimate the difference of two quotients, the second less the first, paired by seed, sample and donor.

    Parameters
    ----------
    sums
        The sums over pairs of the seeds of the first, and then of as many seeds of the second.
    numerator, denominator
        As for `quotient`.

    Returns
    -------
    Estimate
        Of shape (cell,).

    Examples
    --------
    >>> import numpy as np
    >>> from mbias.stats.pairs import PairValues, sums_of
    >>> donors = np.array([[[1], [0]]])
    >>> one, two = (PairValues(np.full((1, 2, 1), value), donors) for value in (1.0, 3.0))
    >>> difference(sums_of([[one, one], [one, two]]), (1, -1), (1, 1)).point
    array([-0.5])
    """
    points, gradients = _linearised(sums.means, numerator, denominator, 1.0)
    seeds = len(points) // 2
    first, second = points[:seeds], points[seeds:]
    factors = np.concatenate([-gradients[:seeds], gradients[seeds:]])
    pairs = np.arange(2 * seeds).reshape(2, seeds).T
    if sums.same[:, pairs[:, 0], pairs[:, 1]].all():
        # With the same donors, what the draw of the pairs adds to both cancels in part.
        of_pair = np.tile(np.eye(seeds, dtype=bool), (2, 2))
        shared = np.array([same | of_pair if same.all() else of_pair for same in sums.same])
    else:
        shared = np.zeros_like(sums.same)
        for side in (slice(seeds), slice(seeds, None)):
            for term, same in enumerate(sums.same):
                shared[term, side, side] = same[side, side].all() | np.eye(seeds, dtype=bool)
    return _estimate(sums, second - first, factors, pairs, shared, None)


def _estimate(
    sums: PairSums,
    points: np.ndarray,
    factors: np.ndarray,
    members: np.ndarray,
    shared: np.ndarray,
    samples: np.ndarray | None,
) -> Estimate:
    """The estimate of a statistic from its value and its linear approximation in the means of its members.

    Parameters
    ----------
    sums
        The sums over pairs.
    points
        The statistic, (statistic, cell), one per seed of a setting.
    factors
        The factor of each mean, (seed, term, cell).
    members
        The seeds of `sums` that each statistic is computed from, (statistic, member).
    shared
        Whether the draw of the pairs is shared by two seeds, bool (term, seed, seed).
    samples
        As for `quotient`.
    """
    number = np.minimum(sums.units, sums.samples if samples is None else samples)
    number = np.maximum(number, 2).astype(float)
    noises = np.where(shared[..., None], sums.noises, 0)
    within_seed = np.mean([_variance(sums, factors, noises, seeds) for seeds in members], axis=0)
    of_mean = _variance(sums, factors / len(points), noises, np.arange(len(factors)))
    return combined(points, within_seed, of_mean, number)


def _variance(sums: PairSums, factors: np.ndarray, noises: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """The variance of a sum of means over pairs, of some seeds and with these factors, (cell,)."""
    chosen = factors[seeds]
    terms = chosen.shape[1]
    sources = (seeds[:, None] * terms + np.arange(terms)).ravel()
    flat = chosen.reshape(len(sources), -1)
    products = sums.products[:, sources[:, None], sources]
    total = np.einsum("ic,jc,cij->c", flat, flat, products)
    noise = np.einsum("itc,jtc,tijc->c", chosen, chosen, noises[:, seeds[:, None], seeds])
    # As in a jackknife: without one sample, the pairs in which it is a donor are missing too.
    scale = sums.units / max(sums.units - 2, 1)
    # What is left of values that cancel is their rounding.
    total = np.where(total <= _ROUNDING * np.einsum("ic,cii->c", flat**2, products), 0, total)
    variance: np.ndarray = np.maximum(total - sums.samples * noise, total / 2) / sums.samples**2 * scale
    return variance


def _linearised(
    means: np.ndarray,
    numerator: Sequence[float] | np.ndarray,
    denominator: Sequence[float] | np.ndarray | None,
    divisor: np.ndarray | float,
) -> tuple[np.ndarray, np.ndarray]:
    """The quotients of means (seed, term, cell), (seed, cell), and their gradients, (seed, term, cell)."""
    u = np.asarray(numerator, dtype=float)
    w = np.zeros_like(u) if denominator is None else np.asarray(denominator, dtype=float)
    shape = means.shape[::2]
    below = np.broadcast_to(divisor, shape) if denominator is None else np.einsum("t,stc->sc", w, means)
    known = below != 0
    points = np.divide(np.einsum("t,stc->sc", u, means), below, out=np.full(shape, np.nan), where=known)
    above = u[:, None] - points[:, None] * w[:, None]
    wide = np.broadcast_to(below[:, None], means.shape)
    gradients = np.divide(above, wide, out=np.full(means.shape, np.nan), where=wide != 0)
    return points, gradients
