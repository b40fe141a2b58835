"""F-scores by variant and smoothing: what Tables 1 and 2 share."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mbias import open_study
from mbias.analysis import losses, mechanism, smoothing, variants
from mbias.analysis.attention import categories, contributions, seeds
from mbias.analysis.compare import comparison
from mbias.analysis.per_run.sample_scores import sample_scores
from mbias.errors import BadInputError
from mbias.scores.f_scores import METRICS, PAPER_METRICS
from mbias.tables.layout import left_out
from tests.drawn_runs import draw_study


def test_published_scores_follow_the_measured_ones(study):
    table = variants.scores(study, published=True)
    assert list(dict.fromkeys(table["source"])) == ["measured", "published"]
    recorded = table[table["metric"].isin(PAPER_METRICS)]
    assert (recorded["source"] == "measured").sum() == (recorded["source"] == "published").sum()
    assert set(table[~table["metric"].isin(PAPER_METRICS)]["source"]) == {"measured"}

    sources = set(smoothing.stability(study, published=True)["source"])
    assert sources == {"measured", "published", "published, corrected"}


def test_ao_and_vo_are_computed_from_the_outputs_of_runs_that_recorded_five_scores(tmp_path):
    settings = [("across_vself", "ls_v"), ("across_vcross", "ls_v")]
    study = open_study(draw_study(tmp_path, settings, seeds=(0, 1)))
    run = study.runs[0]
    assert set(run.commit("best").scores["test"]["segment"]) == set(PAPER_METRICS)
    table = variants.scores(study)

    for metric in ("audio_only", "visual_only"):
        for i, level in enumerate(("segment", "event")):
            row = table[(table["metric"] == metric) & (table["level"] == level)].set_index("variant").loc[run.variant]
            by_seed = [
                100 * sample_scores(of_seed)[:, i, METRICS.index(metric)].mean()
                for of_seed in study.select(variant=run.variant)
            ]
            assert row["f_score"] == pytest.approx(np.mean(by_seed))
            assert row["sd"] == pytest.approx(np.std(by_seed, ddof=1))
            assert row["seeds"] == 2
            assert row["low"] < row["f_score"] < row["high"]


def test_an_epoch_without_outputs_has_no_ao_and_vo_and_says_so(tmp_path):
    settings = [("across_vself", "ls_v"), ("across_vcross", "ls_v")]
    table = variants.scores(draw_study(tmp_path, settings), epoch=1)

    assert list(dict.fromkeys(table["metric"])) == list(PAPER_METRICS)
    (note,) = left_out(table)
    assert note.startswith("Left out: intervals over samples, Ao, Vo (across_vself-ls_v-0: ")


def test_settings_without_anything_in_common_are_refused(tmp_path):
    unrelated = open_study(draw_study(tmp_path, [("across_vself", "ls_a"), ("across_vcross", "ls_v")]))

    with pytest.raises(BadInputError, match="no two variants in these runs share a smoothing"):
        variants.scores(unrelated)
    with pytest.raises(BadInputError, match="no variant in these runs was trained with two smoothings"):
        smoothing.scores(unrelated)


def test_an_external_run_is_not_in_the_tables(external):
    for function in (variants.scores, smoothing.scores):
        with pytest.raises(BadInputError, match="its variant and smoothing are not known"):
            function(external)


def test_findings_name_the_leader_and_the_steadiest(study):
    table = variants.scores(study)
    best = table[(table["metric"] == "type_average") & (table["level"] == "segment")].sort_values("f_score").iloc[-1]

    sentence = variants.finding(table)[0]
    assert f"{best['f_score']:.1f} %" in sentence
    assert "one seed each: this may be chance" in sentence
    assert "across 4 settings" in smoothing.finding(smoothing.stability(study))[0]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The same runs without groups, and with groups of five samples."""
    folder = tmp_path_factory.mktemp("groups")
    settings = [("across_vcross", "ls_a"), ("across_vcross", "ls_v"), ("across_vself", "ls_v")]
    for name in ("alone", "grouped"):
        draw_study(folder / name, settings, seeds=(0, 1), videos=40)
    for path in (folder / "grouped").glob("*/samples.csv"):
        samples = pd.read_csv(path)
        samples.assign(group=[f"g{i // 5}" for i in range(len(samples))]).to_csv(path, index=False)
    return open_study(folder / "alone"), open_study(folder / "grouped")


def _orderings_without_tests(study):
    return variants.orderings(study).drop(columns=["p", "p_adjusted", "outcome"])


def _trained(study):
    return mechanism.optima(study)[["trained", "trained_low", "trained_high"]]


@pytest.mark.parametrize(
    "function",
    [variants.scores, smoothing.stability, _orderings_without_tests, losses.residuals, categories, contributions, seeds,
     _trained],
)  # fmt: skip
def test_groups_change_the_intervals_and_not_the_values(both, function):
    alone, grouped = (function(study).select_dtypes("number") for study in both)
    # The variance across settings is without what the samples add, which groups change.
    ends = [name for name in alone if name.endswith(("low", "high")) or name == "variance"]

    pd.testing.assert_frame_equal(alone.drop(columns=ends), grouped.drop(columns=ends))
    assert not np.allclose(alone[ends], grouped[ends], equal_nan=True)


def test_a_comparison_of_runs_with_different_groups_is_refused(both, tmp_path):
    other = draw_study(tmp_path, [("across_vcross", "ls_a")], seeds=(0, 1), videos=40)
    for path in other.glob("*/samples.csv"):
        pd.read_csv(path).assign(group=lambda t: ["one"] + ["two"] * (len(t) - 1)).to_csv(path, index=False)

    assert set(comparison(*both)["tested"]) == {"seeds and groups"}
    with pytest.raises(BadInputError, match="the samples have different groups"):
        comparison(both[1].select(smoothing="ls_a"), other)
