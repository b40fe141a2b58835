"""The floor of label smoothing, and the delta that an MSE implies."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbias.analysis.paper.floor import floor, implied_delta
from mbias.terms import Smoothing

DELTAS = st.floats(0, 0.999)


def test_floors_by_hand():
    """Delta 0.1: labels 0.95 and 0.05. Delta 0.2: labels 0.9 and 0.1."""
    assert floor(0.1) == pytest.approx(-0.95 * math.log(0.95) - 0.05 * math.log(0.05))
    assert (floor(0.0), floor(0.1), floor(0.2)) == pytest.approx((0, 0.1985, 0.3251), abs=5e-5)
    assert (floor(0.1) ** 2, floor(0.2) ** 2) == pytest.approx((0.0394, 0.1057), abs=5e-5)


@pytest.mark.parametrize("delta", [0.05, 0.1, 0.2, 0.7])
def test_the_floor_is_that_of_the_training_whatever_the_labels(delta):
    torch = pytest.importorskip("torch")
    from mbias.han.losses import floor as trained

    for present in (0.0, 0.3, 1.0):
        labels = (torch.rand(40, 5, generator=torch.Generator().manual_seed(0)) < present).float()
        assert floor(delta) == pytest.approx(float(trained(labels, Smoothing(visual=delta))[1]), rel=1e-5)


def test_the_published_mse_implies_0198():
    assert math.sqrt(0.104) == pytest.approx(0.3225, abs=5e-5)
    assert implied_delta(0.104) == pytest.approx(0.198, abs=5e-4)


@given(DELTAS)
def test_the_implied_delta_is_the_inverse_of_the_floor(delta):
    assert implied_delta(floor(delta) ** 2) == pytest.approx(delta, abs=1e-6)


@given(st.floats(0, math.log(2) - 1e-9))
def test_the_floor_of_the_implied_delta_is_the_root_of_the_mse(root):
    assert floor(implied_delta(root**2)) == pytest.approx(root, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("mse", [math.log(2) ** 2, 1.0, math.inf, math.nan])
def test_no_delta_has_a_floor_above_ln_2(mse):
    assert math.isnan(implied_delta(mse))


@given(DELTAS, st.lists(st.tuples(st.floats(0, 0.6), st.floats(0, 0.6)), min_size=1))
def test_when_the_implied_delta_is_a_bound(delta, epochs):
    """Against the definition, from L_m = floor + excess, and L_wsl."""
    excess, joint = np.array(epochs).T
    above, below = np.maximum(excess, joint), np.minimum(excess, joint)

    def mse(excess, joint):
        return float(np.mean((floor(delta) + excess - joint) ** 2))

    at_least = implied_delta(mse(above, below))
    assert math.isnan(at_least) or at_least >= delta - 1e-6
    # L_wsl at most L_m.
    at_most = implied_delta(mse(below, np.minimum(above, floor(delta) + below)))
    assert at_most <= delta + 1e-6
