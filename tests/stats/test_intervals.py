from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mbias.stats.estimates import estimate
from mbias.stats.intervals import linearised, ratio, student, t_quantile


def test_students_interval_by_hand():
    # Mean 2, standard deviation 1, three values: 2 -+ 4.302653 / sqrt(3).
    assert student(np.array([1.0, 2.0, 3.0])) == pytest.approx([2, 2 - 2.484138, 2 + 2.484138])
    assert np.isnan(student(np.array([1.0]))[1:]).all()


def test_a_linearised_ratio_has_the_interval_of_the_bootstrap():
    rng = np.random.default_rng(5)
    number = rng.integers(0, 4, 400).astype(float)
    parts = np.stack([rng.normal(0.4, 0.2, 400) * number, number], axis=-1)
    point, low, high = student(linearised(parts))
    bootstrapped = estimate(parts[None], ratio)

    assert point == pytest.approx(bootstrapped.point)
    assert high - low == pytest.approx(np.ptp(bootstrapped.interval()), rel=0.05)
    assert np.isnan(linearised(np.zeros((3, 2)))).all()


@given(st.floats(1, 500), st.floats(0.5, 0.999))
def test_quantiles_equal_scipys(df, level):
    assert t_quantile(df, level) == pytest.approx(stats.t.ppf((1 + level) / 2, df))
