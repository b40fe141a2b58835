from __future__ import annotations

import matplotlib.pyplot as plt
import pytest

import mbias
from mbias.terms import Metric
from tests.drawn_runs import draw_study


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


def test_a_line_does_not_cross_from_one_delta_to_another(tmp_path):
    names = ["no_ls", "ls_a", "ls_v", "ls_a0.2", "ls_v0.2"]
    study = draw_study(tmp_path, [("across_vcross", name) for name in names])
    _, ax = plt.subplots()
    mbias.plot_smoothing(study, ax=ax, published=True)
    measured = [line for line in ax.lines if line.get_linestyle() == "-"]

    assert [label.get_text() for label in ax.get_xticklabels()] == ["No-LS", "LS-A", "LS-V", "LS-A 0.2", "LS-V 0.2"]
    assert [list(line.get_xdata()) for line in measured] == [[0, 1, 2], [3, 4]]
    assert [line.get_label() for line in measured if not line.get_label().startswith("_")] == [
        "$A_{cross}$ + $V_{cross}$"
    ]
