from __future__ import annotations

import matplotlib.pyplot as plt
import pytest

import mbias
from mbias.terms import Metric


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
