"""The public names of mbias, and how its objects show themselves."""

from __future__ import annotations

import inspect

import numpy as np
import pandas as pd
import pytest

import mbias
from mbias.analysis.questions import QUESTIONS, Question
from mbias.errors import BadInputError
from mbias.stats.estimates import estimate
from mbias.stats.intervals import ratio
from tests.drawn_runs import draw_run, draw_study


def test_public_names_are_there():
    for name in mbias.__all__:
        value = getattr(mbias, name)
        assert name in dir(mbias)
        if isinstance(value, Question):
            assert value.name == name
        elif name != "QUESTIONS":
            assert value.__name__ == name
    assert set(QUESTIONS) | {f"plot_{name}" for name in QUESTIONS} <= set(mbias.__all__)
    with pytest.raises(AttributeError, match="module 'mbias' has no attribute 'nothing'"):
        _ = mbias.nothing


@pytest.mark.parametrize("name", [name for name in mbias.__all__ if name not in ("QUESTIONS", *QUESTIONS)])
def test_every_public_name_has_an_example(name):
    text = inspect.getdoc(getattr(mbias, name)) or ""

    assert "\nExamples\n--------\n" in text
    assert ">>> " in text.split("\nExamples\n--------\n")[1]


def test_a_question_has_an_example():
    assert ">>> " in (inspect.getdoc(Question) or "").split("\nExamples\n--------\n")[1]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api")
    draw_study(folder, [("across_vcross", "ls_a"), ("across_vcross", "ls_v")], seeds=(0, 1), probe=False)
    draw_run(folder / "mine", external=True)
    return mbias.open_study(folder)


def test_objects_say_what_they_are(study):
    run = study.runs[0]

    assert repr(study).startswith("<Study of 5 runs: across_vcross (ls_a, ls_v), external (mine); 2 seeds")
    assert repr(run) == f"<Run {run.name}: A_cross + V_cross, LS-A, seed 0; 3 of 3 epochs; simulated data>"
    assert repr(study.runs[-1]) == "<Run mine: external model; 3 of 3 epochs>"
    assert repr(mbias.losses).startswith("<Question losses: ")
    assert repr(run.header).startswith("<Header: ")
    assert "5 categories" in repr(run.header)


def test_an_estimate_says_its_shape_and_seeds():
    parts = np.ones((3, 20, 2, 2))
    shown = repr(estimate(parts, ratio))

    assert shown.startswith("<Estimate")
    assert "3 seeds" in shown


def test_select_keeps_the_runs_that_have_all_values(study):
    assert [run.name for run in study.select(smoothing="ls_v", seed=1)] == ["across_vcross-ls_v-1"]
    assert len(study.select(smoothing=["ls_a", "ls_v"])) == 4
    assert [run.name for run in study.select(run="mine")] == ["mine"]
    assert len(study.select(control="none")) == 5
    pd.testing.assert_frame_equal(study.select().table(), study.table())


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"smoothing": "lsv"}, "no run of the study has the smoothing 'lsv'; it has ls_a, ls_v"),
        ({"seed": 7}, "no run of the study has the seed 7; it has 0, 1"),
        ({"run": "mine", "seed": 0}, "no run of the study has run='mine', seed=0 together"),
        ({"smoothing": []}, "select: smoothing has no value; the study has ls_a, ls_v"),
    ],
)
def test_a_selection_of_nothing_is_one_sentence(study, chosen, message):
    with pytest.raises(BadInputError, match=message):
        study.select(**chosen)
