"""A statistic over samples and seeds, with its uncertainty over both."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from scipy import special

from mbias.stats.intervals import LEVEL, t_quantile
from mbias.stats.resampling import common_draws, resampled_sums
from mbias.stats.units import unit_sums

Statistic = Callable[[np.ndarray], np.ndarray]
"""Maps sums over samples, of shape (..., *cells), to values of shape (..., *values). Vectorised over ``...``."""

_AT_ONCE = 250
"""Number of resamples whose statistic is computed at a time."""


@dataclass(frozen=True)
class Estimate:
    """A statistic with its uncertainty over seeds and samples; every array has the statistic's shape.

    Parameters
    ----------
    point
        Mean over seeds of the statistic of all samples.
    se, df
        Standard error of ``point`` for new seeds and new samples, and its degrees of freedom. With one seed, for new
        samples only: it does not say what another seed would give.
    by_seed
        The statistic of each seed, of shape (seed, ...).
    samples_part, seeds_part
        The two parts of ``se`` squared: the part of the samples, which more seeds do not reduce, and the part of the
        seeds, which is NaN with one seed.
    """

    point: np.ndarray
    se: np.ndarray
    df: np.ndarray
    by_seed: np.ndarray
    samples_part: np.ndarray
    seeds_part: np.ndarray

    def __repr__(self) -> str:
        seeds = "1 seed" if self.seeds == 1 else f"{self.seeds} seeds"
        shape = np.shape(self.point)
        if not shape:
            low, high = self.interval()
            return f"<Estimate {self.point:.4g}, {LEVEL:.0%} interval [{low:.4g}, {high:.4g}]; {seeds}>"
        defined = self.point[~np.isnan(self.point)]
        span = f"{defined.min():.4g} to {defined.max():.4g}" if defined.size else "all NaN"
        return f"<Estimate of shape {shape}, points {span}; {seeds}>"

    @property
    def seeds(self) -> int:
        """Number of seeds."""
        return len(self.by_seed)

    def at(self, *index: Any) -> Estimate:
        """The estimates at an index of the statistic's shape, such as ``at(0)`` or ``at(..., 2)``."""
        arrays = (self.point[index], self.se[index], self.df[index], self.by_seed[(slice(None), *index)])
        return Estimate(*arrays, self.samples_part[index], self.seeds_part[index])

    def interval(self, level: float = LEVEL, bounds: tuple[float, float] = (-np.inf, np.inf)) -> np.ndarray:
        """Confidence interval: point -+ t se.

        Parameters
        ----------
        level
            Confidence level, in (0, 1).
        bounds
            Smallest and largest value that the statistic can have; the interval is cut to them.

        Returns
        -------
        numpy.ndarray
            Lower and upper ends, of shape (2, ...).
        """
        half = t_quantile(self.df, level) * self.se
        ends: np.ndarray = np.clip(np.stack([self.point - half, self.point + half]), *bounds)
        return ends

    def above(self, value: float) -> np.ndarray:
        """One-sided test that the statistic is above a value.

        Parameters
        ----------
        value
            The value to compare with.

        Returns
        -------
        numpy.ndarray
            p-values of the null hypothesis that the statistic is not above ``value``.
        """
        return upper_tail(self.point - value, self.se, self.df)

    def below(self, value: float) -> np.ndarray:
        """One-sided test that the statistic is below a value.

        Parameters
        ----------
        value
            The value to compare with.

        Returns
        -------
        numpy.ndarray
            p-values of the null hypothesis that the statistic is not below ``value``.
        """
        return upper_tail(value - self.point, self.se, self.df)


def estimate(
    parts: np.ndarray, statistic: Statistic, samples: np.ndarray | None = None, groups: np.ndarray | None = None
) -> Estimate:
    """Estimate a statistic from several seeds of the same samples, with its uncertainty over both.

    Whole samples are bootstrapped. All seeds and cells share the same draws (`common_draws`), so that a difference
    between cells is paired. Since ``statistic`` needs only sums over samples (counts, for an F-score), a resample costs
    its share of one matrix product.

    Seeds are not resampled: a bootstrap of six seeds makes their spread a sixth too small, and assumes it is known. The
    seeds' part is the variance between seeds, less the variance that the samples alone cause there. The quantiles are
    Student's with Satterthwaite's degrees of freedom. This is the analysis of readers crossed with cases (Obuchowski &
    Rockette 1995; Hillis 2007), with seeds as readers.

    Where a few seeds happen to lie close together, they would count for little in the degrees of freedom, and the
    intervals would be too short. In the degrees of freedom, the variance between S seeds is therefore multiplied by
    (S + 1) / (S - 1). ``benchmarks/drawn.py`` measures the coverage of the intervals.

    Parameters
    ----------
    parts
        What each sample adds to the sums, of shape (seed, sample, *cells).
    statistic
        Maps sums over samples to values.
    samples
        Number of samples that each value rests on, where it is smaller than the number of all samples (for example for
        a rare category). It sets the degrees of freedom.
    groups
        The group of each sample. Samples of one group, such as the clips of one source, are not independent; then
        whole groups are bootstrapped.

    Returns
    -------
    Estimate
        The statistic with its standard error, degrees of freedom and values by seed.

    Raises
    ------
    ValueError
        If there is no seed or no sample.

    Examples
    --------
    The mean of four samples under two seeds: the sums are those of the values and of their number.

    >>> import numpy as np
    >>> from mbias.stats.estimates import estimate
    >>> from mbias.stats.intervals import ratio
    >>> values = np.array([[1.0, 2.0, 3.0, 4.0], [2.0, 2.0, 4.0, 4.0]])
    >>> parts = np.stack([values, np.ones_like(values)], axis=-1)
    >>> mean = estimate(parts, ratio)
    >>> float(mean.point), mean.by_seed
    (2.75, array([2.5, 3. ]))
    >>> mean.interval(bounds=(1, 4)).round(1)
    array([1., 4.])
    """
    seeds, size = parts.shape[:2]
    if not seeds or not size:
        raise ValueError(f"parts have {seeds} seeds and {size} samples: at least one of each is needed")
    by_unit = [functools.partial(unit_sums, of_seed.__getitem__, size, groups, size) for of_seed in parts]
    units = size if groups is None else len(np.unique(groups))
    return estimate_blocks(by_unit, statistic, units, None if samples is None else np.minimum(samples, units))


def estimate_blocks(
    by_seed: Sequence[Callable[[], Iterable[np.ndarray]]],
    statistic: Statistic,
    units: int,
    samples: np.ndarray | None = None,
) -> Estimate:
    """Estimate as `estimate`, from parts that are read block by block, for each seed in turn.

    Parameters
    ----------
    by_seed
        For each seed, a function that reads its parts: blocks of shape (unit, *cells).
    statistic, samples
        As for `estimate`.
    units
        The number of independent units, samples or groups, of each seed.

    Returns
    -------
    Estimate
        As `estimate`.
    """
    number = np.maximum(units if samples is None else np.asarray(samples, dtype=float), 2)
    draws = common_draws(units)
    points: list[np.ndarray] = []
    within_seed, mean_resampled = np.zeros(()), np.zeros(())
    for blocks in by_seed:
        whole, sums = resampled_sums(draws, blocks())
        points.append(statistic(whole[None])[0])
        resampled = np.concatenate(
            [statistic(sums[begin : begin + _AT_ONCE]) for begin in range(0, len(sums), _AT_ONCE)]
        )
        within_seed = within_seed + _variance(resampled) / len(by_seed)
        mean_resampled = mean_resampled + resampled / len(by_seed)
    # A bootstrap's variance is the maximum likelihood estimate, which is too small by 1 / n.
    correction = number / (number - 1)
    return combined(np.stack(points), within_seed * correction, _variance(mean_resampled) * correction, number)


def stacked(estimates: Sequence[Estimate]) -> Estimate:
    """Join estimates of the same shape and seeds along a new last axis."""
    return Estimate(*(np.stack([getattr(e, field.name) for e in estimates], axis=-1) for field in fields(Estimate)))


def combined(
    by_seed: np.ndarray, within_seed: np.ndarray, samples_part: np.ndarray, number: np.ndarray | float
) -> Estimate:
    """Combine the variance of the samples with the spread of the seeds; `estimate` says how.

    Parameters
    ----------
    by_seed
        The statistic of each seed, of shape (seed, ...).
    within_seed
        The variance of one seed's statistic for new samples, averaged over seeds.
    samples_part
        The variance of the mean over seeds for new samples.
    number
        Number of independent samples.

    Returns
    -------
    Estimate
        The mean over seeds with its uncertainty.
    """
    seeds, point = len(by_seed), by_seed.mean(axis=0)
    if seeds == 1:
        return Estimate(
            point, np.sqrt(within_seed), _like(number - 1, point), by_seed, within_seed, _like(np.nan, point)
        )
    between_seeds = by_seed.var(axis=0, ddof=1) / seeds
    # Seeds also differ because each reacts to the samples in its own way; `samples_part` holds that part already.
    interaction = np.clip((within_seed - samples_part) / (seeds - 1), 0, None)
    seeds_part = np.clip(between_seeds - interaction, 0, None)
    inflated = between_seeds * (seeds + 1) / (seeds - 1)
    denominator = inflated**2 / (seeds - 1) + samples_part**2 / (number - 1)
    inflated_variance = samples_part + np.clip(inflated - interaction, 0, None)
    df = np.divide(inflated_variance**2, denominator, out=_like(number - 1, point), where=denominator > 0)
    se = np.sqrt(samples_part + seeds_part)
    return Estimate(point, se, np.maximum(df, seeds - 1), by_seed, samples_part, seeds_part)


def summed_by_group(values: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    """Sum values (sample, ...) over the samples of each group, (group, ...), in the order of the sorted groups.

    Without groups, every sample is its own group, and the values are returned as they are.

    Examples
    --------
    >>> import numpy as np
    >>> summed_by_group(np.array([1.0, 2.0, 4.0]), np.array(["a", "b", "a"]))
    array([5., 2.])
    """
    if groups is None:
        return values
    names, index = np.unique(groups, return_inverse=True)
    summed = np.zeros((len(names), *values.shape[1:]))
    np.add.at(summed, index, values)
    return summed


def upper_tail(distance: np.ndarray, se: np.ndarray, df: np.ndarray) -> np.ndarray:
    """p-values of a one-sided t test: how likely a distance this large or larger is where the true one is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        certain = np.where(distance == 0, 0.0, np.sign(distance) * np.inf)
        t = np.where(se > 0, distance / se, certain)
    p: np.ndarray = special.stdtr(df, -t)
    return p


def _variance(resampled: np.ndarray) -> np.ndarray:
    """Variance over the resamples in which the statistic is defined."""
    known = ~np.isnan(resampled)
    number = known.sum(axis=0)
    values = np.where(known, resampled, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = values.sum(axis=0) / number
        variance: np.ndarray = np.where(known, (resampled - mean) ** 2, 0.0).sum(axis=0) / number
    return variance


def _like(value: np.ndarray | float, template: np.ndarray) -> np.ndarray:
    return np.broadcast_to(np.asarray(value, dtype=float), template.shape).copy()
