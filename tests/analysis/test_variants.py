from __future__ import annotations

import numpy as np
import pytest

from mbias import open_study
from mbias.analysis import variants
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
