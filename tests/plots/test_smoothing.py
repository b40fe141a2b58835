from __future__ import annotations

import matplotlib.pyplot as plt
import pytest

import mbias
from mbias.terms import Metric


def test_a_line_is_a_variant_across_smoothings(study):
    table = mbias.smoothing(study)
    _, ax = plt.subplots()
    mbias.plot_smoothing(table, ax=ax, metric="audio", level="event")
    rows = table[(table["metric"] == "audio") & (table["level"] == "event")]
    lines = {line.get_label(): list(line.get_ydata()) for line in ax.lines}

    assert [label.get_text() for label in ax.get_xticklabels()] == ["No-LS", "LS-A", "LS-V", "LS-AV"]
    assert lines["$A_{cross}$ + $V_{self}$"] == pytest.approx(list(rows[rows["variant"] == "across_vself"]["f_score"]))


def test_published_lines_are_dotted(study):
    _, ax = plt.subplots()
    mbias.plot_smoothing(study, ax=ax, published=True)

    assert sorted(line.get_linestyle() for line in ax.lines) == ["-", "-", ":", ":"]


def test_one_panel_per_metric_and_level(study):
    assert len(mbias.plot_smoothing(study).axes) == 2 * len(Metric)
    assert len(mbias.plot_smoothing(study, metric="audio").axes) == 2
