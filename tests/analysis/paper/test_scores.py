"""F-scores by variant and smoothing: what Tables 1 and 2 share."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mbias import open_study
from mbias.analysis import losses, mechanism, smoothing, variants
from mbias.analysis.attention import categories, contributions, seeds
from mbias.analysis.compare import comparison
from mbias.errors import BadInputError
from tests.drawn_runs import draw_study


def test_published_scores_follow_the_measured_ones(study):
    table = variants.scores(study, published=True)
    assert list(dict.fromkeys(table["source"])) == ["measured", "published"]
    assert (table["source"] == "measured").sum() == (table["source"] == "published").sum()

    sources = set(smoothing.stability(study, published=True)["source"])
    assert sources == {"measured", "published", "published, corrected"}


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
