from __future__ import annotations

import re

import pytest

from mbias import Run, open_study
from mbias.errors import BadInputError
from mbias.records.study import run_names
from tests.drawn_runs import cut_shard
from tests.records.written import written_run


def test_a_study_is_the_runs_below_a_folder(tmp_path):
    for name in ("b", "a"):
        written_run(tmp_path / "study" / name, epochs=1)
    (tmp_path / "study" / "notes").mkdir()
    assert [run.name for run in open_study(tmp_path / "study")] == ["a", "b"]
    assert len(open_study([tmp_path / "study", tmp_path / "study" / "a"])) == 2
    assert open_study(tmp_path / "study").table()["epochs"].tolist() == [1, 1]
    with pytest.raises(BadInputError, match=r"no run\.json"):
        open_study(tmp_path / "study" / "notes")


def test_a_study_opens_from_a_path_a_run_a_list_or_itself(tmp_path):
    path = written_run(tmp_path / "run", epochs=1)
    run = Run(path)
    study = open_study(path)

    assert open_study(study) is study
    for given in (str(path), run, [path], [str(path), run], [study]):
        assert [opened.path.resolve() for opened in open_study(given)] == [path.resolve()]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], r"\[\] is not a study; give a folder of runs, a run, or a list of these"),
        (None, "None is not a study"),
        ([1], "1 is neither a run nor a path"),
        ("modls/demo", "modls/demo: there is no such folder"),
    ],
)
def test_what_is_no_study_is_refused(given, message):
    with pytest.raises(BadInputError, match=message):
        open_study(given)


def test_runs_without_an_epoch_are_left_out_and_named(tmp_path):
    written_run(tmp_path / "done", epochs=1)
    written_run(tmp_path / "new", epochs=0)
    study = open_study(tmp_path)

    assert ([run.name for run in study], dict(study.left_out)) == (["done"], {"new": "no epoch is committed yet"})
    assert "1 run left out" in repr(study)
    with pytest.raises(BadInputError, match="new: no epoch is committed yet"):
        open_study(tmp_path / "new")


def test_runs_of_one_name_are_told_apart_by_the_folder_above(tmp_path):
    for name in ("a", "b"):
        written_run(tmp_path / name / "run", epochs=1)
    study = open_study([tmp_path / "a", tmp_path / "b" / "run"])

    assert list(run_names(study).values()) == ["a/run", "b/run"]


def test_a_cut_shard_is_named(tmp_path):
    shard = cut_shard(written_run(tmp_path / "study" / "run"))

    with pytest.raises(BadInputError, match=re.escape(str(shard))):
        open_study(tmp_path / "study")
