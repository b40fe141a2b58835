"""How sure one can be: intervals over samples and seeds, paired tests, effect sizes, corrections, equivalence."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

Statistic = Callable[[np.ndarray], np.ndarray]
"""Sums over samples in, of shape (..., *cells); values out, of shape (..., *values). Vectorised over ``...``."""

RESAMPLES = 2_000
LEVEL = 0.95
EXACT = 14
"""Up to so many pairs, a sign-flip test takes all signs there are."""


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


def student(values: np.ndarray, level: float = LEVEL) -> np.ndarray:
    """Mean over the first axis, of seeds or of samples, with the ends of Student's interval: (3, ...).

    It knows of one kind of chance only, where `estimate` knows of both; NaN ends with one value.
    """
    number = len(values)
    middle = values.mean(axis=0)
    deviation = values.std(axis=0, ddof=1) if number > 1 else np.full(middle.shape, np.nan)
    half = t_quantile(max(number - 1, 1), level) * deviation / np.sqrt(number)
    return np.stack([middle, middle - half, middle + half])


def t_quantile(df: np.ndarray | float, level: float = LEVEL) -> np.ndarray:
    """What Student's t of ``df`` degrees of freedom stays within, either side of 0, with probability ``level``."""
    quantile: np.ndarray = special.stdtrit(df, (1 + level) / 2)
    return quantile


def ratio(sums: np.ndarray) -> np.ndarray:
    """Quotients of sums whose last axis holds numerators and denominators; NaN where the denominator is 0."""
    top, bottom = sums[..., 0], sums[..., 1]
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom != 0)


def linearised(parts: np.ndarray) -> np.ndarray:
    """Values whose mean over samples is the quotient of the sums, and whose spread is that of the quotient.

    A ratio estimator's linearisation (Cochran 1977, 6.3), so that `student` takes the place of a bootstrap.

    Parameters
    ----------
    parts
        Numerators and denominators, (sample, *cells, 2).

    Returns
    -------
    numpy.ndarray
        Of shape (sample, *cells); NaN where the denominators are 0.
    """
    quotient, bottom = ratio(parts.sum(axis=0)), parts[..., 1].mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        values: np.ndarray = quotient + (parts[..., 0] - quotient * parts[..., 1]) / bottom
    return values


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
