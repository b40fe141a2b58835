"""What the figures draw, read from their artists, and how they are written."""

from __future__ import annotations

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbias import open_study
from mbias.analysis.compare import comparison
from mbias.analysis.questions import QUESTIONS
from mbias.plots import attention, compare, losses
from mbias.plots.drawing.lines import draw_line, spread
from mbias.plots.drawing.style import modality_colours, save, style
from tests.drawn_runs import draw_run, draw_study


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return open_study(draw_study(tmp_path_factory.mktemp("study")))


@pytest.fixture(scope="module")
def external(tmp_path_factory):
    path = tmp_path_factory.mktemp("external") / "a $x$ run"
    return open_study(draw_run(path, external=True, modalities=("audio", "visual", "text"), names=("a_b", "$c$", "猫")))


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def _texts(figure):
    return [text.get_text() for text in figure.findobj(plt.Text)]


def test_losses_draw_the_recorded_values(study):
    table = QUESTIONS["losses"].table(study, "curves")
    figure = losses.figure(table)
    titles = [ax.get_title() for ax in figure.axes]
    run = next(run for run in study if run.name == "across_vcross-ls_v-0")
    lines = {line.get_label(): line.get_ydata() for line in figure.axes[2].lines}

    assert titles == ["No-LS", "LS-A", "LS-V", "LS-AV"]
    assert list(lines["$L_{v}$"]) == [commit.losses["visual"]["optimised"] for commit in run.commits]
    for ax in figure.axes:
        assert ax.get_ylim()[1] > table[table["variant"] == "across_vcross"]["value"].max()


def test_fig3_draws_the_median_and_the_side(study):
    table = QUESTIONS["attention"].table(study, "categories")
    figure = attention.figure(table)
    ax = figure.axes[1]
    dots = ax.collections[-1]
    rows = table.query("variant == 'across_vcross' and smoothing == 'ls_a' and scope == 'all' and modality == 'audio'")

    assert ax.get_title().startswith("LS-A")
    assert sorted(dots.get_offsets()[:, 0]) == pytest.approx(sorted(rows["q50"]))
    visual = plt.matplotlib.colors.to_rgba(modality_colours(["audio", "visual"])["visual"])
    assert np.allclose(dots.get_facecolors(), visual)


def test_simulated_data_are_called_so(study, external):
    for question in QUESTIONS.values():
        assert "simulated data" in _texts(question.figure(question.table(study, question.drawn, published=True)))
    for word in ("losses", "attention"):
        question = QUESTIONS[word]
        assert "simulated data" not in _texts(question.figure(question.table(external, question.drawn)))


def test_names_from_data_are_not_read_as_mathematics(external, tmp_path):
    question = QUESTIONS["attention"]
    figure = question.figure(question.table(external, question.drawn))
    save(figure, tmp_path / "figure.png")

    assert r"a \$x\$ run" in "".join(_texts(figure))


def test_of_more_modalities_each_is_drawn(external):
    question = QUESTIONS["attention"]
    figure = question.figure(question.table(external, question.drawn))

    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["audio", "visual", "text"]


@pytest.mark.parametrize("form", ["pdf", "png", "svg"])
def test_files_are_the_same_bytes_each_time(study, tmp_path, form):
    question = QUESTIONS["variants"]
    table = question.table(study)
    for name in ("one", "two"):
        save(question.figure(table), tmp_path / f"{name}.{form}")

    assert (tmp_path / f"one.{form}").read_bytes() == (tmp_path / f"two.{form}").read_bytes()


def test_pdf_fonts_are_type_42(study, tmp_path):
    question = QUESTIONS["variants"]
    save(question.figure(question.table(study)), tmp_path / "figure.pdf")

    content = (tmp_path / "figure.pdf").read_bytes()
    assert b"/Type3" not in content
    assert b"/FontFile2" in content


def test_differences_are_drawn_with_their_intervals(study):
    one, other = (dataclasses.replace(study, runs=study.runs[place : place + 1]) for place in (0, 1))
    table = comparison(one, other)
    figure = compare.figure(table)
    row = table.query("quantity == 'visual' and level == 'event'").iloc[0]
    ax = next(ax for ax in figure.axes if ax.get_title() == "Visual, event")

    assert ax.collections[0].get_segments()[0][:, 0] == pytest.approx(
        [100 * row["difference_low"], 100 * row["difference_high"]]
    )
    assert ax.collections[1].get_offsets()[0, 0] == pytest.approx(100 * row["difference"])
    assert {"attention a", "balance"} <= {ax.get_title() for ax in figure.axes}


def test_a_line_over_seeds_lies_in_its_interval():
    rows = pd.DataFrame({"epoch": [1, 2], "w": [0.5, 0.3], "w_low": [0.5, 0.1], "w_high": [0.5, 0.4]})
    _, ax = plt.subplots()
    draw_line(rows, "w", ax, color="black")
    ends = ax.collections[0].get_paths()[0].vertices

    assert list(ax.lines[0].get_ydata()) == [0.5, 0.3]
    assert set(ends[ends[:, 0] == 2][:, 1]) == {0.1, 0.4}
    assert set(ends[ends[:, 0] == 1][:, 1]) == {0.5}


def test_other_scripts_are_drawn_where_a_font_has_them(monkeypatch):
    from matplotlib import font_manager

    fake = font_manager.FontEntry(name="Noto Sans CJK JP")
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [*font_manager.fontManager.ttflist, fake])
    with style():
        families = plt.rcParams["font.family"]
    assert families[:2] == ["DejaVu Sans", "Noto Sans CJK JP"]


@given(st.lists(st.floats(0, 100), min_size=1, max_size=6), st.floats(0.1, 20))
def test_labels_are_spread_in_order(positions, gap):
    placed = spread(positions, gap, floor=0)
    order = np.argsort(positions, kind="stable")

    assert np.all(np.diff(np.array(placed)[order]) >= gap - 1e-6)
    assert min(placed) >= 0
