"""Means and ratios with confidence intervals in closed form."""

from __future__ import annotations

import numpy as np
from scipy import special

LEVEL = 0.95
"""Default confidence level."""


def student(values: np.ndarray, level: float = LEVEL) -> np.ndarray:
    """Mean over the first axis, with Student's confidence interval.

    The interval covers one source of chance only, the first axis. `mbias.stats.estimates.estimate` covers seeds and
    samples together.

    Parameters
    ----------
    values
        Values of shape (n, ...), where n counts seeds or samples.
    level
        Confidence level of the interval, in (0, 1).

    Returns
    -------
    numpy.ndarray
        Mean, lower end and upper end, of shape (3, ...). The ends are NaN if n is 1.

    Examples
    --------
    >>> import numpy as np
    >>> from mbias.stats.intervals import student
    >>> student(np.array([1.0, 2.0, 3.0])).round(3)
    array([ 2.   , -0.484,  4.484])
    """
    number = len(values)
    middle = values.mean(axis=0)
    deviation = values.std(axis=0, ddof=1) if number > 1 else np.full(middle.shape, np.nan)
    half = t_quantile(max(number - 1, 1), level) * deviation / np.sqrt(number)
    return np.stack([middle, middle - half, middle + half])


def t_quantile(df: np.ndarray | float, level: float = LEVEL) -> np.ndarray:
    """Half-width of the interval around 0 that holds Student's t with probability ``level``.

    Parameters
    ----------
    df
        Degrees of freedom.
    level
        Probability, in (0, 1).

    Returns
    -------
    numpy.ndarray
        The (1 + level) / 2 quantile of Student's t, of the shape of ``df``.

    Examples
    --------
    >>> import numpy as np
    >>> from mbias.stats.intervals import t_quantile
    >>> t_quantile(np.array([2, 5, 1000])).round(2)
    array([4.3 , 2.57, 1.96])
    """
    quantile: np.ndarray = special.stdtrit(df, (1 + level) / 2)
    return quantile


def ratio(sums: np.ndarray) -> np.ndarray:
    """Divide numerators by denominators.

    Parameters
    ----------
    sums
        Numerators and denominators along the last axis, of shape (..., 2).

    Returns
    -------
    numpy.ndarray
        Quotients of shape (...), NaN where the denominator is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from mbias.stats.intervals import ratio
    >>> ratio(np.array([[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]]))
    array([0.5 , 0.75,  nan])
    """
    numerator, denominator = sums[..., 0], sums[..., 1]
    quotient: np.ndarray = np.divide(
        numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator != 0
    )
    return quotient


def linearised(parts: np.ndarray) -> np.ndarray:
    """Linearise a ratio of sums over samples, so that `student` gives its interval without a bootstrap.

    The mean of the returned values over samples is the quotient of the sums, and their spread is that of the quotient:
    the linearisation of a ratio estimator (Cochran 1977, 6.3).

    Parameters
    ----------
    parts
        Numerators and denominators of each sample, of shape (sample, *cells, 2).

    Returns
    -------
    numpy.ndarray
        Values of shape (sample, *cells), NaN where the denominators are 0.

    Examples
    --------
    >>> import numpy as np
    >>> from mbias.stats.intervals import linearised, student
    >>> parts = np.array([[1.0, 2.0], [1.0, 1.0], [1.0, 1.0]])
    >>> linearised(parts)
    array([0.375 , 0.9375, 0.9375])
    >>> student(linearised(parts)).round(2)
    array([ 0.75, -0.06,  1.56])
    """
    quotient, denominator = ratio(parts.sum(axis=0)), parts[..., 1].mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        values: np.ndarray = quotient + (parts[..., 0] - quotient * parts[..., 1]) / denominator
    return values
