from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mbias import open_study
from mbias.analysis import smoothing
from mbias.analysis.paper import published, scores
from mbias.scores.f_scores import METRICS
from mbias.tables.layout import left_out
from mbias.terms import PRESETS
from tests.drawn_runs import AT_02, draw_study


def test_variance_of_the_published_table_is_what_the_paper_says():
    table = smoothing.variance(published.table2())
    both = table[table["level"] == "both"].set_index("variant")["variance"]

    assert both["across_vcross"] == pytest.approx(0.954, abs=5e-4)
    assert both["across_vself"] == pytest.approx(3.72, abs=5e-3)


def test_variance_with_the_misprint_corrected():
    table = smoothing.variance(published.corrected(published.table2()))
    both = table[table["level"] == "both"].set_index("variant")["variance"]

    assert both["across_vself"] == pytest.approx(0.334, abs=5e-4)
    assert both["across_vcross"] == pytest.approx(0.954, abs=5e-4)


def test_table2_holds_the_variants_with_several_smoothings(study):
    table = smoothing.scores(study)

    assert set(table["variant"]) == {"across_vself", "across_vcross"}
    assert list(dict.fromkeys(table["smoothing"])) == ["no_ls", "ls_a", "ls_v", "ls_av"]


def test_measured_variance_by_hand(study):
    scores = smoothing.scores(study)
    of_metrics = []
    for metric in ("audio", "visual", "audio_visual"):
        f_scores = scores[
            (scores["variant"] == "across_vself") & (scores["metric"] == metric) & (scores["level"] == "segment")
        ]["f_score"].to_numpy()
        of_metrics.append(((f_scores - f_scores.mean()) ** 2).sum() / 3)
    table = smoothing.stability(study).set_index(["variant", "level"])

    assert table.loc[("across_vself", "segment"), "variance"] == pytest.approx(np.mean(of_metrics))
    assert table.loc[("across_vself", "segment"), "settings"] == 4


def test_over_seeds_the_variance_is_without_that_of_the_seeds(tmp_path):
    """The four settings have drawn scores with the same mean."""
    study = open_study(draw_study(tmp_path, [("across_vcross", s) for s in PRESETS], seeds=range(4), videos=10))
    table = smoothing.stability(study)
    row = table.set_index("level").loc["event"]
    recorded = np.array([[run.commit("best").scores["test"]["event"][m] for m in METRICS[:3]] for run in study])
    by_setting = 100 * recorded.reshape(4, 4, 3)

    assert row["plain"] == pytest.approx(by_setting.mean(axis=1).var(axis=0, ddof=1).mean())
    assert row["seed_variance"] == pytest.approx(by_setting.var(axis=1, ddof=1).mean())
    assert row["variance"] < row["plain"]
    assert 0 <= row["variance_low"] <= row["variance_high"]
    (sentence,) = smoothing.finding(table)
    assert "4 settings of smoothing with delta 0.1, without that of seeds and samples: " in sentence
    assert "A_cross + V_cross (seeds alone: " in sentence


def test_with_one_seed_the_variance_is_plain_and_this_is_said(study):
    table = smoothing.stability(study)

    assert (table["variance"] == table["plain"]).all()
    assert table["seed_variance"].isna().all()
    assert "With one seed each, it contains that of the seeds." in smoothing.finding(table)[0]


def test_published_variances_stay_plain_beside_several_seeds(tmp_path):
    study = open_study(draw_study(tmp_path, [("across_vcross", s) for s in PRESETS], seeds=range(2)))
    table = smoothing.stability(study, published=True).set_index(["source", "level"])

    assert table.loc[("published", "both"), "variance"] == pytest.approx(0.954, abs=5e-4)
    assert np.isnan(table.loc[("published", "both"), "variance_low"])
    assert table.loc[("measured", "both"), "variance_high"] > 0


def test_the_interval_of_the_variance_is_that_of_a_bootstrap_over_samples(tmp_path):
    """Against plain loops: resampled videos, scored anew."""
    study = open_study(draw_study(tmp_path, [("across_vcross", s) for s in PRESETS], videos=40))
    row = smoothing.stability(study).set_index("level").loc["segment"]
    of_samples = np.stack([scores.sample_scores(run)[:, 0, :3] for run in study])
    rng = np.random.default_rng(5)
    drawn = []
    for _ in range(2000):
        rows = rng.integers(40, size=40)
        drawn.append(np.var(100 * of_samples[:, rows].mean(axis=1), axis=0, ddof=1).mean())
    half = stats.t.ppf(0.975, 39) * np.std(drawn) * np.sqrt(40 / 39)
    assert row["variance_high"] == pytest.approx(row["variance"] + half, rel=0.1)
    assert row["variance_low"] == pytest.approx(max(row["variance"] - half, 0), abs=half / 10)


@pytest.fixture(scope="module")
def two_deltas(tmp_path_factory):
    """A_cross + V_cross at delta 0.1 and 0.2, and A_self + V_self with LS-V only, at both."""
    names = [*PRESETS, *(AT_02[name] for name in PRESETS if name != "no_ls")]
    cells = [("across_vcross", name) for name in names] + [("aself_vself", name) for name in ("ls_v", "ls_v0.2")]
    return open_study(draw_study(tmp_path_factory.mktemp("deltas"), cells))


def test_table2_at_two_deltas_has_its_published_rows_twice(two_deltas):
    table = smoothing.scores(two_deltas, published=True)
    expected = ["no_ls", "ls_a", "ls_v", "ls_av", "ls_a0.2", "ls_v0.2", "ls_a0.2_v0.2"]

    assert set(table["variant"]) == {"across_vcross"}
    for source in ("measured", "published"):
        assert list(dict.fromkeys(table.loc[table["source"] == source, "smoothing"])) == expected
    paper = table[(table["source"] == "published") & (table["metric"] == "visual") & (table["level"] == "segment")]
    by_name = paper.set_index("smoothing")["f_score"]
    assert by_name["ls_v"] == by_name["ls_v0.2"] == 52.9


def test_stability_is_across_the_smoothings_of_one_delta(two_deltas):
    table = smoothing.stability(two_deltas, published=True)
    stronger = two_deltas.select(variant="across_vcross", smoothing=list(AT_02.values()))
    keys = ["source", "variant", "level"]

    assert list(dict.fromkeys(table["delta"])) == ["0.1", "0.2"]
    assert set(table["settings"]) == {4}
    alone = smoothing.stability(stronger, published=True).set_index(keys)["variance"]
    assert table[table["delta"] == "0.2"].set_index(keys)["variance"].to_dict() == alone.to_dict()
    assert alone["published", "across_vcross", "both"] == pytest.approx(0.954, abs=5e-4)
    sentences = smoothing.finding(table)
    assert [sentence.split(": ")[0][-9:] for sentence in sentences] == ["delta 0.1", "delta 0.2"]


def test_a_smoothing_that_is_alone_at_its_delta_is_named(tmp_path):
    study = draw_study(tmp_path, [("across_vcross", name) for name in ("ls_a", "ls_v", "ls_v0.3")])
    table = smoothing.stability(study)

    assert set(table["delta"]) == {"0.1"}
    assert left_out(table) == ["Left out: A_cross + V_cross, LS-V 0.3 (no other smoothing at its delta)."]


def test_deltas_of_one_smoothing_are_compared_where_there_is_nothing_else(tmp_path):
    study = draw_study(tmp_path, [("across_vcross", name) for name in ("ls_v", "ls_v0.2", "ls_v0.3")])
    table = smoothing.stability(study, published=True)

    assert set(smoothing.scores(study)["smoothing"]) == {"ls_v", "ls_v0.2", "ls_v0.3"}
    assert (set(table["settings"]), set(table["delta"]), set(table["source"])) == ({3}, {""}, {"measured"})
    assert smoothing.finding(table)[0].startswith("Variance of the F-scores across 3 settings of smoothing: ")
