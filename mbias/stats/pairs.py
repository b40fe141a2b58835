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
from scipy import sparse

from mbias.stats.estimates import summed_by_group


def giving(donors: np.ndarray | None) -> list[sparse.csr_array]:
    """For each draw, a matrix that adds up for each sample what the pairs have in which it is a donor.

    Parameters
    ----------
    donors
        As in `PairValues`.

    Returns
    -------
    list of scipy.sparse.csr_array
        Of shape (donor, sample), one per draw; none where donors are not known.
    """
    if donors is None:
        return []
    size, roles = donors.shape[1:]
    pairs = np.repeat(np.arange(size), roles)
    ones = np.ones(size * roles)
    return [sparse.csr_array((ones, (of_draw.ravel(), pairs)), shape=(size, size)) for of_draw in donors]


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
    matrices
        What `giving` returns for the donors, where it is computed already.
    disposable
        Whether the values are needed for nothing else, so that `centred` may take their place in memory.
    """

    values: np.ndarray
    donors: np.ndarray | None = None
    matrices: Sequence[sparse.csr_array] = ()
    disposable: bool = False

    @functools.cached_property
    def mean(self) -> np.ndarray:
        """Mean over all pairs, (cell,)."""
        mean: np.ndarray = self.values.mean(axis=(0, 1))
        return mean

    @functools.cached_property
    def centred(self) -> np.ndarray:
        """The values less their mean."""
        centred: np.ndarray = np.subtract(self.values, self.mean, out=self.values if self.disposable else None)
        return centred

    @functools.cached_property
    def influence(self) -> np.ndarray:
        """What each sample contributes to the mean, as a sample and as a donor, less the mean: (sample, cell)."""
        influence: np.ndarray = self.centred.mean(axis=0)
        for of_draw, matrix in zip(self.centred, self.matrices or giving(self.donors), strict=False):
            influence += (matrix @ of_draw) / len(self.values)
        return influence

    def covariance(self, other: PairValues) -> np.ndarray:
        """The covariance that the draw of the pairs adds to the influences of two values of the same pairs, (cell,).

        It is in `influence` but not in the mean. Of values with themselves, it is a variance.
        """
        draws, samples, cells = self.values.shape
        if self.donors is None:
            return np.zeros(cells)
        product = np.einsum("dnc,dnc->c", self.centred, other.centred) / (draws * samples)
        covariance: np.ndarray = product * self.donors.shape[2] / draws
        return covariance


@dataclass(frozen=True)
class PairSums:
    """Sums over samples of the values of pairs, from which quotients of means are computed with their uncertainty.

    A source is one term of one seed.

    Parameters
    ----------
    means
        The mean of each source, of shape (seed, term, cell).
    products
        The products of the influences of any two sources, summed over units, of shape (cell, source, source); sources
        are in the order of seeds and, within a seed, of terms.
    noises
        What the draw of the pairs adds to the products (`PairValues.covariance`), of shape (term, seed, seed, cell); 0
        for two seeds whose donors differ.
    same
        Whether the donors of two seeds are the same, bool, of shape (term, seed, seed).
    samples, units
        The number of samples, and of independent units among them: samples or groups.
    """

    means: np.ndarray
    products: np.ndarray
    noises: np.ndarray
    same: np.ndarray
    samples: int
    units: int


class PairSummer:
    """Adds up the values of pairs: of one term after the other and, of each term, of one seed after the other.

    Parameters
    ----------
    seeds, terms
        The number of seeds, and of the terms of each.
    same
        As in `PairSums`.
    groups
        The group of each sample; None where every sample is independent.
    """

    def __init__(self, seeds: int, terms: int, same: np.ndarray, groups: np.ndarray | None = None) -> None:
        self._shape = seeds, terms
        self._same = same
        self._groups = groups
        self._samples = 0
        self._kept: list[PairValues] = []
        self._means = np.empty(0)
        self._noises = np.empty(0)
        self._influences = np.empty((0, 0, 0))

    def add(self, seed: int, term: int, values: PairValues) -> None:
        """Add the values of the next seed of a term. All seeds have the same samples."""
        (seeds, terms), (_, samples, cells) = self._shape, values.values.shape
        of_units = summed_by_group(values.influence, self._groups)
        if seed == term == 0:
            self._samples = samples
            self._means = np.empty((seeds, terms, cells))
            self._noises = np.zeros((terms, seeds, seeds, cells))
            self._influences = np.empty((cells, seeds * terms, len(of_units)))
        if seed == 0:
            self._kept = []
        self._means[seed, term] = values.mean
        self._influences[:, seed * terms + term] = of_units.T
        self._noises[term, seed, seed] = values.covariance(values)
        for earlier in np.flatnonzero(self._same[term, seed, :seed]):
            covariance = values.covariance(self._kept[earlier])
            self._noises[term, seed, earlier] = self._noises[term, earlier, seed] = covariance
        # The values of a seed are needed beside those of others only where donors are the same.
        shared = self._same[term, seed, seed + 1 :].any()
        self._kept.append(values if shared else PairValues(values.values[:, :0]))

    def sums(self) -> PairSums:
        """The sums over the values of all terms and seeds."""
        products = self._influences @ self._influences.swapaxes(1, 2)
        units = self._influences.shape[2]
        return PairSums(self._means, products, self._noises, self._same, self._samples, units)


def sums_of(by_seed: Sequence[Sequence[PairValues]], groups: np.ndarray | None = None) -> PairSums:
    """The sums over values that are in memory, by seed and term."""
    same = same_donors([[term.donors for term in of_seed] for of_seed in by_seed])
    summer = PairSummer(len(by_seed), len(by_seed[0]), same, groups)
    for term in range(len(by_seed[0])):
        for seed, of_seed in enumerate(by_seed):
            summer.add(seed, term, of_seed[term])
    return summer.sums()


def same_donors(by_seed: Sequence[Sequence[np.ndarray | None]]) -> np.ndarray:
    """Whether the donors of two seeds are the same, bool (term, seed, seed), from those of each seed and term."""
    return np.array([[[_same(a, b) for b in of_term] for a in of_term] for of_term in zip(*by_seed, strict=True)])


def joined(blocks: Sequence[PairSums]) -> PairSums:
    """The sums of all cells, from those of blocks of cells."""
    first = blocks[0]
    return PairSums(
        np.concatenate([block.means for block in blocks], axis=-1),
        np.concatenate([block.products for block in blocks]),
        np.concatenate([block.noises for block in blocks], axis=-1),
        first.same,
        first.samples,
        first.units,
    )


def _same(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    return a is b if a is None or b is None else np.array_equal(a, b)
