"""The variance of scores across settings, without what seeds and samples add to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from mbias.stats.intervals import LEVEL

NOISES = 40
"""Number of quantiles that stand for the distribution of the noise."""


@dataclass(frozen=True)
class Across:
    """A variance across settings.

    Parameters
    ----------
    point
        Unbiased; it can be negative.
    low, high
        The ends of its 95 % interval, at least 0.
    seed_variance
        The variance between seeds of one setting: what it would add to the variance of settings with one seed each.
    """

    point: float
    low: float
    high: float
    seed_variance: float


@dataclass(frozen=True)
class _Noise:
    """A covariance (metric, metric) of the mean of a setting, and its degrees of freedom."""

    covariance: np.ndarray
    df: float

    @property
    def trace(self) -> float:
        """The sum of the variances of the metrics."""
        return float(np.trace(self.covariance))

    @property
    def square(self) -> float:
        """The trace of the square, without the part that is due to few degrees of freedom; at least 0."""
        square, df = float((self.covariance**2).sum()), self.df
        return square if df <= 1 else max((square - self.trace**2 / df) * df**2 / ((df - 1) * (df + 2)), 0.0)


def variance_across(
    scores: Sequence[np.ndarray], samples: Sequence[np.ndarray] | None = None, paired: bool = False
) -> Across:
    """Estimate the variance of the true means of settings, averaged over metrics.

    The settings are fixed: the variance is that of these settings, not of all settings like them. Their measured means
    differ by more than their true means, because of the seeds and of the samples. The variance that these add is
    estimated, and subtracted from the variance (n - 1) of the measured means.

    The measured variance, divided by what is subtracted, has nearly a noncentral F distribution, of which the degrees
    of freedom are Satterthwaite's: metrics are correlated, so their number does not count in full. How much it counts
    depends on the true variance too, and on whether the settings differ along the direction in which the noise moves
    the metrics together. The interval holds every true variance that a test on this distribution does not reject. Its
    lower end is 0 where the test does not reject 0. Its upper end is at least that of an estimate of 0: an estimate far
    below 0 is chance, and does not show that the variance is small. ``benchmarks/comparing.py`` measures the coverage.

    Parameters
    ----------
    scores
        For each setting, the scores (seed, metric), with at least two seeds.
    samples
        For each setting, the scores of every independent sample or group, (seed, sample, metric), whose means over
        samples are ``scores``. Without them, the variance and its interval are conditional on the samples.
    paired
        Whether all settings have the same seeds. Then what a seed adds to all settings alike is no noise.

    Returns
    -------
    Across
        The variance with its interval.

    Examples
    --------
    Two settings with means 1 and 3, and two seeds each. The plain variance is 2; the variance between seeds is 0.5:

    >>> import numpy as np
    >>> from mbias.analysis.paper.across import variance_across
    >>> across = variance_across([np.array([[0.5], [1.5]]), np.array([[2.5], [3.5]])])
    >>> across.point, across.seed_variance
    (1.75, 0.5)
    """
    settings, metrics = len(scores), scores[0].shape[1]
    measured = float(np.stack([of_setting.mean(axis=0) for of_setting in scores]).var(axis=0, ddof=1).mean())
    by_setting = float(np.mean([of_setting.var(axis=0, ddof=1).mean() for of_setting in scores]))
    parts = [_of_seeds(scores, paired)]
    if samples is not None:
        parts.append(_of_samples(samples, paired))
    noise = sum(part.trace for part in parts) / metrics
    # By chance, the sum can be 0 or negative.
    positive = max(noise, *(part.trace / metrics / 2 for part in parts))
    if positive <= 0:
        return Across(measured, measured, measured, by_setting)
    trace = positive * metrics
    squares = sum(part.square for part in parts)
    if samples is not None:
        squares += 2 * float((parts[0].covariance * parts[1].covariance).sum())
    independent = float(np.clip(trace**2 / squares if squares > 0 else metrics, 1, metrics))
    aligned = _aligned(scores, sum((part.covariance for part in parts), np.zeros((metrics, metrics))), independent)
    error = sum(max(part.square, part.trace**2 / metrics) / part.df for part in parts)
    df = max(trace**2 / error, parts[0].df)
    low, high = _ends(measured, positive, (settings - 1) * independent, (settings - 1) * aligned, df)
    return Across(measured - noise, low, high, by_setting)


def _aligned(scores: Sequence[np.ndarray], covariance: np.ndarray, independent: float) -> float:
    """The number of metrics that counts for how noise and differences of settings combine, from ``independent`` up.

    It is the number of all metrics if the settings differ across the direction in which the noise moves the metrics.
    """
    means = np.stack([of_setting.mean(axis=0) for of_setting in scores])
    means -= means.mean(axis=0)
    along = float(np.einsum("sm,mn,sn->", means, covariance, means))
    total = float(np.trace(covariance)) * float((means**2).sum())
    metrics = len(covariance)
    return float(np.clip(total / along, independent, metrics)) if along > 0 else metrics


def _ends(measured: float, noise: float, alone: float, combined: float, df: float) -> tuple[float, float]:
    """The ends of the interval of a true variance, from its estimate with noise and the noise with its df.

    The variance of the measured variance is 2 noise^2 / alone + 4 noise true / combined. A noncentral chi-squared
    distribution with k degrees of freedom has this variance.
    """
    # The noise is not known: what it may be, as quantiles of its distribution.
    levels = (np.arange(NOISES) + 0.5) / NOISES
    noises = noise * df / special.chdtri(df, levels)

    def end(at: float, level: float) -> float:
        def excess(true: float) -> float:
            """How likely a measured variance of ``at`` or less is, above the level."""
            k = (noises + 2 * true) / (noises / alone + 2 * true / combined)
            return float(np.mean(special.chndtr(k * at / noises, k, k * true / noises))) - level

        if excess(0.0) <= 0:
            return 0.0
        most = at + noise
        while excess(most) > 0:
            most *= 2
        return float(optimize.brentq(excess, 0.0, most, xtol=1e-4 * most))

    return end(measured, (1 + LEVEL) / 2), end(max(measured, noise), (1 - LEVEL) / 2)


def _of_seeds(scores: Sequence[np.ndarray], paired: bool) -> _Noise:
    """What the seeds add to the mean of a setting."""
    settings, metrics = len(scores), scores[0].shape[1]
    if paired:
        seeds = len(scores[0])
        rest = np.stack(scores) - np.mean(scores, axis=0)
        rest = (rest - rest.mean(axis=1, keepdims=True)).reshape(-1, metrics)
        df = (settings - 1) * (seeds - 1)
        return _Noise(rest.T @ rest / df / seeds, df)
    rests = [of_setting - of_setting.mean(axis=0) for of_setting in scores]
    covariances = [rest.T @ rest / (len(rest) - 1) / len(rest) for rest in rests]
    return _Noise(np.mean(covariances, axis=0), sum(len(rest) - 1 for rest in rests))


def _of_samples(samples: Sequence[np.ndarray], paired: bool) -> _Noise:
    """What the samples add to the mean of a setting beyond `_of_seeds`, which holds how each seed reacts to samples."""
    settings, metrics = len(samples), samples[0].shape[2]
    number = samples[0].shape[1]
    # What a sample adds to all settings alike does not make them differ.
    means = np.stack([of_setting.mean(axis=0) for of_setting in samples])
    by_sample = means - means.mean(axis=0)
    by_sample = (by_sample - by_sample.mean(axis=1, keepdims=True)).reshape(-1, metrics)
    df = (settings - 1) * (number - 1)
    covariance = by_sample.T @ by_sample / df / number
    common = np.mean(samples, axis=0) if paired else None
    interactions = []
    for of_setting, mean in zip(samples, means, strict=True):
        seeds = len(of_setting)
        rest = of_setting - mean if common is None else of_setting - common - (mean - common.mean(axis=0))
        rest = (rest - rest.mean(axis=1, keepdims=True)).reshape(-1, metrics)
        free = (seeds - 1) * (number - 1) * (1 if common is None else (settings - 1) / settings)
        interactions.append(rest.T @ rest / free / number / seeds)
    return _Noise(covariance - np.mean(interactions, axis=0), df)
