"""Quotients of sums over samples, with their intervals, from numerators and denominators that are read by blocks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from mbias.stats.intervals import student, t_quantile
from mbias.stats.units import Rows, unit_sums

FEWEST = 5
"""A mean over fewer samples, or groups of samples, has no interval."""


@dataclass(frozen=True)
class Ratios:
    """Quotients of sums over samples, one per cell.

    Parameters
    ----------
    numerators
        From samples to their numerators, float64 (sample, *cells).
    denominators
        From samples to their denominators, float64, of a shape that broadcasts to (sample, *cells); at least 0.
    samples
        The number of all samples.
    groups
        The group of each sample; None where every sample is independent.
    at_once
        The number of samples that are read at a time.
    expected
        The quotients, to single precision, where they are known: then the numerators are read once, not twice.

    Examples
    --------
    >>> import numpy as np
    >>> from mbias.stats.ratios import Ratios
    >>> values = np.array([[1.0], [2.0], [3.0], [4.0], [5.0]])
    >>> means = Ratios(values.__getitem__, np.ones((5, 1)).__getitem__, samples=5)
    >>> means.intervals().round(2).ravel()
    array([3.  , 1.04, 4.96])
    """

    numerators: Callable[[Rows], np.ndarray]
    denominators: Callable[[Rows], np.ndarray]
    samples: int
    groups: np.ndarray | None = None
    at_once: int = 1_000
    expected: np.ndarray | None = None

    @property
    def units(self) -> int:
        """The number of independent units, samples or groups."""
        return self.samples if self.groups is None else len(np.unique(self.groups))

    def intervals(self) -> np.ndarray:
        """The quotients with the ends of their 95 % intervals over samples, (3, *cells).

        Only samples (or groups) with a denominator count: they set the standard error and the degrees of freedom. Where
        denominators differ, their effective number counts (Kish 1965), which is smaller. With fewer than `FEWEST`
        samples, the ends are NaN. A quotient with no denominator is NaN.
        """
        total = squared = np.zeros(())
        for differences in self._differences():
            total = total + differences.sum(axis=0)
            squared = squared + np.einsum("n...,n...->...", differences, differences)
        below = self._denominators
        few = below.positive < FEWEST
        effective = np.divide(below.total**2, below.squared, out=np.ones(few.shape), where=~few)
        number = np.maximum(effective, 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = self._quotients + total / below.total
            # The spread of linearised quotients: see `mbias.stats.intervals.linearised`.
            spread = np.clip(squared - total**2 / self.units, 0, None) * (self.units / below.total) ** 2
        half = t_quantile(number - 1) * np.sqrt(spread * number / (number - 1)) / self.units
        half = np.where(few, np.nan, half)
        return np.stack([mean, mean - half, mean + half])

    def means_over_last(self) -> np.ndarray:
        """The means of the known quotients over the last axis, with the ends of their intervals, (3, *cells[:-1])."""
        below = self._denominators
        known = np.broadcast_to(below.total > 0, self._quotients.shape)
        with np.errstate(divide="ignore", invalid="ignore"):
            weights = np.where(known, self.units / below.total, 0) / known.sum(axis=-1, keepdims=True)
            middle = np.where(known, self._quotients, 0).sum(axis=-1) / known.sum(axis=-1)
        return student(
            np.concatenate([middle + np.einsum("n...c,...c->n...", d, weights) for d in self._differences()])
        )

    def parts(self) -> Iterator[np.ndarray]:
        """Yield the numerators and denominators of the units in blocks, (unit, *cells, 2)."""

        def both(rows: Rows) -> np.ndarray:
            numerators = self.numerators(rows)
            return np.stack([numerators, np.broadcast_to(self.denominators(rows), numerators.shape)], axis=-1)

        return self._summed(both)

    def _differences(self) -> Iterator[np.ndarray]:
        """Numerators less quotients times denominators, by unit; 0 on average."""
        quotients = np.nan_to_num(self._quotients)
        return self._summed(lambda rows: self.numerators(rows) - quotients * self.denominators(rows))

    def _summed(self, values: Callable[[Rows], np.ndarray]) -> Iterator[np.ndarray]:
        return unit_sums(values, self.samples, self.groups, self.at_once)

    @functools.cached_property
    def _quotients(self) -> np.ndarray:
        below = self._denominators.total
        if self.expected is not None:
            return self.expected
        total = sum(block.sum(axis=0) for block in self._summed(self.numerators))
        with np.errstate(divide="ignore", invalid="ignore"):
            quotients: np.ndarray = total / below
        return quotients

    @functools.cached_property
    def _denominators(self) -> _Denominators:
        blocks = self._summed(self.denominators)
        sums = [np.stack([b.sum(axis=0), (b**2).sum(axis=0), (b > 0).sum(axis=0)]) for b in blocks]
        return _Denominators(*np.sum(sums, axis=0))


@dataclass(frozen=True)
class _Denominators:
    """Sums over units of denominators, and of their squares; and how many are positive."""

    total: np.ndarray
    squared: np.ndarray
    positive: np.ndarray
