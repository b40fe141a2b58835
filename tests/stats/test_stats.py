from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mbias.stats.estimates import estimate
from mbias.stats.intervals import linearised, ratio, student, t_quantile
from mbias.stats.significance import benjamini_hochberg, cliffs_delta, equivalence, holm, sign_flip, standardised


def _mean(sums):
    return ratio(sums)


def _parts(values):
    """Parts of a mean over samples of values (seed, sample)."""
    return np.stack([values, np.ones_like(values)], axis=-1)


def test_one_seed_is_the_textbook_interval_of_a_mean():
    values = np.random.default_rng(1).normal(3, 2, (1, 300))
    found = estimate(_parts(values), _mean)
    textbook = stats.t.interval(0.95, 299, values.mean(), values.std(ddof=1) / np.sqrt(300))

    assert found.point == pytest.approx(values.mean())
    assert found.interval() == pytest.approx(np.array(textbook), abs=0.02)
    assert np.isnan(found.seeds_part)


def test_standard_error_is_that_of_crossed_random_effects():
    """Seeds crossed with samples, by the mean squares of a two-way analysis of variance."""
    rng = np.random.default_rng(2)
    values = rng.normal(0, 0.3, (5, 1)) + rng.normal(0, 1, (1, 80)) + rng.normal(0, 0.5, (5, 80))
    found = estimate(_parts(values), _mean)
    seeds, samples = values.shape
    of_seed = samples * values.mean(axis=1).var(ddof=1)
    of_sample = seeds * values.mean(axis=0).var(ddof=1)
    rest = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    residual = (rest**2).sum() / ((seeds - 1) * (samples - 1))

    assert found.se**2 == pytest.approx((of_seed + of_sample - residual) / (seeds * samples), rel=0.06)
    assert 4 <= found.df <= 15


@pytest.mark.parametrize("seeds", [3, 6])
def test_intervals_cover_what_they_say(seeds):
    rng = np.random.default_rng(3)
    hits = []
    for _ in range(1_000):
        values = rng.normal(0, 0.1, (seeds, 1)) + rng.normal(0, 0.4, (1, 60)) + rng.normal(0, 0.3, (seeds, 60))
        low, high = estimate(_parts(values), _mean).interval()
        hits.append(low <= 0 <= high)

    # 1,000 tries: 0.95 -+ 3 standard errors.
    assert 0.929 < np.mean(hits) < 0.971


def test_students_interval_by_hand():
    # Mean 2, deviation 1, three seeds: 2 -+ 4.302653 / sqrt(3).
    assert student(np.array([1.0, 2.0, 3.0])) == pytest.approx([2, 2 - 2.484138, 2 + 2.484138])
    assert np.isnan(student(np.array([1.0]))[1:]).all()


def test_a_quotient_has_the_bootstraps_interval_in_closed_form():
    rng = np.random.default_rng(5)
    number = rng.integers(0, 4, 400).astype(float)
    parts = np.stack([rng.normal(0.4, 0.2, 400) * number, number], axis=-1)
    point, low, high = student(linearised(parts))
    found = estimate(parts[None], _mean)

    assert point == pytest.approx(found.point)
    assert high - low == pytest.approx(np.ptp(found.interval()), rel=0.05)
    assert np.isnan(linearised(np.zeros((3, 2)))).all()


@given(st.floats(1, 500), st.floats(0.5, 0.999))
def test_quantiles_and_tails_are_scipys(df, level):
    assert t_quantile(df, level) == pytest.approx(stats.t.ppf((1 + level) / 2, df))


def test_a_rare_value_has_few_degrees_of_freedom_and_bounds_are_kept():
    values = np.tile(np.array([1.0, 1.0, 1.0, 0.0, 1.0]), 8)[None]
    wide = estimate(_parts(values), _mean, samples=np.array(5.0)).interval(bounds=(0, 0.95))

    assert wide[1] == 0.95
    assert wide[0] < estimate(_parts(values), _mean).interval()[0]


def test_a_ratio_that_is_undefined_in_a_resample_does_not_spoil_the_rest():
    parts = np.zeros((1, 30, 2))
    parts[0, :2] = [[1, 1], [0, 1]]
    found = estimate(parts, _mean)

    assert found.point == 0.5
    assert 0 < found.se < 1


def test_nothing_to_estimate_is_said():
    with pytest.raises(ValueError, match="0 samples"):
        estimate(np.zeros((2, 0, 2)), _mean)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=8))
def test_sign_flip_by_enumeration(values):
    differences = np.array(values, dtype=float)
    observed = abs(differences.sum())
    flips = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(values))
    ]

    assert sign_flip(differences, np.random.default_rng(0)) == pytest.approx(
        np.mean([flip >= observed for flip in flips])
    )


@pytest.mark.parametrize(("seeds", "smallest"), [(3, 0.25), (5, 0.0625), (6, 0.03125), (10, 2 / 1024)])
def test_smallest_p_of_a_sign_flip_test(seeds, smallest):
    assert sign_flip(np.arange(1.0, seeds + 1), np.random.default_rng(0)) == smallest


def test_sign_flip_is_scipys_permutation_test():
    differences = np.random.default_rng(5).normal(0.3, 1, 9)
    theirs = stats.permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf)

    assert sign_flip(differences, np.random.default_rng(0)) == pytest.approx(theirs.pvalue)


def test_false_alarms_of_a_sign_flip_test_over_many_pairs():
    rng = np.random.default_rng(6)
    p = sign_flip(rng.normal(0, 1, (40, 400)), rng, resamples=500)

    assert (p <= 0.05).mean() < 0.085


def test_effect_sizes_by_hand():
    assert standardised(np.array([1.0, 2.0, 3.0])) == pytest.approx(2.0)
    assert np.isnan(standardised(np.array([1.0])))
    # 2 > 1, 2 < 3, 4 > 1, 4 > 3: three above, one below, of four.
    assert cliffs_delta(np.array([2.0, 4.0]), np.array([1.0, 3.0])) == 0.5


def test_corrections_by_hand():
    assert holm(np.array([0.01, 0.04, 0.03, np.nan])) == pytest.approx([0.03, 0.06, 0.06, np.nan], nan_ok=True)
    assert benjamini_hochberg(np.array([0.01, 0.04, np.nan, 0.03])) == pytest.approx(
        [0.03, 0.04, np.nan, 0.04], nan_ok=True
    )


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_benjamini_hochberg_is_scipys(p):
    assert benjamini_hochberg(np.array(p)) == pytest.approx(stats.false_discovery_control(p))


def test_what_is_the_same_in_every_sample_is_as_likely_above_as_below():
    found = estimate(_parts(np.full((1, 30), 2.0)), _mean)

    assert (found.above(2), found.below(2)) == (0.5, 0.5)
    assert (found.above(1), found.below(1)) == (0, 1)


def test_equivalence_needs_precision_and_not_only_no_difference():
    rng = np.random.default_rng(8)
    many, few = rng.normal(0, 1, (1, 5000)), rng.normal(0, 1, (1, 20))

    assert equivalence(estimate(_parts(many), _mean), 0.2) < 0.001
    assert equivalence(estimate(_parts(few), _mean), 0.2) > 0.05
