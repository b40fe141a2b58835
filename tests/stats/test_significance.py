from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mbias.stats.estimates import combined, estimate
from mbias.stats.intervals import ratio
from mbias.stats.significance import benjamini_hochberg, cliffs_delta, equivalence, holm, no_difference, standardised
from tests.stats.sums import mean_parts


def test_a_test_of_no_difference_over_one_seed_is_the_t_test():
    values = np.random.default_rng(3).normal(0.1, 1, (1, 100))
    p = no_difference(estimate(mean_parts(values), ratio))

    assert p == pytest.approx(stats.ttest_1samp(values[0], 0).pvalue, rel=0.1)


def test_where_the_samples_do_not_matter_it_is_the_t_test_over_seeds():
    by_seed = np.array([0.1, 0.3, 0.5, 0.2])
    p = no_difference(estimate(mean_parts(np.repeat(by_seed[:, None], 50, axis=1)), ratio))

    assert p == pytest.approx(stats.ttest_1samp(by_seed, 0).pvalue, rel=1e-4)


def test_its_p_is_never_below_that_of_the_interval():
    values = np.random.default_rng(9).normal(0, 1, (40, 3, 30)) + np.random.default_rng(8).normal(0, 0.2, (40, 3, 1))
    for of_study in values:
        estimated = estimate(mean_parts(of_study), ratio)
        assert no_difference(estimated) >= 2 * min(estimated.above(0), estimated.below(0)) - 1e-12


def test_effect_sizes_by_hand():
    assert standardised(np.array([1.0, 2.0, 3.0])) == pytest.approx(2.0)
    assert np.isnan(standardised(np.array([1.0])))
    # 2 > 1, 2 < 3, 4 > 1, 4 > 3: three of four pairs are above, one is below.
    assert cliffs_delta(np.array([2.0, 4.0]), np.array([1.0, 3.0])) == 0.5


def test_corrections_by_hand():
    assert holm(np.array([0.01, 0.04, 0.03, np.nan])) == pytest.approx([0.03, 0.06, 0.06, np.nan], nan_ok=True)
    assert benjamini_hochberg(np.array([0.01, 0.04, np.nan, 0.03])) == pytest.approx(
        [0.03, 0.04, np.nan, 0.04], nan_ok=True
    )


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_benjamini_hochberg_equals_scipys(p):
    assert benjamini_hochberg(np.array(p)) == pytest.approx(stats.false_discovery_control(p))


def test_equivalence_needs_precision_and_not_only_a_small_difference():
    rng = np.random.default_rng(8)
    many, few = rng.normal(0, 1, (1, 5000)), rng.normal(0, 1, (1, 20))

    assert equivalence(estimate(mean_parts(many), ratio), 0.2) < 0.001
    assert equivalence(estimate(mean_parts(few), ratio), 0.2) > 0.05


@pytest.mark.slow
def test_corrections_are_those_of_statsmodels():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    rng = np.random.default_rng(7)

    for number in range(1, 31):
        # Rounded, so that some are equal.
        p = (rng.random(number) ** 3).round(2)
        assert holm(p) == pytest.approx(multitest.multipletests(p, method="holm")[1])
        assert benjamini_hochberg(p) == pytest.approx(multitest.multipletests(p, method="fdr_bh")[1])


@pytest.mark.slow
def test_equivalence_over_one_seed_is_that_of_statsmodels():
    weightstats = pytest.importorskip("statsmodels.stats.weightstats")
    values = np.random.default_rng(6).normal(0.05, 1, 200)
    variance = np.array(values.var(ddof=1) / 200)
    of_mean = combined(np.array([values.mean()]), variance, variance, 200)

    assert equivalence(of_mean, 0.2) == pytest.approx(weightstats.DescrStatsW(values).ttost_mean(-0.2, 0.2)[0])
