from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mbias.stats.estimates import estimate
from mbias.stats.intervals import ratio
from mbias.stats.significance import benjamini_hochberg, cliffs_delta, equivalence, holm, sign_flip, standardised
from tests.stats.sums import mean_parts


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=8))
def test_sign_flip_equals_an_enumeration(values):
    differences = np.array(values, dtype=float)
    observed = abs(differences.sum())
    flips = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(values))
    ]

    assert sign_flip(differences, np.random.default_rng(0)) == pytest.approx(
        np.mean([flip >= observed for flip in flips])
    )


@pytest.mark.parametrize(("pairs", "smallest"), [(3, 0.25), (5, 0.0625), (6, 0.03125), (10, 2 / 1024)])
def test_smallest_p_of_a_sign_flip_test(pairs, smallest):
    assert sign_flip(np.arange(1.0, pairs + 1), np.random.default_rng(0)) == smallest


def test_sign_flip_equals_scipys_permutation_test():
    differences = np.random.default_rng(5).normal(0.3, 1, 9)
    reference = stats.permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf)

    assert sign_flip(differences, np.random.default_rng(0)) == pytest.approx(reference.pvalue)


def test_false_positives_of_a_sign_flip_test_with_many_pairs():
    rng = np.random.default_rng(6)
    p = sign_flip(rng.normal(0, 1, (40, 400)), rng, resamples=500)

    assert (p <= 0.05).mean() < 0.085


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
