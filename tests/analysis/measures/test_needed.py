"""What an undetermined verdict needs to be decided."""

from __future__ import annotations

import numpy as np
import pytest

from mbias.analysis.measures.needed import samples_needed, seeds_needed
from mbias.analysis.measures.verdict import MARGIN
from mbias.stats.bounded import Bounded
from mbias.stats.estimates import combined
from mbias.stats.intervals import t_quantile


def _balance(by_seed, samples_part, number=100):
    by_seed = np.array(by_seed, dtype=float)[:, None]
    return Bounded(combined(by_seed, np.full(1, samples_part), np.full(1, samples_part), number))


def test_seeds_needed_shrink_the_interval_to_the_margin():
    balance = _balance([0.1, 0.45, 0.5, 0.2], 1e-4)
    z = balance.z
    distance = z.point[0] - np.arctanh(MARGIN)
    needed = seeds_needed(balance)

    def half(seeds):
        return t_quantile(seeds - 1) * np.sqrt(z.samples_part[0] + 4 * z.seeds_part[0] / seeds)

    assert half(needed) <= distance < half(needed - 1)
    assert needed > 4


def test_where_samples_make_it_uncertain_more_seeds_would_not_decide_it():
    balance = _balance([0.24, 0.26, 0.25, 0.25], 0.01)

    assert seeds_needed(balance) is None
    times = samples_needed(balance)
    more = _balance([0.24, 0.26, 0.25, 0.25], 0.01 / times)
    distance = balance.z.point[0] - np.arctanh(MARGIN)
    half = t_quantile(balance.z.df[0]) * np.sqrt(more.z.samples_part[0] + balance.z.seeds_part[0])
    assert half == pytest.approx(distance)


def test_where_seeds_make_it_uncertain_more_samples_would_not_decide_it():
    assert samples_needed(_balance([0.0, 0.5, 0.4, 0.1], 1e-4)) == np.inf


def test_one_seed_says_how_many_samples_and_nothing_of_seeds():
    balance = _balance([0.25], 0.01)

    assert seeds_needed(balance) is None
    times = samples_needed(balance)
    assert t_quantile(99) * np.sqrt(0.01 / times) / (1 - 0.25**2) == pytest.approx(
        np.arctanh(0.25) - np.arctanh(MARGIN)
    )
