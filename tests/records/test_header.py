from __future__ import annotations

import json

import pytest

from mbias import Header
from mbias.errors import BadInputError
from tests.records.written import header


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modalities": ("audio",)}, "two or more"),
        ({"categories": ("Dog", "Dog")}, "a name is repeated"),
        ({"joint_loss": "all"}, "joint_loss"),
        ({"categories": ()}, "categories"),
        ({"task": "softmax"}, "task: 'softmax' given; take one of multilabel"),
        ({"task": "binary"}, "'binary' has one category"),
        ({"setting": " ", "training": None}, "setting: ' ' is not the name of a setting"),
        ({"seed": 0.5, "training": None}, "seed: 0.5 is not a seed"),
        ({"seed": 0, "training": {"variant": "across_vcross"}}, "the training configuration names them already"),
    ],
)
def test_a_header_that_makes_no_sense_is_refused(changes, message):
    with pytest.raises(BadInputError, match=message):
        header(**changes)


def test_a_header_is_written_and_read_back(tmp_path):
    path = tmp_path / "run.json"
    path.write_text(json.dumps(header().to_json()))

    assert Header.read(path) == header()


def test_task_setting_and_seed_are_written_where_they_are_given(tmp_path):
    """Runs written before these fields were known are read, and runs without them look as they did."""
    path = tmp_path / "run.json"
    plain, named = header(training=None), header(training=None, task="regression", setting="late fusion", seed=3)
    path.write_text(json.dumps(named.to_json()))

    assert Header.read(path) == named
    assert not {"task", "setting", "seed"} & plain.to_json().keys()
    assert repr(named).endswith("task regression; setting late fusion; seed 3>")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "other"}, "'format' is not 'mbias-run'"),
        ({"version": 0}, "'version' is 0"),
        ({"version": 99}, "version 99.*upgrade mbias"),
        ({"modalities": "audio"}, "'modalities'"),
        ({"categories": ["a\nb"]}, "'categories'"),
        ({"training": {"seed": "zero"}}, "'training'"),
    ],
)
def test_a_damaged_header_is_named(tmp_path, changes, message):
    path = tmp_path / "run.json"
    path.write_text(json.dumps({**header().to_json(), **changes}))

    with pytest.raises(BadInputError, match=message) as error:
        Header.read(path)
    assert str(error.value).startswith(f"{path}: ")
