from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mbias import Run
from mbias.analysis.per_run.scopes import contributions_of, over_samples, run_means, share_parts, summary, weight_parts
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


def _counted(values, positive):
    return np.stack([values * positive, positive], axis=-1)


def test_a_mean_over_positive_samples_has_their_interval():
    values, positive = np.linspace(0.2, 0.8, 100), np.arange(100) % 14 == 0
    kept = values[positive]
    expected = [kept.mean(), *stats.t.interval(0.95, len(kept) - 1, kept.mean(), stats.sem(kept))]

    assert over_samples(_counted(values, positive)) == pytest.approx(expected)


@pytest.mark.parametrize(("positives", "known"), [(1, False), (4, False), (5, True)])
def test_a_mean_over_fewer_than_five_samples_has_no_interval(positives, known):
    _, low, high = over_samples(_counted(np.linspace(0.2, 0.8, 50), np.arange(50) < positives))

    assert (np.isfinite([low, high]) == known).all()


def test_copies_of_a_sample_in_one_group_count_once():
    values, positive = np.linspace(0.2, 0.8, 12), np.arange(12) % 2 == 0
    repeated = _counted(np.repeat(values, 3), np.repeat(positive, 3))

    assert over_samples(repeated, np.repeat(np.arange(12).astype(str), 3)) == pytest.approx(
        over_samples(_counted(values, positive))
    )
    # 18 positive samples, but only of four groups.
    assert np.isnan(over_samples(repeated, (np.arange(36) % 4).astype(str))[1])


def test_contributions_that_were_not_recorded_are_left_out_with_the_reason(run):
    parts, reasons = share_parts([run], 1)

    assert parts == [{}]
    assert "epoch 1 does not hold the array 'wtp'; take epoch 3" in reasons["contribution"]
    with pytest.raises(NotApplicableError):
        contributions_of(run, 1)
