"""Probing the runs of a study."""

import json
import shutil

import pytest

from mbias.errors import BadInputError
from mbias.records.probes import read_probe
from mbias.records.study import open_study
from mbias.studies.probe import probe_study
from tests.drawn_runs import draw_run


@pytest.fixture
def study(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "study")
    return tmp_path / "study"


@pytest.mark.parametrize("kind", ["path", "paths", "study"])
def test_a_study_is_given_as_a_path_several_paths_or_itself(study, directory, kind):
    given = {"path": str(study), "paths": [study], "study": open_study(study)}[kind]
    calls = []
    probed = probe_study(
        given, data=directory, draws=1, device="cpu", progress=lambda *call: calls.append((call[0].name, *call[1:]))
    )
    (run,) = probed
    assert len(read_probe(run).passes) == 14
    assert calls == [(run.name, done, 14) for done in range(1, 15)]


@pytest.mark.parametrize("level", ["study", "run"])
def test_the_data_are_those_of_the_definition(study, directory, level):
    (study.parent / "study.toml").write_text(
        f'[data]\npath = "{directory}"\n[[grid]]\nvariants = ["across_vself"]\nsmoothing = ["ls_v"]\nseeds = [0]\n'
    )
    (run,) = probe_study(study if level == "study" else next(study.iterdir()), draws=1, device="cpu", epoch="last")
    assert read_probe(run).epoch == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"draws": 0}, "^draws is 0: it must be 1 or more$"),
        ({"seed": -1}, "^seed is -1: it must be 0 or more$"),
        ({"epoch": "first"}, "^epoch is 'first': it must be 'best' or 'last'$"),
        ({}, r"no definition .*study.toml that names its data; give --data DIR"),
    ],
)
def test_a_wrong_argument_is_named(study, arguments, message):
    with pytest.raises(BadInputError, match=message):
        probe_study(study, **arguments)


def test_an_external_model_is_refused_before_anything_is_probed(study, directory, tmp_path):
    external = draw_run(tmp_path / "external")
    header = external / "run.json"
    header.write_text(json.dumps(json.loads(header.read_text()) | {"training": None}))
    with pytest.raises(BadInputError, match="external: not trained here, so its network is unknown"):
        probe_study([study, external], data=directory, device="cpu")
    assert not list(study.glob("*/probe"))
