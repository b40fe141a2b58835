from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mbias.stats.bounded import Bounded
from mbias.stats.estimates import combined


def _bounded(point, variance=0.02, number=30, low=-1.0, high=1.0):
    return Bounded(
        combined(np.atleast_1d(np.array(point))[None], np.array(variance), np.array(variance), number), low, high
    )


@given(st.floats(-1, 1), st.floats(1e-6, 4), st.integers(3, 500))
def test_intervals_lie_within_the_bounds_and_hold_the_estimate(point, variance, number):
    low, high = _bounded(point, variance, number).interval()[:, 0]

    assert -1 <= low <= point + 1e-9
    assert point - 1e-9 <= high <= 1


@pytest.mark.parametrize("level", [0.95, 0.9])
def test_the_interval_of_a_balance_is_that_of_its_artanh(level):
    z, se = np.arctanh(0.6), np.sqrt(0.02) / (1 - 0.6**2)
    expected = np.tanh(stats.t.interval(level, 29, z, se))

    assert _bounded(0.6).interval(level)[:, 0] == pytest.approx(expected)


def test_a_share_is_half_of_a_balance_and_one_half():
    share, balance = _bounded(0.8, 0.005, low=0, high=1), _bounded(0.6, 0.02)

    assert share.interval() == pytest.approx((balance.interval() + 1) / 2)
    assert share.above(0.7) == pytest.approx(balance.above(0.4))
    assert share.below(0.9) == pytest.approx(balance.below(0.8))


def test_tests_are_t_tests_on_the_scale_of_z():
    t = (np.arctanh(0.6) - np.arctanh(0.2)) / (np.sqrt(0.02) / (1 - 0.6**2))

    assert _bounded(0.6).above(0.2) == pytest.approx(stats.t.sf(t, 29))
    assert _bounded(0.6).below(0.2) == pytest.approx(stats.t.cdf(t, 29))


@given(st.floats(-0.99, 0.99), st.floats(1e-4, 1), st.integers(3, 500))
def test_a_test_rejects_where_its_interval_does(point, variance, number):
    bounded = _bounded(point, variance, number)

    assert (bounded.above(0.2)[0] <= 0.025) == (bounded.interval()[0, 0] >= 0.2)
    low, high = bounded.interval(0.9)[:, 0]
    assert (bounded.within(0.2)[0] <= 0.05) == (low >= -0.2 and high <= 0.2)


def test_at_a_bound_the_interval_is_the_bound():
    np.testing.assert_allclose(_bounded([1.0, -1.0]).interval(), [[1, -1], [1, -1]])


def test_what_is_unknown_stays_unknown():
    unknown = Bounded(combined(np.full((1, 1), np.nan), np.full(1, np.nan), np.full(1, np.nan), 20))

    assert np.isnan(unknown.interval()).all()
    assert np.isnan(unknown.above(0.2)).all()


def test_seeds_are_on_the_scale_of_z_too():
    by_seed = np.array([[0.2], [0.4]])
    z = Bounded(combined(by_seed, np.full(1, 0.01), np.full(1, 0.01), 30)).z

    assert z.by_seed == pytest.approx(np.arctanh(by_seed))
    assert z.se**2 == pytest.approx(z.samples_part + z.seeds_part)
