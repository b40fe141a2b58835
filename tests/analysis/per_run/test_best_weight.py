from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from mbias.analysis.per_run.best_weight import best_weight, best_weight_interval, joint_loss

PROBABILITY = st.floats(0.01, 0.99)


@given(PROBABILITY, PROBABILITY, st.booleans())
def test_one_cell_in_closed_form(first, second, present):
    weight = best_weight(np.array([first]), np.array([second]), np.array([present]))
    if first == second:
        return
    assert weight == pytest.approx(1.0 if (first > second) == present else 0.0, abs=1e-9)


@given(st.lists(st.tuples(PROBABILITY, PROBABILITY, st.booleans()), min_size=2, max_size=8))
def test_no_weight_is_better_than_the_best(cells):
    first, second = (np.array([cell[i] for cell in cells]) for i in (0, 1))
    labels = np.array([cell[2] for cell in cells])
    best = joint_loss(best_weight(first, second, labels), first, second, labels)
    minimum = minimize_scalar(lambda w: joint_loss(w, first, second, labels), bounds=(0, 1), method="bounded")

    assert best <= minimum.fun + 1e-9


def test_the_interval_of_the_best_weight_holds_the_truth_nineteen_times_in_twenty():
    rng = np.random.default_rng(3)
    first, second, share = 0.8, 0.3, 0.6
    # The label is present with this probability, so that the best weight is where p_wsl is the same: W = 3/5.
    weight = (share - second) / (first - second)
    labels = rng.random((300, 2_000)) < share
    low, high = best_weight_interval(np.full(labels.shape, first), np.full(labels.shape, second), labels)

    assert best_weight(np.full((10, 1), first), np.full((10, 1), second), np.arange(10)[:, None] < 6) == pytest.approx(
        weight
    )
    assert ((low <= weight) & (weight <= high)).mean() == pytest.approx(0.95, abs=0.015)


def test_the_interval_is_a_point_where_all_samples_agree():
    labels = np.ones((50, 1), dtype=bool)
    first, second = np.full((50, 1), 0.9), np.full((50, 1), 0.2)

    assert best_weight_interval(first, second, labels).ravel().tolist() == [1, 1]
