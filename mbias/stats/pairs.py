"""Means over pairs of a sample and its donors, with uncertainty over seeds, samples and donors.

When a modality of each sample is replaced by that of another sample, a value depends on the sample and on the donor.
Each sample is used K times as a donor, so its inputs enter the mean twice. An interval that varies the samples alone
and takes their donors as given is too short by up to a third of its width (``benchmarks/validity.py``).
"""

from __future__ import annotations

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

    @property
    def mean(self) -> np.ndarray:
        """Mean over all pairs, (cell,)."""
        mean: np.ndarray = self.values.mean(axis=(0, 1))
        return mean

    def scaled(self, factor: np.ndarray) -> PairValues:
        """The values multiplied by a factor per cell."""
        return PairValues(self.values * factor, self.donors)

    def influence(self) -> np.ndarray:
        """What each sample contributes to the mean, as a sample and as a donor, less the mean: (sample, cell)."""
        mean = self.mean
        influence: np.ndarray = self.values.mean(axis=0) - mean
        if self.donors is None:
            return influence
        draws = len(self.values)
        for draw in range(draws):
            for role in range(self.donors.shape[2]):
                given = np.zeros_like(influence)
                np.add.at(given, self.donors[draw, :, role], self.values[draw] - mean)
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
    numerator: Sequence[float],
    denominator: Sequence[float] | np.ndarray,
    samples: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> Estimate:
    """Estimate a quotient of sums of pair means.

    For pair means t_1, t_2, ..., the quotient is sum(numerator * t) / sum(denominator * t).

    Parameters
    ----------
    by_seed
        For each seed, the values of each term. All seeds have the same samples and donors.
    numerator
        The factor of each term in the numerator.
    denominator
        The factor of each term in the denominator; or an array, of the shape of a cell, that is the denominator.
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
    u = np.asarray(numerator, dtype=float)
    points, influences, noises = [], [], []
    linear = []
    for terms in by_seed:
        means = np.stack([term.mean for term in terms])
        fixed = isinstance(denominator, np.ndarray)
        w = np.zeros_like(u) if fixed else np.asarray(denominator, dtype=float)
        below = np.asarray(denominator, dtype=float) if fixed else w @ means
        with np.errstate(divide="ignore", invalid="ignore"):
            point = np.where(below != 0, (u @ means) / below, np.nan)
            gradient = np.where(below != 0, (u[:, None] - point * w[:, None]) / below, np.nan)
        linear.append([term.scaled(factor) for term, factor in zip(terms, gradient, strict=True)])
        points.append(point)
    for terms in linear:
        influences.append(np.sum([term.influence() for term in terms], axis=0))
        noises.append(np.sum([term.noise() for term in terms], axis=0))
    size = len(influences[0])
    independent = size if groups is None else len(np.unique(groups))
    number = np.maximum(np.minimum(independent, size if samples is None else samples), 2).astype(float)
    within_seed = np.mean([_variance(i, n, groups) for i, n in zip(influences, noises, strict=True)], axis=0)
    noise = np.sum([_noise_of_mean(of_term) for of_term in zip(*linear, strict=True)], axis=0)
    samples_part = _variance(np.mean(influences, axis=0), noise, groups)
    return combined(np.stack(points), within_seed, samples_part, number)


def _noise_of_mean(terms: Sequence[PairValues]) -> np.ndarray:
    """The noise of the mean over seeds of one term."""
    first = terms[0]
    same = all(
        term.values.shape == first.values.shape
        and (term.donors is None) == (first.donors is None)
        and (first.donors is None or np.array_equal(term.donors, first.donors))
        for term in terms
    )
    if not same:
        noise: np.ndarray = np.mean([term.noise() for term in terms], axis=0) / len(terms)
        return noise
    return PairValues(np.mean([term.values for term in terms], axis=0), first.donors).noise()


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
