from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from mbias.plots.drawing.heatmap import draw_heatmap
from mbias.plots.drawing.style import modality_colours
from tests.plots.conftest import texts

SETTINGS = ("A_cross + V_self, LS-V", "my $x$_run")
VALUES = {"Dog": (-1.0, -0.5), "Male_speech": (1.0, np.nan), "$Cat$": (0.0, 0.25)}
TABLE = pd.DataFrame(
    [
        (category, setting, value)
        for category, values in VALUES.items()
        for setting, value in zip(SETTINGS, values, strict=True)
    ],
    columns=["category", "setting", "balance"],
)

NONE = pd.Series(0, index=list(VALUES))
"""No category is discordant."""


def draw(table=TABLE, modalities=("audio", "visual")):
    return draw_heatmap(table, "balance", modalities, (-1, 1), "balance of $W_{a}$", "mean over all segments", NONE)


def test_every_cell_shows_its_value_and_a_missing_one_is_empty():
    """Rows are sorted by their mean: 1, 0.125 and -0.75."""
    cells = {
        (round(text.get_position()[1] - 0.5), round(text.get_position()[0] - 0.5)): text.get_text()
        for text in draw().axes[0].texts
    }

    assert cells == {(0, 0): "1.00", (1, 0): "0.00", (1, 1): "0.25", (2, 0): "-1.00", (2, 1): "-0.50"}


def test_names_from_data_are_shown_as_they_are_and_our_own_are_set():
    axes = draw().axes[0]

    assert [label.get_text() for label in axes.get_yticklabels()] == ["Male speech", r"\$Cat\$", "Dog"]
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "$A_{cross}$\n+ $V_{self}$\nLS-V",
        r"my \$x\$_run",
    ]


@pytest.mark.parametrize("modalities", [("audio", "visual"), ("visual", "text")])
def test_the_colours_run_from_the_second_modality_over_white_to_the_first(modalities):
    figure = draw(modalities=modalities)
    mesh = figure.axes[0].collections[0]
    first, second = modality_colours(modalities).values()
    colours = {value: to_hex(mesh.to_rgba(value)) for value in (1, 0, -1)}

    assert mesh.get_clim() == (-1, 1)
    assert (colours[1], colours[-1]) == (first, second)
    assert np.allclose(mesh.to_rgba(0)[:3], 1, atol=0.01)


def test_the_scale_is_that_of_the_bounds_whatever_the_values():
    figure = draw(TABLE.assign(balance=0.1))

    assert figure.axes[0].collections[0].get_clim() == (-1, 1)


def test_it_says_what_a_cell_is_and_how_rows_are_sorted():
    figure = draw()

    assert figure.axes[1].get_ylabel() == "balance of $W_{a}$"
    assert "mean over all segments\ncategories sorted by their mean" in texts(figure)


@pytest.mark.parametrize("simulated", [True, False])
def test_simulated_data_are_marked(simulated):
    assert ("simulated data" in texts(draw(TABLE.assign(simulated=simulated)))) == simulated
