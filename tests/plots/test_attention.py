from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import mbias
from mbias.analysis.attention import movement
from mbias.plots import attention
from mbias.plots.drawing.style import modality_colours, save
from tests.drawn_runs import draw_run, draw_study
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


def test_of_many_categories_the_telling_ones_are_drawn_and_counted(tmp_path):
    run = draw_run(tmp_path / "mine", names=tuple(f"c{index}" for index in range(60)), external=True)
    table = mbias.attention(run, table="categories")
    medians = table.query("scope == 'all' and modality == 'audio'").set_index("category")["q50"]
    figure = attention.figure(table)
    drawn = [label.get_text() for label in figure.axes[0].get_yticklabels()]

    assert len(drawn) == 40
    assert {medians.idxmax(), medians.idxmin()} <= set(drawn)
    assert list(figure.axes[0].collections[-1].get_offsets()[:, 0]) == pytest.approx(list(medians[drawn]))
    assert "40 of 60 categories:" in figure.get_suptitle()
    assert figure.get_size_inches()[1] < 9
    assert "40 of 60 categories:" in attention.plot_heatmap(table).get_suptitle()


def test_categories_that_favour_another_modality_than_their_setting_are_drawn(tmp_path):
    """In both settings 59 categories favour one modality; c30, in the middle of their mean, favours the other one."""
    weights = {"one": [0.9 - index / 1000 for index in range(60)], "two": [0.3 - index / 1000 for index in range(60)]}
    weights["one"][30], weights["two"][30] = 0.45, 0.69
    columns = dict.fromkeys(("variant", "smoothing", "mitigation", "control"))
    table = pd.DataFrame(
        [
            {"run": run, **columns, "seed": 0, "scope": "all", "modality": modality, "category": f"c{index}"}
            | {"samples": 5, **dict.fromkeys(("mean", "q05", "q25", "q50", "q75", "q95"), weight)}
            for run, by_category in weights.items()
            for index, first in enumerate(by_category)
            for modality, weight in (("audio", first), ("visual", 1 - first))
        ]
    )

    for figure in (attention.figure(table), attention.plot_heatmap(table)):
        drawn = [label.get_text() for label in figure.axes[0].get_yticklabels()]
        assert drawn == [f"c{index}" for index in (*range(20), 30, *range(41, 60))]
        assert "1 of 1 others that favour another modality" in " ".join(figure.get_suptitle().split())
