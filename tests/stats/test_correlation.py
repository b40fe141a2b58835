from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mbias.stats.correlation import mean_rank_correlation, rank_correlation

VALUES = st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=3, max_size=30)


@given(VALUES)
def test_spearmans_correlation_is_scipys(pairs):
    first, second = np.array(pairs, dtype=float).T
    found = rank_correlation(first, second)
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        assert np.isnan(found["rho"])
        return

    assert found["rho"] == pytest.approx(stats.spearmanr(first, second).statistic)
    assert found["number"] == len(pairs)


def test_the_interval_by_hand():
    first, second = np.arange(8.0), np.array([0.0, 1, 3, 2, 4, 6, 5, 7])
    # Four ranks differ by one: 1 - 6 x 4 / (8 x 63).
    rho = 1 - 24 / 504
    half = stats.norm.ppf(0.975) * np.sqrt((1 + rho**2 / 2) / 5)
    found = rank_correlation(first, second)

    assert found["rho"] == pytest.approx(rho)
    assert found["rho_low"] == pytest.approx(np.tanh(np.arctanh(rho) - half))
    assert found["rho_high"] == pytest.approx(np.tanh(np.arctanh(rho) + half))


def test_the_interval_holds_no_correlation_nineteen_times_in_twenty():
    rng = np.random.default_rng(1)
    found = [rank_correlation(*rng.normal(size=(2, 12))) for _ in range(1_000)]

    assert np.mean([f["rho_low"] <= 0 <= f["rho_high"] for f in found]) == pytest.approx(0.95, abs=0.025)


def test_unknown_pairs_are_left_out():
    first = np.array([1, 2, 3, 4, 5, 6, np.nan, 1])
    second = np.array([2, 1, 4, 3, 6, 5, 1, np.nan])

    assert rank_correlation(first, second) == rank_correlation(first[:6], second[:6])


@pytest.mark.parametrize("first", [np.arange(4.0), np.arange(9.0)])
def test_few_pairs_and_equal_ranks_have_no_interval(first):
    found = rank_correlation(first, first * 2)

    assert found["rho"] == pytest.approx(1)
    assert np.isnan([found["rho_low"], found["rho_high"]]).all()


def test_a_mean_of_correlations_has_students_interval():
    rng = np.random.default_rng(2)
    pairs = [(rng.normal(size=n), rng.normal(size=n)) for n in (6, 9, 6)]
    rhos = [stats.spearmanr(a, b).statistic for a, b in pairs]
    found = mean_rank_correlation([*pairs, (np.zeros(4), np.arange(4.0))])

    assert found["rho"] == pytest.approx(np.mean(rhos))
    ends = stats.t.interval(0.95, 2, np.mean(rhos), stats.sem(rhos))
    assert [found["rho_low"], found["rho_high"]] == pytest.approx(np.clip(ends, -1, 1))
    assert found["number"] == 3
    assert mean_rank_correlation([])["number"] == 0
    assert np.isnan(mean_rank_correlation(pairs[:1])["rho_low"])
