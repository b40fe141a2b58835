"""`mbias import` shows what is guessed, asks before it writes, and writes what the files hold."""

from __future__ import annotations

import argparse
import json

import numpy as np
import pytest

import mbias
from mbias.cli import analyze, imports
from mbias.cli.common import run
from tests.drawn_runs import draw_run

WAV = np.random.default_rng(1).dirichlet((2, 1), size=(3, 8, 4, 5)).swapaxes(-1, -2).astype(np.float32)
"""(epoch, sample, segment, modality, category)"""


def run_import(*arguments):
    parser = argparse.ArgumentParser("mbias")
    imports.add_commands(parser.add_subparsers())
    return run(parser, ["import", *map(str, arguments)])


@pytest.fixture
def files(tmp_path, monkeypatch):
    np.savez(tmp_path / "a.npz", attention=WAV, other=np.zeros(3), truth_weak=np.eye(8, 5))
    np.save(tmp_path / "wav.npy", WAV[0].transpose(2, 0, 1, 3))
    (tmp_path / "log.csv").write_text("epoch,loss,audio\n1,0.9,0.8\n2,0.7,0.6\n3,0.5,0.4\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_dry_run_shows_the_plan_and_writes_nothing(files, capsys):
    arguments = ["a.npz", "--array", "wav=attention", "--array", "truth_weak=truth_weak"]
    arguments += ["--axes", "wav=epoch,sample,segment,modality,category", "--categories", "a,b,c,d,犬"]
    arguments += ["--losses", "log.csv", "--joint", "loss", "--out", "run"]
    assert run_import(*arguments, "--dry-run") == 0
    assert not (files / "run").exists()
    shown = capsys.readouterr().out
    assert "array wav: sample 8 x segment 4 x modality 2 x category 5 (as named), every epoch" in shown
    assert run_import(*arguments) == 0
    assert capsys.readouterr().out.startswith(shown)
    written = mbias.Run(files / "run")
    assert all(np.array_equal(written.values("wav", epoch), WAV[epoch - 1]) for epoch in (1, 2, 3))
    assert [commit.losses["audio"]["optimised"] for commit in written.commits] == [0.8, 0.6, 0.4]
    assert written.header.categories[-1] == "犬"


def test_guessed_axes_need_a_confirmation(files, capsys, monkeypatch):
    arguments = ["wav.npy", "--modalities", "audio,visual", "--out", "run"]
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert run_import(*arguments) == 2
    printed = capsys.readouterr()
    assert "modality 2 x sample 8 x segment 4 x category 5 (guessed from the sizes), every epoch" in printed.out
    assert "add --yes" in printed.err

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: "n")
    assert run_import(*arguments) == 1
    assert not (files / "run").exists()
    monkeypatch.setattr("builtins.input", lambda _: "y")
    assert run_import(*arguments) == 0
    assert run_import(*arguments[:-1], "again", "--yes") == 0
    assert np.array_equal(mbias.Run(files / "run").values("wav"), WAV[0])
    assert np.array_equal(mbias.Run(files / "again").values("wav"), WAV[0])


def test_names_come_from_files(files):
    (files / "categories.txt").write_text("a\nb\nc\nd\ne\n")
    (files / "samples.txt").write_text("".join(f"clip {i}\n" for i in range(8)))
    (files / "groups.txt").write_text("recording 1\n" * 5 + "recording 2\n" * 3)
    names = ["--categories", "categories.txt", "--samples", "samples.txt", "--groups", "groups.txt"]
    assert run_import("wav.npy", *names, "--axes", "wav=modality,sample,segment,category", "--out", "run") == 0
    written = mbias.Run(files / "run")
    assert written.header.categories == ("a", "b", "c", "d", "e")
    assert list(written.samples["sample"])[:2] == ["clip 0", "clip 1"]
    assert written.groups.tolist() == ["recording 1"] * 5 + ["recording 2"] * 3


@pytest.fixture
def preds(files):
    labels = np.arange(60) % 2
    arrays = {"full": labels * 0.9, "no_image": labels * 0.1, "no_text": labels * 0.8, "again": labels * 0.2}
    np.savez(files / "preds.npz", **arrays, none=labels * 0, rows=np.roll(np.arange(60), 1), truth_weak=labels)
    return ["preds.npz", "--array", "p_joint=full", "--array", "truth_weak=truth_weak", "--task", "binary"]


def test_saved_ablations_have_a_verdict(preds, files, capsys):
    passes = ["--pass", "permuted:image=no_image,rows", "--pass", "permuted:image=again,rows"]
    passes += ["--pass", "permuted:text=no_text", "--pass", "no: input:image+text=none"]
    assert run_import(*preds, *passes, "--setting", "late", "--seed", "2", "--out", "run") == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[:3] == ["task:       binary", "setting:    late", "seed:       2"]
    assert "pass with image replaced by 'permuted': 2 draws, with donors" in shown
    assert "pass with image and text replaced by 'no: input': 1 draw" in shown
    assert any(
        line.startswith("note: no pass with image and text replaced by 'permuted', so changes") for line in shown
    )
    written = mbias.Run(files / "run")
    assert (written.task, written.variant, written.seed) == ("binary", "late", 2)
    assert mbias.diagnosis(written)[["verdict", "stand_in"]].to_numpy().tolist() == [["uses image alone", "permuted"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("permuted=no_image", "write it as STANDIN:MODALITIES=KEY, such as permuted:image=no_image"),
        ("permuted:image", "write it as STANDIN:MODALITIES=KEY"),
        ("permutd:image=no_image", "did you mean 'permuted'?"),
        ("permuted:image=nothing", "no file holds an array of numbers with the name 'nothing'"),
        ("permuted:audio=no_image", "unknown modality 'audio'; take image, text"),
        ("permuted:image+image=no_image", "name each modality once"),
    ],
)
def test_a_wrong_pass_is_said_in_one_line(preds, files, capsys, text, message):
    assert run_import(*preds, "--modalities", "image,text", "--pass", text, "--out", "run") == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1
    assert not (files / "run").exists()


def test_an_answer_log_has_a_verdict(files, capsys):
    entries = [
        {"question": f"q{n}", "condition": condition, "answer": "yes" if (n + wrong) % 2 else "no", "hit": not wrong}
        for condition, blind in (("full", 0), ("no audio", 0), ("no video", 1), ("shuffled", 0))
        for n in range(60)
        for wrong in [blind and n % 3 == 0]
    ]
    (files / "answers.jsonl").write_text("\n".join(map(json.dumps, entries)))
    command = ["answers.jsonl", "--field", "item=question", "--out", "run"]
    assert run_import(*command, "--pass", "permuted:audio=shuffled", "--dry-run") == 0
    assert "condition 'shuffled', with audio replaced by 'permuted'" in capsys.readouterr().out
    assert run_import(*command) == 0
    assert "note: condition 'shuffled' is left out" in capsys.readouterr().out
    assert mbias.diagnosis("run").loc[0, "verdict"] == "uses video alone"
    assert run_import("answers.jsonl", "--out", "other") == 2
    assert "name it with --field item=FIELD" in capsys.readouterr().err


def test_imported_losses_are_analysed(files):
    losses = ["--losses", "log.csv", "--loss", "joint=loss", "--loss", "audio=audio"]
    assert run_import(*losses, "--categories", "a,b", "--out", "run") == 0
    assert analyze.main(["losses", "run"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to import"),
        (["a.npz"], "array 'other' has shape (3,), whose axes cannot be guessed"),
        (["a.npz", "--array", "wav=nothing"], "--array NAME=KEY"),
        (["a.npz", "--array", "wav"], "write it as NAME=VALUE"),
        (["a.npz", "--array", "wav=other", "--array", "wav=attention"], "wav is given twice"),
        (["a.npz", "--array", "wav=attention", "--axes", "wav=sample,modality"], "2 axes are named"),
        (["a.npz", "--array", "wav=attention", "--categories", "a,b"], "with axes guessed as epoch, sample"),
        (["a.npz", "--array", "wav=attention", "--modalities", "a,b,c"], "does not sum to 1 over modality"),
        (["--losses", "log.csv"], "the joint loss 'joint' is not among the losses loss, audio"),
        (["--losses", "log.csv", "--loss", "joint=other"], "the curves are audio, loss"),
        (["--losses", "log.csv", "--joint", "loss", "--steps-per-epoch", "0"], "--steps-per-epoch"),
        (["a.npz", "--array", "../x=attention", "--yes"], "/"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(files, capsys, arguments, message):
    assert run_import(*arguments, "--out", "run", "--yes") == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1
    assert not (files / "run").exists()


def test_an_existing_run_is_refused_before_anything_is_read(files, capsys):
    draw_run(files / "run", videos=2, epochs=1)
    assert run_import("missing.npz", "--out", "run", "--dry-run") == 2
    assert "there is a run already" in capsys.readouterr().err


def test_an_exported_run_is_restored(files, capsys):
    for needed in ("h5py", "h5netcdf"):
        pytest.importorskip(needed)
    original = draw_run(files / "original")
    assert analyze.main(["export", str(original), "--out", "run.nc"]) == 0
    assert analyze.main(["export", str(original), "--out", "run.nc"]) == 2
    assert run_import("run.nc", "--out", "again", "--dry-run") == 0
    assert "the run is restored as it was" in capsys.readouterr().out
    assert not (files / "again").exists()
    assert run_import("run.nc", "--out", "again") == 0
    assert (files / "again" / "epochs.jsonl").read_bytes() == (original / "epochs.jsonl").read_bytes()
