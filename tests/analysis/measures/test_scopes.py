from __future__ import annotations

import numpy as np
import pytest

from mbias import Run
from mbias.analysis.measures.scopes import contributions_of, run_means, share_parts, summary, weight_parts
from mbias.errors import NotApplicableError
from tests.drawn_runs import draw_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Run(draw_run(tmp_path_factory.mktemp("scopes") / "run"))


def test_sums_of_weights_give_the_means_that_were_recorded(run):
    recorded = summary(run, "last")
    for scope, parts in enumerate(weight_parts(run, "last").values()):
        sums = parts.sum(axis=0)
        np.testing.assert_allclose(sums[..., 0] / sums[..., 1], recorded[scope, 0], atol=1e-6)


def test_means_lie_in_their_intervals(run):
    means, reasons = run_means(run, "last")

    assert reasons == {}
    for scopes in means.values():
        assert set(scopes) == {"all", "present"}
        for mean, low, high in scopes.values():
            assert ((low >= 0) & (low <= mean) & (mean <= high) & (high <= 1)).all()


def test_contributions_that_were_not_recorded_are_left_out_with_the_reason(run):
    parts, reasons = share_parts([run], 1)

    assert parts == [{}]
    assert "epoch 1 does not hold the array 'wtp'; take epoch 3" in reasons["contribution"]
    with pytest.raises(NotApplicableError):
        contributions_of(run, 1)
