"""The status of a study, read from its folder."""

import json

import pytest

from mbias.cli.analyze import main as analyze
from mbias.cli.main import main
from mbias.errors import BadInputError
from mbias.records.failure import Failure, write_failure
from mbias.records.run import Run
from mbias.records.study import open_study
from mbias.studies.locks import RUN_LOCK, locked
from mbias.studies.status import RunStatus, Stage, as_lines, study_end, study_status
from tests.drawn_runs import draw_run

STUDY = """
[training]
epochs = 3
[[grid]]
variants = ["across_vself"]
smoothing = ["ls_v"]
seeds = [0, 1, 2, 3, 4]
"""


@pytest.fixture
def study(tmp_path):
    """Five drawn runs: done, running, failed, stopped, missing. An epoch takes one second."""
    (tmp_path / "study.toml").write_text(STUDY)
    for seed in range(4):
        run = draw_run(tmp_path / "study" / f"across_vself-ls_v-seed{seed}", "across_vself", "ls_v", seed)
        if seed:
            log = run / "epochs.jsonl"
            log.write_text(log.read_text().splitlines(keepends=True)[0])
    (tmp_path / "study/across_vself-ls_v-seed0/checkpoints").mkdir()
    (tmp_path / "study/across_vself-ls_v-seed0/checkpoints/last.safetensors").touch()
    write_failure(tmp_path / "study/across_vself-ls_v-seed2", Failure("the loss 'audio' is not finite", 2, 7))
    with locked(tmp_path / "study/across_vself-ls_v-seed1" / RUN_LOCK):
        yield tmp_path / "study"


@pytest.mark.parametrize("given", ["study.toml", "study"])
def test_every_run_has_its_stage(study, given):
    statuses = study_status(study.with_name(given))
    assert [status.stage for status in statuses] == [
        Stage.DONE,
        Stage.RUNNING,
        Stage.FAILED,
        Stage.STOPPED,
        Stage.MISSING,
    ]
    done, running, failed, stopped, missing = statuses
    assert (done.epoch, done.epochs) == (3, 3)
    assert (running.epoch, running.epochs) == (1, 3)
    written = (study / running.name / "epochs.jsonl").stat().st_mtime
    assert running.end == pytest.approx(written + 2)  # two more epochs of one second
    assert stopped.losses == {
        name: values["optimised"] for name, values in Run(study / stopped.name).commits[-1].losses.items()
    }
    assert failed.note == "failed in epoch 2, step 7: the loss 'audio' is not finite"
    assert (missing.epoch, missing.epochs) == (0, 3)


def test_the_expected_end_is_that_of_all_epochs(study, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1000.0)
    # 2 + 2 + 2 + 3 epochs of one second, one run at a time.
    assert study_end(study_status(study)) == 1009.0


def test_the_command_prints_one_line_per_run(study, capsys):
    assert main(["status", str(study)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("5 runs: 1 running, 1 failed, 1 stopped, 1 missing, 1 done; expected to end ")
    assert len(lines) == 7
    assert "step 7" in lines[4]


def test_on_a_small_terminal_runs_that_need_attention_come_first(study):
    lines = as_lines(study_status(study), most=3)
    assert [line.split()[1] for line in lines[2:]] == ["running", "failed"]


def test_a_missing_study_is_named(tmp_path):
    with pytest.raises(BadInputError, match="no such study definition"):
        study_status(tmp_path / "study.toml")
    with pytest.raises(BadInputError, match="there is no such folder"):
        study_status(tmp_path / "study")


def test_the_analysis_names_a_failed_run_and_leaves_it_out(study, capsys):
    (study / "across_vself-ls_v-seed3" / "epochs.jsonl").unlink()
    assert [run.seed for run in open_study(study)] == [0, 1]
    assert analyze(["losses", str(study), "--format", "json"]) == 0
    printed = capsys.readouterr()
    assert "left out across_vself-ls_v-seed2: failed in epoch 2, step 7: the loss 'audio' is not finite" in printed.err
    assert "left out across_vself-ls_v-seed3: no epoch is committed yet" in printed.err
    assert "across_vself-ls_v-seed2" not in json.dumps(printed.out)


def test_a_study_of_failed_runs_only_is_an_error(study):
    with pytest.raises(BadInputError, match="failed in epoch 2"):
        open_study(study / "across_vself-ls_v-seed2")


def test_losses_have_the_names_that_the_run_gives_them():
    runs = [
        RunStatus("one", Stage.DONE, 1, 1, {"text": 0.5, "total": 0.25}),
        RunStatus("two", Stage.DONE, 1, 1, {"total": 1}),
    ]

    assert as_lines(runs)[1:] == [
        "run  state    epoch    L_text  L_total",
        "one  done     1/1      0.5000  0.2500",
        "two  done     1/1              1.0000",
    ]
