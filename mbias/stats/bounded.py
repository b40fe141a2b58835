"""Intervals and tests of a statistic that has bounds, such as a share or a balance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mbias.stats.estimates import Estimate
from mbias.stats.intervals import LEVEL
from mbias.stats.significance import equivalence


@dataclass(frozen=True)
class Bounded:
    """An estimate of a statistic between two bounds.

    Intervals and tests are on the scale of Fisher's z, which has no bounds: z = artanh(x), with x moved to [-1, 1].
    On that scale a balance of two means is half of the logarithm of their ratio, whose distribution is nearly normal
    even with few samples.

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
    low: float = -1.0
    high: float = 1.0

    @property
    def point(self) -> np.ndarray:
        """The estimate itself."""
        return self.estimate.point

    def at(self, *index: Any) -> Bounded:
        """The estimates at an index of the statistic's shape."""
        return Bounded(self.estimate.at(*index), self.low, self.high)

    @property
    def z(self) -> Estimate:
        """The estimate on the scale without bounds; its standard error by the delta method, 0 at a bound."""
        scaled = self._scaled(self.estimate.point)
        half_range = (self.high - self.low) / 2
        slope = np.clip(1 - scaled**2, 0, None) * half_range
        inverse = np.divide(1.0, slope, out=np.zeros_like(slope), where=(slope > 0) & (self.estimate.se > 0))
        inverse = np.where(np.isnan(self.estimate.se), np.nan, inverse)
        return Estimate(
            self._to_z(self.estimate.point),
            self.estimate.se * inverse,
            self.estimate.df,
            self._to_z(self.estimate.by_seed),
            self.estimate.samples_part * inverse**2,
            self.estimate.seeds_part * inverse**2,
        )

    def interval(self, level: float = LEVEL) -> np.ndarray:
        """Confidence interval within the bounds: lower and upper ends, (2, ...)."""
        ends: np.ndarray = (np.tanh(self.z.interval(level)) + 1) * (self.high - self.low) / 2 + self.low
        return ends

    def above(self, value: float) -> np.ndarray:
        """p-values of the null hypothesis that the statistic is not above ``value``."""
        return self.z.above(float(self._to_z(value)))

    def below(self, value: float) -> np.ndarray:
        """p-values of the null hypothesis that the statistic is not below ``value``."""
        return self.z.below(float(self._to_z(value)))

    def within(self, margin: float) -> np.ndarray:
        """p-values of the equivalence test that a balance lies within ``margin`` of 0."""
        return equivalence(self.z, float(self._to_z(margin)))

    def _scaled(self, value: np.ndarray | float) -> np.ndarray:
        scaled: np.ndarray = 2 * (np.asarray(value, dtype=float) - self.low) / (self.high - self.low) - 1
        return scaled

    def _to_z(self, value: np.ndarray | float) -> np.ndarray:
        # At a bound z is infinite; so far out, the way back leads to the bound.
        z: np.ndarray = np.arctanh(np.clip(self._scaled(value), -1 + 1e-15, 1 - 1e-15))
        return z
