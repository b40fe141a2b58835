from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mbias import Run
from mbias.analysis.per_run.scopes import contributions_of, run_means, summary, weight_means
from mbias.errors import NotApplicableError
from tests.drawn_runs import draw_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Run(draw_run(tmp_path_factory.mktemp("scopes") / "run"))


def test_means_of_weights_are_the_ones_that_were_recorded(run):
    mean, *_ = weight_means(run, "last").intervals()
    np.testing.assert_allclose(mean, summary(run, "last")[:, 0], atol=1e-6)


def test_means_of_weights_do_not_rest_on_the_recorded_ones(run):
    """They are a starting point, from which the means and their intervals are computed."""
    means = weight_means(run, "last")
    alone = dataclasses.replace(means, expected=None)

    np.testing.assert_allclose(means.intervals(), alone.intervals(), rtol=1e-6)
    np.testing.assert_allclose(means.means_over_last(), alone.means_over_last(), rtol=1e-6)


@pytest.mark.parametrize("at_once", [1, 3, 8])
def test_means_are_the_same_whatever_is_read_at_a_time(run, at_once):
    means = weight_means(run, "last")

    np.testing.assert_allclose(dataclasses.replace(means, at_once=at_once).intervals(), means.intervals(), rtol=1e-12)


def test_means_lie_in_their_intervals(run):
    means, reasons = run_means(run, "last")

    assert reasons == {}
    for scopes in means.values():
        assert set(scopes) == {"all", "present"}
        for mean, low, high in scopes.values():
            assert ((low >= 0) & (low <= mean) & (mean <= high) & (high <= 1)).all()


def test_contributions_that_were_not_recorded_are_left_out_with_the_reason(run):
    means, reasons = run_means(run, 1)

    assert means["contribution"] == {}
    assert "epoch 1 does not hold the array 'wtp'; take epoch 3" in reasons["contribution"]
    with pytest.raises(NotApplicableError):
        contributions_of(run, 1)
