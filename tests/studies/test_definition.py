"""The definition of a study."""

from pathlib import Path

import pytest

from mbias.errors import BadInputError
from mbias.studies.definition import definition_beside, read_definition, runs_folder
from mbias.terms import PRESETS, Smoothing

GRID = """
[[grid]]
variants = ["across_vself"]
smoothing = ["ls_v"]
seeds = [0]
"""


def definition(tmp_path, text):
    path = tmp_path / "study.toml"
    path.write_text(text, encoding="utf-8")
    return read_definition(path)


def test_a_definition_and_its_folder_of_runs_belong_together(tmp_path, monkeypatch):
    assert runs_folder(definition_beside(tmp_path / "demo.v2")) == tmp_path / "demo.v2"
    monkeypatch.chdir(tmp_path)
    assert definition_beside(Path()).name == f"{tmp_path.name}.toml"


def test_the_paper_has_ten_runs(request):
    paper = read_definition(request.config.rootpath / "models" / "paper.toml")
    assert len(paper.runs) == 10
    assert sum(run.smoothing.name == "ls_v0.2" for run in paper.runs) == 4
    assert {run.smoothing.name for run in paper.runs} == {"no_ls", "ls_a0.2", "ls_v0.2", "ls_a0.2_v0.2"}
    assert {run.epochs for run in paper.runs} == {40}


def test_the_other_delta_of_the_paper_is_one_line_away(request, tmp_path):
    text = (request.config.rootpath / "models" / "paper.toml").read_text(encoding="utf-8")
    original = definition(tmp_path, text.replace("\ndelta = 0.2\n# delta = 0.1\n", "\ndelta = 0.1\n"))
    assert {run.smoothing.name for run in original.runs} == set(PRESETS)


def test_delta_is_that_of_the_presets_in_the_file(tmp_path):
    smoothings = ["no_ls", "ls_a", "ls_v", "ls_av", "ls_v0.1", "ls_a0.3_v0.05"]
    text = f"[training]\ndelta = 0.2\n{GRID}".replace('["ls_v"]', str(smoothings))
    assert [run.smoothing for run in definition(tmp_path, text).runs] == [
        Smoothing(),
        Smoothing(audio=0.2),
        Smoothing(visual=0.2),
        Smoothing(audio=0.2, visual=0.2),
        Smoothing(visual=0.1),
        Smoothing(audio=0.3, visual=0.05),
    ]


def test_every_combination_is_one_run(tmp_path):
    text = (
        '[training]\nepochs = 3\n[data]\npath = "llp"\n'
        + GRID.replace("[0]", "[0, 1]").replace('"ls_v"', '"ls_v", "ls_a0.2"')
        + GRID
    )
    study = definition(tmp_path, text)
    assert study.data == tmp_path / "llp"
    assert [run.name for run in study.runs] == [
        f"across_vself-{s}-seed{i}" for s in ("ls_v", "ls_a0.2") for i in (0, 1)
    ]
    assert study.runs[2].smoothing == Smoothing(audio=0.2)
    assert {run.epochs for run in study.runs} == {3}


def test_controls_are_additional_runs(tmp_path):
    study = definition(tmp_path, GRID + 'controls = ["none", "shuffled", "uniform"]')
    assert [run.name for run in study.runs] == [f"across_vself-ls_v-{s}seed0" for s in ("", "shuffled-", "uniform-")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GRID + 'controls = ["chance"]', "unknown control 'chance'"),
        (GRID + "controls = []", "'controls'"),
        ("", r"no \[\[grid\]\]"),
        ("grid = 3", r"no \[\[grid\]\]"),
        ("[[grid", "not a readable TOML file"),
        (GRID + "[wrong]", "unknown 'wrong' in the file"),
        (GRID + "[training]\nepoch = 3", r"unknown 'epoch' in the \[training\]"),
        (GRID + "[training]\nepochs = '3'", "epochs is '3'"),
        (GRID + "[training]\ndelta = 0", "delta is 0; it must be a number between 0 and 1, such as 0.2"),
        (GRID + "[training]\ndelta = 1.0", "delta is 1.0; it must be a number"),
        (GRID + "[training]\ndelta = '0.2'", "delta is '0.2'; it must be a number"),
        (GRID + "[training]\ndelta = true", "delta is True; it must be a number"),
        (GRID + "delta = 0.2", r"unknown 'delta' in the \[\[grid\]\]"),
        (GRID + "[training]\nepochs = 0", "epochs is 0"),
        (GRID + "[training]\nrecord = 'dev'", "dev"),
        (GRID.replace("ls_v", "ls_x"), "unknown smoothing 'ls_x'"),
        (GRID.replace("across_vself", "across"), "unknown variant 'across'"),
        (GRID.replace("[0]", "[]"), "'seeds'"),
        (GRID.replace("[0]", '["a"]'), "is not a whole number"),
        (GRID.replace("seeds", "seed"), "unknown 'seed'"),
    ],
)
def test_a_wrong_definition_names_the_field(tmp_path, text, message):
    with pytest.raises(BadInputError, match=message) as caught:
        definition(tmp_path, text)
    assert str(tmp_path / "study.toml") in str(caught.value)
