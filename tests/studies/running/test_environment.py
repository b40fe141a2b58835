"""The environment of a process, and that all workers have the same one."""

import dataclasses

import pytest

from mbias.cli.main import main
from mbias.errors import BadInputError
from mbias.han.network import HAN
from mbias.han.weights import write_original
from mbias.llp.streams.presets import CLIP_CLAP_STREAMS
from mbias.studies.running.environment import Environment, inspect_environment, inspect_worker, require_same
from mbias.studies.session import session
from tests.studies.runs import CONFIG, plan, task_of


def test_the_environment_of_this_process(directory, data):
    environment = inspect_environment(CONFIG, directory, "cpu")
    assert environment == Environment(data.fingerprint, True, "cpu", "float32")


def test_the_environment_has_the_streams_of_the_data(clip_directory):
    assert inspect_environment(CONFIG, clip_directory, "cpu").streams == CLIP_CLAP_STREAMS


def test_initial_weights_that_do_not_fit_the_data_are_refused_before_anything_is_written(
    directory, clip_directory, tmp_path, capsys
):
    write_original(HAN(CONFIG.variant), tmp_path / "original.pt")
    config = dataclasses.replace(CONFIG, init=str(tmp_path / "original.pt"))
    assert inspect_environment(config, directory, "cpu") == inspect_environment(CONFIG, directory, "cpu")
    init = ["--init", config.init, "--epochs", "1"]
    assert main(["train", "--data", str(clip_directory), "--out", str(tmp_path / "run"), *init]) == 2
    assert capsys.readouterr().err == (
        f"mbias: error: the stream 'audio' is 768 wide, but {config.init} was trained on 128; give data of the widths "
        "it was trained on, or other weights\n"
    )
    assert not (tmp_path / "run").exists()


def test_missing_data_are_named(tmp_path):
    with pytest.raises(BadInputError, match="there is no such packed split"):
        inspect_environment(CONFIG, tmp_path, "cpu")


def test_a_worker_without_the_study_s_folder_is_named(directory, tmp_path):
    study = plan(tmp_path, directory)
    with session(tmp_path) as current:
        task = task_of(study, current)
        assert inspect_worker(task) == inspect_environment(CONFIG, directory, "cpu")
    with pytest.raises(BadInputError, match=r"not the study's folder on .*; choose a folder that all workers share"):
        inspect_worker(task)


def test_workers_that_differ_are_named():
    first = Environment("data", True, "cpu", "float32")
    assert require_same([first, first]) == first
    with pytest.raises(BadInputError, match=r"differ in computed_in \(bfloat16, float32\)"):
        require_same([first, dataclasses.replace(first, computed_in="bfloat16")])
