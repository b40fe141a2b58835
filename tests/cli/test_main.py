"""The commands ``mbias train``, ``study`` and ``status``: what they print, and their exit codes."""

import json

import pytest

import mbias
from mbias import Run, open_study
from mbias.cli.main import main
from mbias.studies.running.task import Outcome, State

GRID = '[[grid]]\nvariants = ["across_vself"]\nsmoothing = ["ls_v"]\nseeds = [0, 1]\n'


def test_a_study_trains_each_run_once(tmp_path, directory, capsys):
    path = tmp_path / "study.toml"
    path.write_text(f"[training]\nepochs = 1\n{GRID}")
    arguments = ["study", str(path), "--data", str(directory), "--workers", "1", "--device", "cpu"]
    assert main([*arguments, "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "2 runs, 2 to train: 2 epochs" in out
    assert "GB are free" in out
    assert not (tmp_path / "study").exists()

    assert main(arguments) == 0
    assert "epoch 1/1" in capsys.readouterr().out
    study = open_study(tmp_path / "study")
    assert study.table()["complete"].all()

    before = [(run.path / "epochs.jsonl").read_bytes() for run in study]
    assert main(arguments) == 0
    assert capsys.readouterr().out.startswith("2 runs, 2 complete")
    assert [(run.path / "epochs.jsonl").read_bytes() for run in study] == before

    assert main(["status", str(path)]) == 0
    assert capsys.readouterr().out.startswith("2 runs: 2 done\n")


def test_a_run_is_trained_and_evaluation_gives_the_scores_it_recorded(tmp_path, directory, capsys):
    out = tmp_path / "run"
    arguments = ["train", "--data", str(directory), "--out", str(out), "--epochs", "1", "--smoothing", "no_ls"]
    assert main([*arguments, "--threads", "1", "--device", "cpu", "--precision", "float32"]) == 0
    run = Run(out)
    assert (run.complete, run.smoothing, run.header.training["threads"]) == (True, "no_ls", 1)
    capsys.readouterr()

    assert main(["evaluate", str(out), "--annotations", str(directory), "--format", "json"]) == 0
    scores = json.loads(capsys.readouterr().out)["scores"]
    for level, by_metric in run.commit("best").scores["test"].items():
        assert {metric: scores[level][metric] for metric in by_metric} == pytest.approx(by_metric)


def test_from_simulated_clip_and_clap_features_to_a_diagnosis(tmp_path, directory, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    sizes = ["--train", "16", "--val", "6", "--test", "12"]
    assert main(["synth", "clip", *sizes, "--features", "clip_clap"]) == 0
    assert main(["check-data", "clip"]) == 0
    streams = "audio (CLAP/features, 64 x 768), frames (CLIP/features, 10 x 768), motion (feats/r2plus1d_18, 10 x 512)"
    assert (
        f"features: {streams}, recognised as the files of VALOR\nfeatures: all 102 files read"
        in capsys.readouterr().out
    )
    assert main(["pack", "clip"]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == [
        f"features: {streams}, recognised as the files of VALOR",
        "train: 16 videos packed",
    ]
    train = ["train", "--data", "clip", "--out", "run", "--epochs", "1", "--threads", "1", "--precision", "float32"]
    assert main(train) == 0
    before = (tmp_path / "run" / "epochs.jsonl").read_bytes()
    assert main(train) == 0
    assert (tmp_path / "run" / "epochs.jsonl").read_bytes() == before
    assert main(["probe", "run", "--data", "clip", "--draws", "1"]) == 0
    capsys.readouterr()
    weights = "run/checkpoints/best.safetensors"
    assert main(["evaluate", "--checkpoint", weights, "--data", "clip", "--format", "json"]) == 0
    scores = json.loads(capsys.readouterr().out)["scores"]
    for level, by_metric in Run("run").commit("best").scores["test"].items():
        assert {metric: scores[level][metric] for metric in by_metric} == pytest.approx(by_metric)
    assert mbias.diagnosis("run")["verdict"].notna().all()

    data = ["--data", str(directory)]
    for command, words in (
        (["train", *data, *train[3:]], "run: the stream 'audio' is 128 wide, but this run was trained on 768; choose"),
        (
            ["probe", "run", *data],
            "run: the stream 'audio' is 128 wide, but this run was trained on 768; give the data",
        ),
        (
            ["evaluate", "--checkpoint", weights, *data],
            f"the stream 'audio' is 128 wide, but {weights} was trained on 768; give data of the widths",
        ),
    ):
        assert main(command) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert error.startswith(f"mbias: error: {words}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["study", "nothing.toml"], "no such study definition"),
        (["train", "--data", "nothing", "--out", "run"], "nothing"),
        (["train", "--data", "x", "--out", "run", "--variant", "mine"], "unknown variant 'mine'"),
        (["train", "--data", "x", "--out", "run", "--device", "cuda:77"], "'cuda:77' is not available"),
        (["train", "--data", "x", "--out", "run", "--threads", "0"], "threads is 0: it must be 1 or more"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, message, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_number_of_workers_is_refused(tmp_path, capsys):
    (tmp_path / "study.toml").write_text(GRID)
    assert main(["study", str(tmp_path / "study.toml"), "--data", "data", "--workers", "0"]) == 2
    assert capsys.readouterr().err == "mbias: error: workers is 0: it must be 1 or more\n"


@pytest.mark.parametrize(
    ("outcomes", "code", "message"),
    [
        ([State.TRAINED, State.COMPLETE], 0, ""),
        ([State.STOPPED, State.TRAINED], 130, "mbias: interrupted: 1 of 2 runs are complete; resume with: mbias study"),
        (
            [State.FAILED, State.TRAINED],
            1,
            "mbias: error: 1 of 2 runs are complete; failed: run0; try again with: mbias study",
        ),
        ([State.FAILED], 1, "mbias: error: the reason\n"),
    ],
)
def test_the_end_of_a_study_is_told_with_its_exit_code(monkeypatch, capsys, tmp_path, outcomes, code, message):
    from mbias.studies.plan import PlannedRun
    from mbias.training.config import TrainingConfig

    ended = {
        PlannedRun(TrainingConfig(), tmp_path / f"run{number}"): Outcome(state, "the reason")
        for number, state in enumerate(outcomes)
    }
    monkeypatch.setattr("mbias.studies.execute.train_study", lambda definition, **arguments: ended)
    monkeypatch.setattr("sys.argv", ["mbias", "study", "study.toml"])
    assert main() == code
    assert capsys.readouterr().err.startswith(message)


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("mbias ")
