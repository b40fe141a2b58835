from __future__ import annotations

import matplotlib.pyplot as plt
import pytest

import mbias
from mbias.terms import Metric
from tests.drawn_runs import draw_study


def test_a_dot_is_the_score_of_a_variant_and_rings_are_published(study):
    table = mbias.variants(study, published=True)
    _, ax = plt.subplots()
    mbias.plot_variants(table, ax=ax)
    rows = table[(table["metric"] == Metric.TYPE_AVERAGE) & (table["level"] == "event")]
    drawn = [sorted(line.get_xdata()) for line in ax.lines if len(line.get_xdata()) == 4]

    for source in ("measured", "published"):
        assert sorted(rows[rows["source"] == source]["f_score"]) in [pytest.approx(xs) for xs in drawn]


def test_one_panel_per_metric(study):
    assert len(mbias.plot_variants(study).axes) == len(Metric)
    assert [ax.get_title() for ax in mbias.plot_variants(study, metric="visual").axes] == ["Visual"]


def test_two_deltas_have_their_own_rows(tmp_path):
    cells = [(variant, name) for variant in ("across_vself", "across_vcross") for name in ("ls_v", "ls_v0.2")]
    table = mbias.variants(draw_study(tmp_path, cells), published=True)
    _, ax = plt.subplots()
    mbias.plot_variants(table, ax=ax)
    rows = table[(table["metric"] == Metric.TYPE_AVERAGE) & (table["level"] == "segment")]
    measured, published = (list(rows.loc[rows["source"] == name, "f_score"]) for name in ("measured", "published"))
    drawn = [list(line.get_xdata()) for line in ax.lines]

    assert [label.get_text() for label in ax.get_yticklabels()] == [
        f"$A_{{cross}}$ + $V_{{{v}}}$, {name}" for v in ("self", "cross") for name in ("LS-V", "LS-V 0.2")
    ]
    assert measured in drawn
    assert published in drawn
