"""Means and ratios over samples or seeds with intervals in closed form."""

from __future__ import annotations

import numpy as np
from scipy import special

LEVEL = 0.95


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
