"""The plan of a study, and what its folder holds already."""

import json
import shutil

import pytest

from mbias.errors import BadInputError
from mbias.studies import plan as module
from mbias.studies.plan import Resources, inspect_folder, plan_study
from mbias.studies.running.environment import inspect_environment
from mbias.terms import Control
from tests.studies.runs import CONFIG, plan

GRID = "[[grid]]\nvariants = ['across_vself']\nsmoothing = ['ls_v']\nseeds = [0, 1]\n"


@pytest.fixture
def definition(tmp_path):
    path = tmp_path / "demo.v2.toml"
    path.write_text(f"[data]\npath = 'llp'\n{GRID}")
    return path


def test_folder_and_data_are_those_of_the_definition(definition, tmp_path):
    study = plan_study(str(definition), device="cpu", workers=3)
    assert study.folder == tmp_path / "demo.v2"
    assert [run.path for run in study.runs] == [study.folder / f"across_vself-ls_v-seed{seed}" for seed in (0, 1)]
    assert study.resources == Resources(tmp_path / "llp", "cpu", 3)


def test_arguments_replace_what_the_definition_says(definition, tmp_path):
    study = plan_study(definition, data=str(tmp_path / "other"), out=str(tmp_path / "runs"), device="cpu")
    assert (study.folder, study.resources.data) == (tmp_path / "runs", tmp_path / "other")


@pytest.mark.parametrize(("cores", "expected"), [(1, 1), (2, 2), (16, 2)])
def test_there_is_one_worker_per_core_and_run(definition, monkeypatch, cores, expected):
    monkeypatch.setattr(module, "cores", lambda: cores)
    assert plan_study(definition, device="cpu").resources.workers == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"workers": 0}, "^workers is 0: it must be 1 or more$"),
        ({"workers": 2, "scheduler": "tcp://x:1"}, "^workers and scheduler are both given"),
        ({"device": "cuda:77"}, "'cuda:77' is not available"),
    ],
)
def test_a_wrong_argument_is_named(definition, arguments, message):
    with pytest.raises(BadInputError, match=message):
        plan_study(definition, **arguments)


def test_a_definition_without_data_says_how_to_give_them(tmp_path):
    (tmp_path / "study.toml").write_text(GRID)
    with pytest.raises(BadInputError, match=r"study.toml: no data directory; add \[data\] path .*--data DIR"):
        plan_study(tmp_path / "study.toml")


def test_a_device_of_the_cluster_need_not_be_available_here(definition):
    pytest.importorskip("distributed")
    resources = plan_study(definition, device="cuda:77", scheduler="tcp://x:1").resources
    assert (resources.device, resources.scheduler) == ("cuda:77", "tcp://x:1")
    assert resources.data.is_absolute()


def test_a_scheduler_without_dask_says_what_to_install(definition, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BadInputError, match=r"scheduler needs Dask, .* pip install 'mbias\[cluster\]'"):
        plan_study(definition, scheduler="tcp://x:1")


def test_the_state_of_every_planned_run(directory, trained):
    states = inspect_folder(plan(trained, directory, seeds=(0, 1)), inspect_environment(CONFIG, directory, "cpu"))
    assert [(state.complete, state.missing) for state in states.values()] == [(True, False), (False, True)]


def test_a_damaged_run_is_part_of_the_state(directory, trained, tmp_path):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    study = plan(tmp_path, directory)
    (study.runs[0].path / "epochs" / "0002.safetensors").write_bytes(b"")
    (state,) = inspect_folder(study, inspect_environment(CONFIG, directory, "cpu")).values()
    assert "0002.safetensors" in str(state.damage)
    assert not state.complete
    assert not state.missing


def test_a_run_that_is_no_longer_listed_may_differ_in_its_identity_alone(directory, trained, tmp_path):
    """Variant, smoothing, control and seed distinguish the runs of a study; all else must be the same."""
    environment = inspect_environment(CONFIG, directory, "cpu")
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    header = next(tmp_path.glob("*/run.json"))
    content = json.loads(header.read_text())
    study = plan(tmp_path, directory, seeds=(5,))

    content["training"] |= {"variant": "aself_vself", "smoothing": "no_ls", "control": str(Control.FROZEN)}
    header.write_text(json.dumps(content))
    assert [state.missing for state in inspect_folder(study, environment).values()] == [True]

    content["training"]["batch_size"] = 8
    header.write_text(json.dumps(content))
    with pytest.raises(BadInputError, match="seed0: trained with batch_size = 8, not 16"):
        inspect_folder(study, environment)

    content["training"] = None
    header.write_text(json.dumps(content))
    with pytest.raises(BadInputError, match="seed0: not a run of a study"):
        inspect_folder(study, environment)
