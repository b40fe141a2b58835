from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

import mbias
from mbias.analysis.attention import movement
from mbias.plots import attention
from mbias.plots.drawing.style import modality_colours, save
from tests.drawn_runs import draw_study
from tests.plots.conftest import texts


def test_fig3_draws_the_median_and_the_side(study):
    table = mbias.attention(study, table="categories")
    figure = attention.figure(table)
    ax = figure.axes[1]
    dots = ax.collections[-1]
    rows = table.query("variant == 'across_vcross' and smoothing == 'ls_a' and scope == 'all' and modality == 'audio'")

    assert ax.get_title().startswith("LS-A")
    assert sorted(dots.get_offsets()[:, 0]) == pytest.approx(sorted(rows["q50"]))
    visual = plt.matplotlib.colors.to_rgba(modality_colours(["audio", "visual"])["visual"])
    assert np.allclose(dots.get_facecolors(), visual)


def test_names_from_data_are_not_read_as_mathematics(external, tmp_path):
    figure = mbias.plot_attention(external)
    save(figure, tmp_path / "figure.png")

    assert r"a \$x\$ run" in "".join(texts(figure))


def test_of_more_modalities_each_is_drawn(external):
    figure = mbias.plot_attention(external)

    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["audio", "visual", "text"]


def test_a_second_delta_has_the_colour_of_the_first_and_a_thinner_line(tmp_path):
    study = draw_study(tmp_path, [("across_vcross", name) for name in ("ls_v", "ls_v0.2", "ls_a0.2")])
    lines = {line.get_label(): line for line in attention.plot_movement(movement(study)).axes[0].lines}
    first, second, other = (lines[name] for name in ("LS-V", "LS-V 0.2", "LS-A 0.2"))

    assert first.get_color() == second.get_color() != other.get_color()
    assert second.get_linewidth() == first.get_linewidth() / 2
    assert other.get_linewidth() == first.get_linewidth()
