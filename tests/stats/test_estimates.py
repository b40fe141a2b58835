from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mbias.stats.estimates import estimate, estimate_blocks
from mbias.stats.intervals import ratio
from tests.stats.sums import mean_parts


def test_one_seed_gives_the_textbook_interval_of_a_mean():
    values = np.random.default_rng(1).normal(3, 2, (1, 300))
    result = estimate(mean_parts(values), ratio)
    textbook = stats.t.interval(0.95, 299, values.mean(), values.std(ddof=1) / np.sqrt(300))

    assert result.point == pytest.approx(values.mean())
    assert result.interval() == pytest.approx(np.array(textbook), abs=0.02)
    assert np.isnan(result.seeds_part)


def test_standard_error_is_that_of_crossed_random_effects():
    """The reference crosses seeds with samples, by the mean squares of a two-way analysis of variance."""
    rng = np.random.default_rng(2)
    values = rng.normal(0, 0.3, (5, 1)) + rng.normal(0, 1, (1, 80)) + rng.normal(0, 0.5, (5, 80))
    result = estimate(mean_parts(values), ratio)
    seeds, samples = values.shape
    seed_square = samples * values.mean(axis=1).var(ddof=1)
    sample_square = seeds * values.mean(axis=0).var(ddof=1)
    rest = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    residual_square = (rest**2).sum() / ((seeds - 1) * (samples - 1))

    expected = (seed_square + sample_square - residual_square) / (seeds * samples)
    assert result.se**2 == pytest.approx(expected, rel=0.06)
    assert 4 <= result.df <= 15


@pytest.mark.parametrize("seeds", [3, 6])
def test_intervals_have_their_nominal_coverage(seeds):
    rng = np.random.default_rng(3)
    hits = []
    for _ in range(1_000):
        values = rng.normal(0, 0.1, (seeds, 1)) + rng.normal(0, 0.4, (1, 60)) + rng.normal(0, 0.3, (seeds, 60))
        low, high = estimate(mean_parts(values), ratio).interval()
        hits.append(low <= 0 <= high)

    # 1,000 repetitions: 0.95 -+ 3 standard errors.
    assert 0.929 < np.mean(hits) < 0.971


def test_a_rare_value_has_few_degrees_of_freedom_and_bounds_are_kept():
    values = np.tile(np.array([1.0, 1.0, 1.0, 0.0, 1.0]), 8)[None]
    wide = estimate(mean_parts(values), ratio, samples=np.array(5.0)).interval(bounds=(0, 0.95))

    assert wide[1] == 0.95
    assert wide[0] < estimate(mean_parts(values), ratio).interval()[0]


def test_resamples_in_which_a_ratio_is_undefined_are_left_out():
    parts = np.zeros((1, 30, 2))
    parts[0, :2] = [[1, 1], [0, 1]]
    result = estimate(parts, ratio)

    assert result.point == 0.5
    assert 0 < result.se < 1


def test_parts_that_are_read_in_blocks_give_the_same_estimate():
    parts = np.random.default_rng(4).random((2, 50, 3, 2))
    whole = estimate(parts, ratio)
    blocks = [lambda of_seed=of_seed: iter(np.split(of_seed, [7, 30])) for of_seed in parts]
    read = estimate_blocks(blocks, ratio, units=50)

    np.testing.assert_allclose(read.point, whole.point, rtol=1e-12)
    np.testing.assert_allclose(read.se, whole.se, rtol=1e-5)


def test_no_samples_are_refused():
    with pytest.raises(ValueError, match="0 samples"):
        estimate(np.zeros((2, 0, 2)), ratio)


def test_a_statistic_without_spread_is_as_likely_above_as_below():
    result = estimate(mean_parts(np.full((1, 30), 2.0)), ratio)

    assert (result.above(2), result.below(2)) == (0.5, 0.5)
    assert (result.above(1), result.below(1)) == (0, 1)


def test_repr_of_a_scalar_shows_the_interval():
    result = estimate(mean_parts(np.full((1, 30), 2.0)), ratio)

    assert repr(result) == "<Estimate 2, 95% interval [2, 2]; 1 seed>"


def test_repr_of_an_array_stays_short():
    values = np.broadcast_to(np.linspace(0, 1, 10_000), (2, 3, 10_000))
    parts = mean_parts(values)
    parts[..., 0, 1] = 0  # the first value is undefined

    assert repr(estimate(parts, ratio)) == "<Estimate of shape (10000,), points 0.0001 to 1; 2 seeds>"
    assert repr(estimate(parts[:, :, :1], ratio)) == "<Estimate of shape (1,), points all NaN; 2 seeds>"
