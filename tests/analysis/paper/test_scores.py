"""F-scores by variant and smoothing: what Tables 1 and 2 share."""

from __future__ import annotations

import pytest

from mbias import open_study
from mbias.analysis import smoothing, variants
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
