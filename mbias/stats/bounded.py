"""Intervals and tests of a statistic that has bounds, such as a share or a balance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mbias.stats.estimates import Estimate, upper_tail
from mbias.stats.intervals import LEVEL, t_quantile


@dataclass(frozen=True)
class Bounded:
    """An estimate of a statistic between two bounds.

    Intervals and tests are on the scale of Fisher's z, which has no bounds: z = artanh(x), with x moved to [-1, 1].
    On that scale a quotient of two means is the logarithm of their ratio, whose distribution is nearly normal with few
    samples.

    Parameters
    ----------
    estimate
        The estimate.
    low, high
        The bounds of the statistic.

    Examples
    --------
    >>> import numpy as np
    >>> from mbias.stats.estimates import combined
    >>> balance = Bounded(combined(np.array([0.8]), np.array(0.01), np.array(0.01), 100), -1, 1)
    >>> balance.interval().round(2)
    array([0.5 , 0.93])
    """

    estimate: Estimate
    low: float
    high: float

    def interval(self, level: float = LEVEL) -> np.ndarray:
        """Confidence interval within the bounds, (2, ...), lower and upper ends."""
        half = t_quantile(self.estimate.df, level) * self._se
        z = self._z(self.estimate.point)
        ends: np.ndarray = self._back(np.stack([z - half, z + half]))
        return ends

    def above(self, value: float) -> np.ndarray:
        """p-values of the null hypothesis that the statistic is not above ``value``."""
        return upper_tail(self._distance(value), self._se, self.estimate.df)

    def below(self, value: float) -> np.ndarray:
        """p-values of the null hypothesis that the statistic is not below ``value``."""
        return upper_tail(-self._distance(value), self._se, self.estimate.df)

    @property
    def _half_range(self) -> float:
        return (self.high - self.low) / 2

    def _scaled(self, value: np.ndarray | float) -> np.ndarray:
        scaled: np.ndarray = (np.asarray(value, dtype=float) - self.low) / self._half_range - 1
        return scaled

    def _z(self, value: np.ndarray | float) -> np.ndarray:
        # At a bound, z is infinite; this far out, the interval back on the scale of the statistic is the bound.
        z: np.ndarray = np.arctanh(np.clip(self._scaled(value), -1 + 1e-15, 1 - 1e-15))
        return z

    def _back(self, z: np.ndarray) -> np.ndarray:
        back: np.ndarray = (np.tanh(z) + 1) * self._half_range + self.low
        return back

    def _distance(self, value: float) -> np.ndarray:
        distance: np.ndarray = self._z(self.estimate.point) - self._z(value)
        return distance

    @property
    def _se(self) -> np.ndarray:
        slope = (1 - np.clip(self._scaled(self.estimate.point), -1, 1) ** 2) * self._half_range
        se: np.ndarray = np.divide(
            self.estimate.se, slope, out=np.zeros_like(self.estimate.se), where=(slope > 0) & (self.estimate.se > 0)
        )
        return np.where(np.isnan(self.estimate.se), np.nan, se)
