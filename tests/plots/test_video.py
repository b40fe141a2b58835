from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from mbias import Run
from mbias.analysis.video import roll
from mbias.plots.video import figure
from tests.drawn_runs import draw_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Run(draw_run(tmp_path_factory.mktemp("runs") / "a $x$ run", names=("a_b", "$c$", "猫"), external=True))


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_every_lane_draws_its_cells(run):
    table = roll(run, "v0001")
    lanes = [lane for _, lane in table.groupby(["category", "modality"], sort=False)]
    drawn = figure(table)

    assert len(drawn.axes) == len(lanes)
    for ax, lane in zip(drawn.axes, lanes, strict=True):
        truths = [patch for patch in ax.patches if patch.get_gid() == "truth"]
        assert sorted(patch.get_x() for patch in truths) == lane.loc[lane["truth"], "segment"].tolist()
        assert len(ax.collections) == lane["predicted"].sum()
        steps = {patch.get_label(): patch.get_data() for patch in ax.patches if patch.get_label() in lane}
        assert steps["attention"].values == pytest.approx(lane["attention"])
        assert steps["temporal"].values == pytest.approx(lane["temporal"] / table["temporal"].max())
        assert list(steps["attention"].edges) == list(np.arange(11.0))


def test_what_is_not_recorded_is_said(run):
    drawn = figure(roll(run, "v0001", 1))
    texts = [text.get_text() for text in drawn.legends[0].get_texts()]

    assert texts[-1] == "not recorded: predictions, $W_{tp}$"
    assert not any(ax.collections for ax in drawn.axes)


def test_names_are_not_read_as_mathematics(run):
    texts = "".join(text.get_text() for text in figure(roll(run, "v0001", category="$c$")).findobj(plt.Text))

    assert r"\$c\$" in texts
    assert r"a \$x\$ run" in texts


def test_of_many_categories_those_that_occur_and_the_most_probable_are_drawn(run):
    lane = roll(run, "v0001").iloc[:10]
    parts = [
        lane.assign(category=f"c{index}", truth=index >= 48, predicted=True, p_joint=1 - index / 100)
        for index in range(50)
    ]
    drawn = figure(pd.concat(parts))

    assert [ax.get_title(loc="left") for ax in drawn.axes] == [f"c{index}" for index in (*range(38), 48, 49)]
    assert "40 of 50 categories: those that occur, then" in drawn.get_suptitle()
