"""The variance across settings without that of seeds and samples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mbias.analysis.paper.across import variance_across


def test_variance_by_hand():
    """Means 1, 3 and 5: variance 4. Seeds vary by 0.5, 2 and 0, halved in a mean of two: on average 5 / 12."""
    scores = [np.array([[0.5], [1.5]]), np.array([[2.0], [4.0]]), np.array([[5.0], [5.0]])]
    across = variance_across(scores)

    assert across.point == pytest.approx(4 - 5 / 12)
    assert across.seed_variance == pytest.approx(2.5 / 3)
    assert across.low < across.point < across.high


def test_what_a_seed_adds_to_every_setting_is_no_noise():
    common = np.array([[-3.0], [0.0], [3.0]])
    scores = [common + mean for mean in (1.0, 2.0, 3.0)]

    assert variance_across(scores, paired=True).point == pytest.approx(1)
    assert variance_across(scores).point == pytest.approx(1 - 3)


def test_seeds_that_are_equal_leave_the_variance_without_error():
    scores = [np.full((3, 2), mean) for mean in (1.0, 2.0)]
    across = variance_across(scores)

    assert (across.point, across.low, across.high) == (0.5, 0.5, 0.5)


def test_the_lower_end_is_zero_where_an_f_test_does_not_reject():
    """One metric: at 0, the test is the F test of the analysis of variance."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        scores = [rng.normal(mean, 1, (4, 1)) for mean in (0.0, 0.5, 1.0)]
        p = stats.f_oneway(*(of_setting[:, 0] for of_setting in scores)).pvalue
        assert (variance_across(scores).low > 0) == (p < 0.025)


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("truth", [0.0, 1.0])
def test_the_estimate_is_unbiased_and_its_interval_holds_the_truth(truth, paired):
    rng = np.random.default_rng(2)
    means = np.sqrt(truth) * np.array([[-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0], [1.0, 1.0]]) * np.sqrt(3 / 4)
    points, held = [], []
    for _ in range(150):
        runs = means[:, None] + rng.normal(0, 1, (4, 6, 1)) + rng.normal(0, 0.5, (4, 6, 2))
        samples = runs[:, :, None] + rng.normal(0, 3, (4, 1, 40, 2)) + rng.normal(0, 3, (4, 6, 40, 2))
        across = variance_across(list(samples.mean(axis=2)), list(samples), paired)
        points.append(across.point)
        held.append(across.low <= truth <= across.high)

    assert np.mean(points) == pytest.approx(truth, abs=3 * np.std(points) / np.sqrt(len(points)))
    assert 0.9 <= np.mean(held) <= 1


def test_noise_that_moves_metrics_together_blurs_settings_that_differ_that_way():
    """The same noise and the same variance; the settings differ along the noise, or across it."""
    noise = np.random.default_rng(0).normal(0, 1, (4, 3, 1)) * np.ones(2)
    noise -= noise.mean(axis=1, keepdims=True)
    along, across = (
        variance_across(
            [of_setting + mean * np.array(way) for of_setting, mean in zip(noise, (0, 1, 2, 3), strict=True)]
        )
        for way in ((1.0, 1.0), (1.0, -1.0))
    )

    assert along.point == pytest.approx(across.point)
    assert across.high - across.low < 0.9 * (along.high - along.low)
