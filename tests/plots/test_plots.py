"""What holds for the plots of all questions."""

from __future__ import annotations

import inspect

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import mbias
from mbias import open_study
from mbias.analysis.questions import QUESTIONS, question
from mbias.errors import BadInputError
from mbias.plots import attention, plot_of
from tests.drawn_runs import draw_mitigated
from tests.other_models import MODALITIES, record_other
from tests.plots.conftest import texts

SINGLE = {"losses", "attention", "mechanism", "reliance"}
"""The plots that draw a single setting into given axes."""


@pytest.fixture(scope="module")
def inputs(study, tmp_path_factory):
    """What each question is asked about."""
    first, second = (study.select(variant="across_vcross", smoothing=smoothing) for smoothing in ("ls_a", "ls_v"))
    mitigated = open_study(draw_mitigated(tmp_path_factory.mktemp("mitigated")))
    others = {"compare": (first, second), "video": (first,), "mitigations": (mitigated,)}
    return {name: others.get(name, (study,)) for name in QUESTIONS}


@pytest.fixture(scope="module")
def tables(inputs):
    """The table that each question's plot draws."""
    return {name: question(name)(*inputs[name], table=question(name).drawn) for name in QUESTIONS}


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_plot_has_the_same_signature(name):
    plot = getattr(mbias, f"plot_{name}")
    parameters = list(inspect.signature(plot).parameters.values())
    after_inputs = parameters[len(question(name).inputs) :]

    assert plot is plot_of(name)
    assert after_inputs[0].name == "ax"
    assert {parameter.kind for parameter in after_inputs} == {inspect.Parameter.KEYWORD_ONLY}
    assert all(parameter.default is not inspect.Parameter.empty for parameter in after_inputs)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_figure_is_drawn_from_inputs_and_from_their_table(name, inputs, tables):
    from_inputs = plot_of(name)(*inputs[name])
    from_table = plot_of(name)(tables[name])

    assert isinstance(from_inputs, plt.Figure)
    assert texts(from_inputs) == texts(from_table)
    assert "simulated data" in texts(from_table)


def test_figures_of_recorded_data_do_not_say_that_they_are_simulated(external):
    for name in ("losses", "attention"):
        assert "simulated data" not in texts(plot_of(name)(external))


def test_published_scores_are_drawn_with_the_measured_ones(study):
    for name in ("variants", "smoothing"):
        assert any("published" in text for text in texts(plot_of(name)(study, published=True)))


@pytest.mark.parametrize("name", QUESTIONS)
def test_axes_that_are_given_are_drawn_into_and_returned(name, study, inputs):
    given = (study.select(variant="across_vcross", smoothing="ls_a"),) if name in SINGLE else inputs[name]
    figure, (left, right) = plt.subplots(1, 2)

    assert plot_of(name)(*given, ax=left) is left
    assert left.has_data()
    assert not right.has_data()
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize("name", sorted(SINGLE))
def test_given_axes_hold_one_setting(name, study):
    _, ax = plt.subplots()

    with pytest.raises(
        BadInputError, match=r"ax shows one setting, and the table has 10 (.*); select one, as in study\."
    ):
        plot_of(name)(study, ax=ax)
    assert not ax.has_data()


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_table_of_another_question_is_refused(name, tables):
    for other, table in tables.items():
        # The tables of Tables 1 and 2 have the same columns.
        if other == name or {name, other} == {"variants", "smoothing"}:
            continue
        with pytest.raises(BadInputError, match=rf"^plot_{name} draws the table .* and this one has no column '\w+'"):
            plot_of(name)(table)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_table_without_rows_is_refused(name, tables):
    with pytest.raises(BadInputError, match=f"plot_{name}: the table has no rows"):
        plot_of(name)(tables[name].iloc[:0])


def test_an_option_of_the_table_is_refused_where_the_table_is_given(tables):
    with pytest.raises(BadInputError, match="plot_attention: 'epoch' is an option of the table; compute the table"):
        mbias.plot_attention(tables["attention"], epoch="best")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("losses", {"kind": "exces"}, "plot_losses: unknown kind 'exces'; take optimised, excess, hard"),
        ("attention", {"scope": "everywhere"}, "plot_attention: unknown scope 'everywhere'; take all, present"),
        ("variants", {"metric": "audo"}, "no metric 'audo' in the table; take one of audio, visual"),
        ("smoothing", {"level": "video"}, "no level 'video' in the table; take one of segment, event"),
        ("attention", {"epoch": "lst"}, "no epoch 'lst'; take 1 to 3, 'last' or 'best'"),
    ],
)
def test_a_wrong_option_is_one_sentence(name, options, message, study):
    with pytest.raises(BadInputError, match=message):
        plot_of(name)(study, **options)


def test_what_is_no_study_is_refused():
    with pytest.raises(BadInputError, match="there is no such folder"):
        mbias.plot_losses("modls/demo")
    with pytest.raises(BadInputError, match="is not a study"):
        mbias.plot_losses([])
    with pytest.raises(BadInputError):
        mbias.plot_losses(pd.DataFrame())


def test_a_list_of_paths_is_a_study(study):
    paths = [str(run.path) for run in study]

    assert texts(mbias.plot_losses(paths)) == texts(mbias.plot_losses(open_study(paths)))


@pytest.fixture(scope="module")
def eight(tmp_path_factory):
    """Two models of eight modalities."""
    folder = tmp_path_factory.mktemp("eight")
    for seed in (0, 1):
        record_other(folder / f"run{seed}", MODALITIES, seed=seed)
    return open_study(folder)


@pytest.mark.parametrize(
    ("name", "runs"),
    [(name, runs) for name in ("losses", "attention", "movement", "mechanism") for runs in (1, 2)]
    + [("reliance", 1), ("diagnosis", 1), ("compare", 2)],
)
def test_eight_modalities_fit_into_a_figure(eight, name, runs):
    """No text is cut off, and a legend is beside everything else."""
    given = list(eight)[:runs]
    if name == "movement":
        figure = attention.plot_movement(mbias.attention(given, table="movement"))
    else:
        figure = plot_of(name)(*(given if name == "compare" else [given]))
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    ticks = {label for ax in figure.axes for axis in (ax.xaxis, ax.yaxis) for label in axis.get_ticklabels()}
    drawn = [text for text in figure.findobj(plt.Text) if text not in ticks and text.get_text().strip()]
    boxes = {text: text.get_window_extent(renderer) for text in drawn if text.axes is None or text.axes.get_visible()}
    for text, box in boxes.items():
        assert -2 < box.x0 < box.x1 < figure.bbox.x1 + 2, text.get_text()
        assert -2 < box.y0 < box.y1 < figure.bbox.y1 + 2, text.get_text()
    for legend in figure.legends:
        inside = set(legend.get_texts())
        around = [box for text, box in boxes.items() if text not in inside]
        assert not legend.get_window_extent(renderer).count_overlaps(around)


def test_each_of_many_modalities_has_the_same_colour_everywhere(eight):
    """The verdict names one modality, in the colour that it has where all are drawn."""
    run = eight.runs[0]
    colours = [
        plot_of(name)(run).axes[0].collections[-1].get_facecolor()[0].tolist() for name in ("attention", "reliance")
    ]
    assert colours[0] == colours[1]


def test_names_of_modalities_are_not_read_as_mathematics(tmp_path):
    path = record_other(tmp_path / "run", ("front camera", "x_{y}", "a$b"))
    for name in ("losses", "attention", "mechanism", "reliance"):
        plot_of(name)(path).canvas.draw()
    two = record_other(tmp_path / "two", ("front camera", "x_{y}"), stand_ins=())
    heatmap = attention.plot_heatmap(mbias.attention(two, table="categories"))
    heatmap.canvas.draw()

    assert "mean W of front camera" in texts(heatmap)
