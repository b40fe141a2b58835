"""Means over pairs of a sample and its donors, with uncertainty over seeds, samples and donors.

When a modality of each sample is replaced by that of another sample, a value depends on the sample and on the donor.
Each sample is also a donor in each draw, so its inputs enter the mean twice. An interval that varies the samples alone
and takes their donors as given is too short.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mbias.stats.estimates import Estimate, combined, summed_by_group


@dataclass(frozen=True)
class PairValues:
    """Values of pairs of a sample and its donors.

    Parameters
    ----------
    values
        One value per draw of the donors, sample and cell, of shape (draw, sample, cell).
    donors
        The rows of the donors, int, of shape (draw, sample, role); a role is one replaced modality. None where they
        are not known; then the pairs count as independent.
    """

    values: np.ndarray
    donors: np.ndarray | None = None

    @functools.cached_property
    def mean(self) -> np.ndarray:
        """Mean over all pairs, (cell,)."""
        mean: np.ndarray = self.values.mean(axis=(0, 1))
        return mean

    @functools.cached_property
    def influence(self) -> np.ndarray:
        """What each sample contributes to the mean, as a sample and as a donor, less the mean: (sample, cell)."""
        influence: np.ndarray = self.values.mean(axis=0) - self.mean
        if self.donors is None:
            return influence
        draws = len(self.values)
        for draw in range(draws):
            for role in range(self.donors.shape[2]):
                given = np.zeros_like(influence)
                np.add.at(given, self.donors[draw, :, role], self.values[draw] - self.mean)
                influence = influence + given / draws
        return influence

    def noise(self) -> np.ndarray:
        """The variance that the draw of the pairs adds to `influence` but not to the mean, (cell,)."""
        if self.donors is None:
            return np.zeros(self.values.shape[2])
        noise: np.ndarray = self.values.var(axis=(0, 1)) * self.donors.shape[2] / len(self.values)
        return noise


def quotient(
    by_seed: Sequence[Sequence[PairValues]],
    numerator: Sequence[float] | np.ndarray,
    denominator: Sequence[float] | np.ndarray | None = None,
    divisor: np.ndarray | float = 1.0,
    samples: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> Estimate:
    """Estimate a quotient of sums of pair means.

    For pair means t_1, t_2, ..., the quotient is sum(numerator * t) / sum(denominator * t), or
    sum(numerator * t) / divisor without a denominator.

    Parameters
    ----------
    by_seed
        For each seed, the values of each term. All seeds have the same samples and donors.
    numerator
        The factor of each term in the numerator.
    denominator
        The factor of each term in the denominator.
    divisor
        A known divisor, for example of each cell, (cell,).
    samples
        The number of samples that each cell rests on, where it is smaller than the number of all samples. It sets the
        degrees of freedom.
    groups
        The group of each sample. Samples of one group, such as the clips of one source, are not independent; the
        groups are.

    Returns
    -------
    Estimate
        Of shape (cell,); NaN where the denominator is 0.

    Examples
    --------
    Two samples that are donors to each other; the first term is 1 and the second is 3 on average:

    >>> import numpy as np
    >>> donors = np.array([[[1], [0]]])
    >>> first = PairValues(np.array([[[0.5], [1.5]]]), donors)
    >>> second = PairValues(np.array([[[3.0], [3.0]]]), donors)
    >>> quotient([[first, second]], (1, -1), (1, 1)).point
    array([-0.5])
    """
    points, factors = zip(*(_linearised(terms, numerator, denominator, divisor) for terms in by_seed), strict=True)
    return _estimate(points, factors, by_seed, samples, groups)


def difference(
    first: Sequence[Sequence[PairValues]],
    second: Sequence[Sequence[PairValues]],
    numerator: Sequence[float] | np.ndarray,
    denominator: Sequence[float] | np.ndarray,
    groups: np.ndarray | None = None,
) -> Estimate:
    """Estimate the difference of two quotients, the second less the first, paired by seed, sample and donor.

    Parameters
    ----------
    first, second
        For each seed, the values of each term; both have the same seeds and samples.
    numerator, denominator, groups
        As for `quotient`.

    Returns
    -------
    Estimate
        Of shape (cell,).

    Examples
    --------
    >>> import numpy as np
    >>> donors = np.array([[[1], [0]]])
    >>> one, two = (PairValues(np.full((1, 2, 1), value), donors) for value in (1.0, 3.0))
    >>> difference([[one, one]], [[one, two]], (1, -1), (1, 1)).point
    array([-0.5])
    """
    of_first = [_linearised(of_seed, numerator, denominator, 1.0) for of_seed in first]
    of_second = [_linearised(of_seed, numerator, denominator, 1.0) for of_seed in second]
    points = [b - a for (a, _), (b, _) in zip(of_first, of_second, strict=True)]
    factors_a, factors_b = [a for _, a in of_first], [b for _, b in of_second]
    pairs = [list(zip(*of_seeds, strict=True)) for of_seeds in zip(first, second, strict=True)]
    if all(_same(a.donors, b.donors) for of_seed in pairs for a, b in of_seed):
        # With the same donors, what the draw of the pairs adds to both cancels in part.
        joined = [
            [
                PairValues(f_b * b.values - f_a * a.values, a.donors)
                for (a, b), f_a, f_b in zip(of_seed, in_a, in_b, strict=True)
            ]
            for of_seed, in_a, in_b in zip(pairs, factors_a, factors_b, strict=True)
        ]
        return _estimate(points, [np.ones_like(factor) for factor in factors_a], joined, None, groups)
    factors = [np.concatenate([-a, b]) for a, b in zip(factors_a, factors_b, strict=True)]
    terms = [[*a, *b] for a, b in zip(first, second, strict=True)]
    return _estimate(points, factors, terms, None, groups)


def _estimate(
    points: Sequence[np.ndarray],
    factors: Sequence[np.ndarray],
    by_seed: Sequence[Sequence[PairValues]],
    samples: np.ndarray | None,
    groups: np.ndarray | None,
) -> Estimate:
    """The estimate of a statistic from its value and its linear approximation in the means of each seed."""
    influences = [
        np.sum([factor * term.influence for factor, term in zip(of_seed, terms, strict=True)], axis=0)
        for of_seed, terms in zip(factors, by_seed, strict=True)
    ]
    noises = [
        np.sum([factor**2 * term.noise() for factor, term in zip(of_seed, terms, strict=True)], axis=0)
        for of_seed, terms in zip(factors, by_seed, strict=True)
    ]
    size = len(influences[0])
    independent = size if groups is None else len(np.unique(groups))
    number = np.maximum(np.minimum(independent, size if samples is None else samples), 2).astype(float)
    within_seed = np.mean([_variance(i, n, groups) for i, n in zip(influences, noises, strict=True)], axis=0)
    noise = np.sum(
        [
            _noise_of_mean([of_seed[index] for of_seed in factors], [terms[index] for terms in by_seed])
            for index in range(len(by_seed[0]))
        ],
        axis=0,
    )
    samples_part = _variance(np.mean(influences, axis=0), noise, groups)
    return combined(np.stack(points), within_seed, samples_part, number)


def _linearised(
    terms: Sequence[PairValues],
    numerator: Sequence[float] | np.ndarray,
    denominator: Sequence[float] | np.ndarray | None,
    divisor: np.ndarray | float,
) -> tuple[np.ndarray, np.ndarray]:
    """The quotient of one seed, (cell,), and its gradient with respect to each mean, (term, cell)."""
    means = np.stack([term.mean for term in terms])
    u = np.asarray(numerator, dtype=float)
    w = np.zeros_like(u) if denominator is None else np.asarray(denominator, dtype=float)
    below = np.broadcast_to(divisor, means.shape[1:]) if denominator is None else w @ means
    known = below != 0
    point = np.divide(u @ means, below, out=np.full(below.shape, np.nan), where=known)
    above = u[:, None] - point * w[:, None]
    gradient = np.divide(above, below, out=np.full(above.shape, np.nan), where=np.broadcast_to(known, above.shape))
    return point, gradient


def _noise_of_mean(factors: Sequence[np.ndarray], terms: Sequence[PairValues]) -> np.ndarray:
    """The noise of the mean over seeds of one term."""
    first = terms[0]
    same = all(term.values.shape == first.values.shape and _same(term.donors, first.donors) for term in terms)
    if not same:
        scaled = [factor**2 * term.noise() for factor, term in zip(factors, terms, strict=True)]
        noise: np.ndarray = np.mean(scaled, axis=0) / len(terms)
        return noise
    values = np.mean([factor * term.values for factor, term in zip(factors, terms, strict=True)], axis=0)
    return PairValues(values, first.donors).noise()


def _same(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    return a is b if a is None or b is None else np.array_equal(a, b)


def _variance(influence: np.ndarray, noise: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    """The variance of a mean over pairs, from what each sample contributes to it."""
    size = len(influence)
    if groups is not None:
        influence = summed_by_group(influence, groups)
    number = len(influence)
    total = (influence**2).sum(axis=0)
    # As in a jackknife: without one sample, the pairs in which it is a donor are missing too.
    scale = number / max(number - 2, 1)
    variance: np.ndarray = np.maximum(total - size * noise, total / 2) / size**2 * scale
    return variance
