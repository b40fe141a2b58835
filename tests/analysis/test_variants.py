from __future__ import annotations

import numpy as np
import pytest

from mbias import open_study
from mbias.analysis import variants
from mbias.analysis.paper.published import table1
from mbias.analysis.settings import VARIANT_ORDER
from mbias.terms import Metric
from tests.drawn_runs import draw_study


def test_table1_takes_the_smoothing_most_variants_share(study):
    table = variants.scores(study)

    assert set(table["smoothing"]) == {"ls_v"}
    assert list(dict.fromkeys(table["variant"])) == ["aself_vself", "aself_vcross", "across_vself", "across_vcross"]
    run = next(run for run in study if run.name == "aself_vself-ls_v-0")
    cell = table[(table["variant"] == "aself_vself") & (table["metric"] == "visual") & (table["level"] == "event")]
    assert cell["f_score"].item() == 100 * run.commit("best").scores["test"]["event"]["visual"]


def test_seeds_are_averaged_and_counted(tmp_path):
    settings = [("across_vself", "ls_v"), ("across_vcross", "ls_v")]
    study = open_study(draw_study(tmp_path, settings, seeds=(0, 1, 2)))
    values = [
        100 * run.commit("best").scores["test"]["segment"]["audio"] for run in study if run.variant == "across_vself"
    ]
    row = variants.scores(study).query("variant == 'across_vself' and metric == 'audio' and level == 'segment'").iloc[0]

    assert row["f_score"] == pytest.approx(np.mean(values))
    assert row["sd"] == pytest.approx(np.std(values, ddof=1))
    assert row["seeds"] == 3


def test_table1_at_another_delta_stands_beside_the_published_ls_v(tmp_path):
    cells = [(variant, "ls_v0.2") for variant in VARIANT_ORDER] + [
        ("across_vself", "no_ls"),
        ("across_vcross", "no_ls"),
    ]
    table = variants.scores(draw_study(tmp_path, cells), published=True)
    cell = table[(table["metric"] == "visual") & (table["level"] == "event")].set_index(["source", "variant"])[
        "f_score"
    ]

    assert set(table["smoothing"]) == {"ls_v0.2"}
    assert cell["published"].to_dict() == {
        "aself_vself": 48.7,
        "aself_vcross": 49.0,
        "across_vself": 51.2,
        "across_vcross": 48.9,
    }


def test_table1_at_two_deltas_keeps_them_apart(tmp_path):
    cells = [(variant, name) for variant in VARIANT_ORDER for name in ("ls_v", "ls_v0.2", "ls_a")]
    study = draw_study(tmp_path, [*cells, ("across_vself", "ls_v0.3")])
    table = variants.scores(study, published=True)
    sentences = variants.finding(table)

    assert list(dict.fromkeys(table["smoothing"])) == ["ls_v", "ls_v0.2"]
    assert {source: len(rows) for source, rows in table.groupby("source")} == {
        "measured": 2 * 4 * 2 * len(Metric),
        "published": 2 * len(table1()),
    }
    assert sorted(sentence.split(", ")[0] for sentence in sentences) == [*2 * ["With LS-V"], *2 * ["With LS-V 0.2"]]


def test_without_ls_v_table1_is_of_the_first_smoothing(tmp_path):
    cells = [(variant, name) for variant in VARIANT_ORDER[:2] for name in ("ls_a0.2", "no_ls", "ls_a")]
    assert set(variants.scores(draw_study(tmp_path, cells))["smoothing"]) == {"no_ls"}
