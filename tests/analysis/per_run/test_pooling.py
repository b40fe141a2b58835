from __future__ import annotations

import numpy as np
import pytest

from mbias import Run
from mbias.analysis.per_run.pooling import mean_attention, pooled, shares_of
from mbias.errors import NotApplicableError
from tests.drawn_runs import draw_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Run(draw_run(tmp_path_factory.mktemp("pooling") / "run"))


def test_contributions_add_up_to_the_prediction(run):
    """Eq. 3."""
    np.testing.assert_allclose(pooled(run, 3, "wav", "p").sum(axis=1), run.values("p_joint", 3), atol=1e-6)


def test_single_predictions_are_weighted_means_over_segments(run):
    """Eq. 4 and 5."""
    wtp, p = run.values("wtp", 3), run.values("p", 3)

    np.testing.assert_allclose(pooled(run, 3, "p"), (wtp * p).sum(axis=1), rtol=1e-6)


def test_shares_are_quotients_and_zero_where_nothing_is_predicted():
    phi = np.array([[[0.3, 0.0], [0.1, 0.0]]])

    assert shares_of(phi).tolist() == [[[pytest.approx(0.75), 0], [pytest.approx(0.25), 0]]]


def test_attention_is_averaged_over_segments(run):
    np.testing.assert_allclose(mean_attention(run, 3), run.values("wav", 3).mean(axis=1), rtol=1e-5)


def test_an_epoch_without_the_arrays_does_not_apply(run):
    with pytest.raises(NotApplicableError, match=r"epoch 1 does not hold the array 'wtp'; take epoch 3"):
        pooled(run, 1, "p")
