"""The probability of improvement."""

import itertools

import numpy as np
import pytest

from mbias.stats.improvement import probability_of_improvement


def test_it_is_the_part_of_pairs_that_are_better_and_a_tie_counts_half():
    better, worse = np.array([3.0, 1.0, 2.0]), np.array([2.0, 0.0, 5.0])
    wins = [1.0 if a > b else 0.5 if a == b else 0.0 for a, b in itertools.product(better, worse)]
    assert probability_of_improvement(better, worse)[0] == pytest.approx(np.mean(wins))


def test_the_interval_is_that_of_all_resamples_of_seeds():
    """With three seeds there are 27 resamples of each side: the bootstrap's quantiles are those of all 729 pairs."""
    better, worse = np.array([1.0, 2.0, 4.0]), np.array([0.0, 3.0, 5.0])
    wins = (np.sign(better[:, None] - worse) + 1) / 2
    every = list(itertools.product(range(3), repeat=3))
    exact = [wins[np.ix_(first, second)].mean() for first in every for second in every]
    low, high = np.quantile(exact, [0.025, 0.975])
    _, found_low, found_high = probability_of_improvement(better, worse)
    assert (found_low, found_high) == pytest.approx((low, high), abs=0.12)


def test_a_method_that_always_wins_has_a_certain_improvement():
    assert probability_of_improvement(np.array([4.0, 5.0, 6.0]), np.array([1.0, 2.0, 3.0])) == (1.0, 1.0, 1.0)


def test_two_seeds_have_no_interval():
    point, low, high = probability_of_improvement(np.array([1.0, 2.0]), np.array([0.0, 3.0, 4.0]))
    assert point == pytest.approx(2 / 6)
    assert np.isnan([low, high]).all()
