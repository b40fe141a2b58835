"""A statistic over samples and seeds, with its uncertainty over both."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from mbias.stats.intervals import LEVEL, t_quantile

Statistic = Callable[[np.ndarray], np.ndarray]
"""Sums over samples in, of shape (..., *cells); values out, of shape (..., *values). Vectorised over ``...``."""

RESAMPLES = 2_000


@dataclass(frozen=True)
class Estimate:
    """A statistic with its interval; arrays have the statistic's shape.

    Parameters
    ----------
    point
        Mean over seeds of the statistic of all samples.
    se, df
        Standard error of ``point`` for new seeds and new samples, and its degrees of freedom. With one seed, for new
        samples only: it says nothing of what another seed would have given.
    by_seed
        The statistic of each seed, (seed, ...).
    samples_part, seeds_part
        The two parts of ``se`` squared: from samples, which more seeds do not lessen, and from seeds (NaN with one).
    """

    point: np.ndarray
    se: np.ndarray
    df: np.ndarray
    by_seed: np.ndarray
    samples_part: np.ndarray
    seeds_part: np.ndarray

    @property
    def seeds(self) -> int:
        """How many seeds there are."""
        return len(self.by_seed)

    def interval(self, level: float = LEVEL, bounds: tuple[float, float] = (-np.inf, np.inf)) -> np.ndarray:
        """Low and high ends, of shape (2, ...): point -+ t se, cut to the ``bounds`` of what the statistic can be."""
        half = t_quantile(self.df, level) * self.se
        return np.clip(np.stack([self.point - half, self.point + half]), *bounds)

    def above(self, value: float) -> np.ndarray:
        """One-sided p that the statistic is not above ``value``."""
        return _upper_tail(self.point - value, self.se, self.df)

    def below(self, value: float) -> np.ndarray:
        """One-sided p that the statistic is not below ``value``."""
        return _upper_tail(value - self.point, self.se, self.df)


@functools.lru_cache(maxsize=4)
def common_draws(samples: int, resamples: int = RESAMPLES) -> np.ndarray:
    """The resamples that all of a study's estimates share, so that what is compared is compared on the same ones.

    Returns
    -------
    numpy.ndarray
        How often each resample holds each sample, (resample, sample); the same ones in every call.
    """
    rng = np.random.default_rng(0)
    return rng.multinomial(samples, np.full(samples, 1 / samples), resamples).astype(np.float32)


def estimate(parts: np.ndarray, statistic: Statistic, samples: np.ndarray | None = None) -> Estimate:
    """A statistic over several seeds of the same samples, with its uncertainty over both.

    Samples are bootstrapped, whole, with the same draws (`common_draws`) for all seeds and cells, so that a difference
    of cells is paired. Since ``statistic`` needs sums over samples only (counts, for an F-score), a resample costs its
    share of one matrix product. Seeds are not resampled: a bootstrap of six makes their spread too small by a sixth,
    and takes it for known. Their part is the variance between seeds, less what the samples alone put there, and the
    quantiles are Student's with Satterthwaite's degrees of freedom; this is the analysis of readers crossed with
    cases (Obuchowski & Rockette 1995; Hillis 2007), seeds for readers. Where few seeds happen to lie close, they would
    count for little in the degrees of freedom, and intervals be short and sure of it at once: there, the variance
    between S seeds is taken (S + 1) / (S - 1) times. What it covers is measured in ``benchmarks/validity.py``.

    Parameters
    ----------
    parts
        What each sample adds to the sums, of shape (seed, sample, *cells).
    samples
        How many samples each value rests on, where that is fewer than all (as of a rare category); for the degrees of
        freedom.

    Raises
    ------
    ValueError
        If there is no seed or no sample.
    """
    seeds, size = parts.shape[:2]
    if not seeds or not size:
        raise ValueError(f"parts have {seeds} seeds and {size} samples: at least one of each is needed")
    by_seed = statistic(parts.sum(axis=1))
    point = by_seed.mean(axis=0)
    number = np.maximum(size if samples is None else np.asarray(samples, dtype=float), 2)
    draws = common_draws(size)
    together = np.zeros((len(draws), *point.shape))
    alone = np.zeros(point.shape)
    for of_seed in parts:
        resampled = statistic(_sums(draws, of_seed))
        alone += _variance(resampled) / seeds
        together += resampled / seeds
    # A bootstrap's variance is the maximum likelihood one, too small by 1 / n.
    small = number / (number - 1)
    alone, samples_part = alone * small, _variance(together) * small
    if seeds == 1:
        return Estimate(point, np.sqrt(alone), _like(number - 1, point), by_seed, alone, _like(np.nan, point))
    spread = by_seed.var(axis=0, ddof=1) / seeds
    # Seeds differ also because each meets the samples in its own way; that part is in `samples_part` already.
    shared = np.clip((alone - samples_part) / (seeds - 1), 0, None)
    seeds_part = np.clip(spread - shared, 0, None)
    wary = spread * (seeds + 1) / (seeds - 1)
    uncertain = wary**2 / (seeds - 1) + samples_part**2 / (number - 1)
    wary_variance = samples_part + np.clip(wary - shared, 0, None)
    df = np.divide(wary_variance**2, uncertain, out=_like(number - 1, point), where=uncertain > 0)
    se = np.sqrt(samples_part + seeds_part)
    return Estimate(point, se, np.maximum(df, seeds - 1), by_seed, samples_part, seeds_part)


def _sums(draws: np.ndarray, of_seed: np.ndarray) -> np.ndarray:
    """Sums over the samples of each resample, (resample, *cells), of a seed's parts, (sample, *cells)."""
    columns = np.ascontiguousarray(of_seed.reshape(len(of_seed), -1).T)
    # Denominators are often the same in many cells; what is the same is summed up once.
    places: dict[bytes, int] = {}
    cells = [places.setdefault(column.tobytes(), len(places)) for column in columns]
    distinct = columns[np.unique(cells, return_index=True)[1]]
    # Single precision is a resample's noise divided by 10,000, and twice as fast.
    sums = draws @ distinct.T.astype(np.float32)
    return sums.astype(float)[:, cells].reshape(len(draws), *of_seed.shape[1:])


def _upper_tail(distance: np.ndarray, se: np.ndarray, df: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        certain = np.where(distance == 0, 0.0, np.sign(distance) * np.inf)
        t = np.where(se > 0, distance / se, certain)
    p: np.ndarray = special.stdtr(df, -t)
    return p


def _variance(resampled: np.ndarray) -> np.ndarray:
    """Variance over resamples; those in which the statistic is undefined are left out."""
    known = ~np.isnan(resampled)
    number = known.sum(axis=0)
    values = np.where(known, resampled, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = values.sum(axis=0) / number
        variance: np.ndarray = np.where(known, (resampled - mean) ** 2, 0.0).sum(axis=0) / number
    return variance


def _like(value: np.ndarray | float, shape: np.ndarray) -> np.ndarray:
    return np.broadcast_to(np.asarray(value, dtype=float), shape.shape).copy()
