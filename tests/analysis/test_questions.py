"""What holds for every question, and what a user is told who asks for something that does not exist."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pandas as pd
import pytest

import mbias
from mbias.analysis.questions import QUESTIONS, question
from mbias.errors import BadInputError, NotApplicableError
from tests.drawn_runs import cut_shard, draw_external_probe, draw_mitigated, draw_run, draw_study, fill_probe_with_nan

ROOT = Path(__file__).resolve().parents[2]
SEEDS = {"losses": "seeds", "attention": "seeds", "mechanism": "seeds"}
"""The tables that need several seeds."""


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_is_defined_by_its_module(name):
    asked = question(name)

    assert importlib.import_module(f"mbias.analysis.{name}").QUESTION is asked
    assert getattr(mbias, name) is asked
    assert asked.name == name
    assert asked.drawn in asked.table_names
    assert repr(asked) == f"<Question {name}: {QUESTIONS[name]} Tables: {', '.join(asked.table_names)}>"
    for table in asked.tables:
        assert inspect.getdoc(table.compute)


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_has_all_of_its_parts(name):
    parts = {
        f"mbias/analysis/{name}.py": "its tables, and QUESTION",
        f"mbias/plots/{name}.py": f"plot_{name}",
        f"analysis_notebooks/{name}.ipynb": "the section of the report",
    }
    # It is about one sample, so it is no section of a report.
    if name == "video":
        parts.popitem()
    for path, what in parts.items():
        assert (ROOT / path).exists(), f"add {path} ({what}), as CONTRIBUTING.md shows"
    plots = importlib.import_module(f"mbias.plots.{name}")
    assert callable(getattr(plots, f"plot_{name}", None)), f"add plot_{name} to mbias/plots/{name}.py"
    for table in question(name).tables:
        layout, at = table.layout, f"LAYOUT of the table {table.name!r} in mbias/analysis/{name}.py"
        assert layout.rows, f"add the columns that name a row to the {at}"
        assert layout.cells, f"add the cells to the {at}"


@pytest.mark.parametrize(
    ("name", "table"),
    [(name, table) for name in QUESTIONS if len(question(name).inputs) == 1 for table in question(name).table_names],
)
def test_every_table_takes_whatever_names_a_study(name, table, tmp_path):
    settings = [(variant, smoothing) for variant in ("across_vself", "across_vcross") for smoothing in ("ls_a", "ls_v")]
    settings, seeds = (settings[:1], (0,)) if name == "video" else (settings, (0, 1))
    # Categories need 20 labelled samples.
    categories = 25 if table == "llp_line" else 5
    if name == "mitigations":
        folder = draw_mitigated(tmp_path)
    else:
        folder = draw_study(tmp_path, settings, seeds, videos=60 if table == "categories" else 8, categories=categories)
    study = mbias.open_study(folder)
    expected = question(name)(study, table=table)

    assert len(expected)
    for given in (str(folder), folder, [run.path for run in study], list(study)):
        pd.testing.assert_frame_equal(question(name)(given, table=table), expected)


def test_the_first_table_is_the_answer(study):
    pd.testing.assert_frame_equal(mbias.losses(study), mbias.losses(study, table="coincidence"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda study: mbias.attention(study, epok=3), "the table 'shares' has no option 'epok'; it takes epoch"),
        (lambda study: mbias.losses(study, epoch=3), "the table 'coincidence' has no option 'epoch'; it takes none"),
        (lambda study: mbias.attention(study, table="share"), "attention has no table 'share'; take one of shares, "),
        (lambda study: mbias.attention(study, epoch="lst"), "no epoch 'lst'; take 1 to 3, 'last' or 'best'"),
        (lambda study: mbias.attention(study, epoch=0), "no epoch 0; take 1 to 3"),
        (lambda study: mbias.attention(), "attention takes study; 0 given"),
        (lambda study: mbias.compare(study), "compare takes a and b; 1 given"),
        (lambda study: mbias.video(study), "shows one run, and 10 are given; give one run"),
        (lambda study: mbias.video(study.runs[0], category="Dgo"), "no category 'Dgo'; take one of Speech, "),
        (lambda study: mbias.video(study.runs[0], sample="v99"), "no sample 'v99'; take v0"),
        (lambda study: mbias.attention("modls/demo"), "modls/demo: there is no such folder"),
        (lambda study: mbias.attention(""), "'' is not a path of runs; give the folder of a run"),
        (lambda study: mbias.attention([]), r"\[\] is not a study; give a folder of runs, a run, or a list of these"),
        (lambda study: mbias.attention(None), "None is not a study"),
        (lambda study: mbias.attention([3]), "3 is neither a run nor a path"),
        (lambda study: question("atention"), "no question 'atention'; take attention"),
        (lambda study: question("zzz"), "no question 'zzz'; take losses, attention, variants"),
    ],
)
def test_what_does_not_exist_is_named_in_one_sentence(study, call, message):
    with pytest.raises(BadInputError, match=message) as error:
        call(study)
    assert len(str(error.value).splitlines()) == 1


@pytest.fixture
def nan(tmp_path):
    """A study of two settings; the probe of the first one is filled with NaN."""
    folder = draw_study(tmp_path / "study", [("across_vcross", "ls_a"), ("across_vcross", "ls_v")])
    return folder, fill_probe_with_nan(folder / "across_vcross-ls_a-0")


@pytest.mark.parametrize("name", ["reliance", "diagnosis"])
def test_a_probe_of_nan_is_an_error_that_names_it(nan, name):
    folder, probe = nan
    for table in question(name).table_names:
        with pytest.raises(BadInputError, match=f"^{re.escape(str(probe))}: ") as error:
            question(name)(folder, table=table)
        assert not isinstance(error.value, NotApplicableError)


def test_compare_names_a_probe_of_nan(nan):
    folder, probe = nan
    first, second = sorted(folder.iterdir())

    for pair in ((first, second), (second, first)):
        with pytest.raises(BadInputError, match=f"^{re.escape(str(probe))}: ") as error:
            mbias.compare(*pair)
        assert not isinstance(error.value, NotApplicableError)


@pytest.mark.parametrize("name", [name for name in QUESTIONS if len(question(name).inputs) == 1])
def test_a_shard_that_was_cut_short_is_named(tmp_path, name):
    shard = cut_shard(draw_run(tmp_path / "run"))

    with pytest.raises(BadInputError, match=rf"^{re.escape(str(shard))}: \d+ bytes, where line 2 of epochs\.jsonl"):
        question(name)(tmp_path)


def test_a_shard_that_is_damaged_inside_is_named(tmp_path):
    """Its size is right, so it is found when the array is read."""
    run = draw_run(tmp_path / "run")
    shard = run / "epochs" / "0003.safetensors"
    shard.write_bytes(b"\xff" * 8 + shard.read_bytes()[8:])

    for name, table in (
        ("attention", None),
        ("mechanism", None),
        ("reliance", "measures"),
        ("diagnosis", None),
        ("video", None),
    ):
        with pytest.raises(BadInputError, match=f"^{re.escape(str(shard))}: ") as error:
            question(name)(run, table=table)
        assert not isinstance(error.value, NotApplicableError)


@pytest.mark.parametrize(
    ("name", "table"), [("reliance", "measures"), ("reliance", "agreement"), ("diagnosis", "measures")]
)
def test_measures_that_do_not_apply_are_named_with_the_reason(tmp_path, name, table):
    run = draw_external_probe(tmp_path / "mine")
    reasons = question(name)(run, table=table).attrs["left_out"]

    assert "mine: the probe has no pass with visual replaced by 'zero'" in reasons["drop (p, zero)"]
    assert "cross (p, cross)" in reasons
    shown = set(question(name)(run, table="measures")["measure"])
    assert not shown & set(reasons)
    assert "Shapley (p, mean)" in shown


@pytest.mark.parametrize(("name", "table"), SEEDS.items())
def test_tables_over_seeds_need_several(study, name, table):
    with pytest.raises(NotApplicableError, match="every setting has one seed"):
        question(name)(study, table=table)


def test_an_option_without_a_table_takes_the_first_table_that_has_it():
    losses = question("losses")

    assert losses.table().name == "coincidence"
    assert losses.table(options=["published"]).name == "implied"
    assert losses.table("seeds", ["published"]).name == "seeds"
    assert question("attention").table(options=["epoch"]).name == "shares"
