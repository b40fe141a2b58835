"""Orderings beside the published ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mbias import open_study
from mbias.analysis import smoothing, variants
from mbias.analysis.paper.orderings import finding, outcomes
from mbias.analysis.per_run.sample_scores import sample_scores
from mbias.errors import BadInputError
from mbias.scores.f_scores import METRICS
from mbias.stats.significance import benjamini_hochberg
from mbias.terms import Metric
from tests.drawn_runs import AT_02, TABLE, draw_run, draw_study


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return open_study(draw_study(tmp_path_factory.mktemp("orderings"), videos=40))


@pytest.fixture(scope="module")
def table(drawn):
    return variants.orderings(drawn)


def test_published_differences_are_those_of_the_papers_table(table):
    """Table 1, segment level, audio: A_self + V_self 52.1, A_cross + V_self 60.5."""
    rows = table[(table["metric"] == Metric.AUDIO) & (table["level"] == "segment")].set_index(["a", "b"])
    assert len(rows) == 6
    assert rows.loc[("A_self + V_self", "A_cross + V_self"), "published"] == pytest.approx(8.4)


def test_measured_differences_are_paired_by_sample(drawn, table):
    of_samples = {run.variant: sample_scores(run)[:, 0, METRICS.index(Metric.AUDIO)] for run in drawn
                  if run.smoothing == "ls_v"}  # fmt: skip
    differences = 100 * (of_samples["across_vcross"] - of_samples["across_vself"])
    rows = table[(table["metric"] == Metric.AUDIO) & (table["level"] == "segment")].set_index(["a", "b"])
    row = rows.loc[("A_cross + V_self", "A_cross + V_cross")]
    low, high = stats.t.interval(0.95, 39, differences.mean(), stats.sem(differences))
    assert row["difference"] == pytest.approx(differences.mean())
    assert row["difference_high"] - row["difference_low"] == pytest.approx(high - low, rel=0.1)


def test_an_outcome_is_the_sign_where_the_adjusted_p_is_small(table):
    assert table["p_adjusted"].to_numpy() == pytest.approx(stats.false_discovery_control(table["p"]))
    off = table["p_adjusted"] <= 0.05
    same = np.sign(table["difference"]) == np.sign(table["published"])
    expected = np.where(~off, "undecided", np.where(same, "as published", "reversed"))
    assert list(table["outcome"]) == list(expected)
    assert ((table["difference_low"] > 0) | (table["difference_high"] < 0))[off].all()


def test_scores_that_are_made_of_others_have_no_row(table):
    assert set(table["metric"]) == {Metric.AUDIO, Metric.VISUAL, Metric.AUDIO_VISUAL}
    assert len(table) == 6 * 3 * 2


def test_an_ordering_that_only_its_own_interval_decides_is_undecided():
    rows = {"delta": "0.1", "a": "x", "published": 1.0, "difference": 1.0, "seeds": 6}
    table = pd.DataFrame([{**rows, "p": 0.04}, *({**rows, "p": 0.9} for _ in range(9))])
    table["p_adjusted"] = benjamini_hochberg(table["p"].to_numpy())
    assert table["p_adjusted"].iloc[0] == pytest.approx(0.4)
    table["outcome"] = outcomes(table)
    assert set(table["outcome"]) == {"undecided"}
    assert "of single networks" not in finding(table)[0]


def test_findings_count_them(table):
    every, large = finding(table)
    counts = table["outcome"].value_counts()
    assert every.startswith(f"Of {len(table)} published orderings")
    assert f"{counts['undecided']} undecided, at a false discovery rate of 5 %; " in every
    assert "audio, visual and audio-visual F-scores of single networks" in every
    assert large.startswith(f"Of {(table['published'].abs() >= 1).sum()} ")


def test_settings_that_share_their_variant_are_ordered_by_smoothing(drawn):
    table = smoothing.orderings(drawn)
    assert set(table["shared"]) == {"A_cross + V_self", "A_cross + V_cross"}
    assert {"No-LS", "LS-A"} <= set(table["a"])


def test_runs_that_are_not_in_the_paper_are_told(tmp_path):
    with pytest.raises(BadInputError, match="add such runs"):
        variants.orderings(open_study(draw_run(tmp_path / "run")))


@pytest.mark.parametrize(("asked", "number"), [(variants, 36), (smoothing, 66)])
def test_two_deltas_are_two_families_of_orderings(drawn, tmp_path, asked, number):
    stronger = draw_study(tmp_path, [(variant, AT_02[name]) for variant, name in TABLE if name != "no_ls"], videos=40)
    both = asked.orderings(open_study([*(run.path for run in drawn), stronger]))

    assert list(dict.fromkeys(both["delta"])) == ["0.1", "0.2"]
    pd.testing.assert_frame_equal(both[both["delta"] == "0.1"].reset_index(drop=True), asked.orderings(drawn))
    second = both[both["delta"] == "0.2"]
    assert len(second) == number
    assert second["p_adjusted"].to_numpy() == pytest.approx(stats.false_discovery_control(second["p"]))
    named = second[["shared", "a", "b"]].to_numpy().ravel().tolist()
    assert not {"LS-A", "LS-V", "LS-AV"} & set(named)
    first, _, third, _ = finding(both)
    assert " at delta 0.1: " in first
    assert " at delta 0.2: " in third
