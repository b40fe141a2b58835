"""The command ``mbias probe``."""

import shutil

import pytest

from mbias.cli.main import main
from mbias.records.probes import read_probe
from mbias.records.study import open_study
from mbias.training.config import TrainingConfig
from tests.training.runs import train


@pytest.fixture(scope="module")
def study(data, tmp_path_factory):
    """A folder of two runs, of one epoch each."""
    folder = tmp_path_factory.mktemp("probed") / "study"
    train(folder / "run0", data, TrainingConfig(epochs=1, precision="float32"))
    shutil.copytree(folder / "run0", folder / "run1")
    return folder


def test_the_command_probes_and_prints_one_line_per_run(study, directory, capsys):
    assert main(["probe", str(study), "--data", str(directory), "--draws", "1", "--device", "cpu"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "[1/2] run0: 14 passes over 20 videos",
        "[2/2] run1: 14 passes over 20 videos",
    ]
    assert [len(read_probe(run).passes) for run in open_study(study)] == [14, 14]


def test_bad_input_is_exit_code_2(study, directory, capsys):
    assert main(["probe", str(study), "--data", str(directory), "--draws", "0"]) == 2
    assert capsys.readouterr().err == "mbias: error: draws is 0: it must be 1 or more\n"
    assert main(["probe", str(study)]) == 2
    assert "give --data DIR" in capsys.readouterr().err
