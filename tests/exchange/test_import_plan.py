"""`mbias import`, as a user runs it: what is guessed is shown, what is written is what the files held."""

from __future__ import annotations

import argparse

import numpy as np
import pytest

import mbias
from mbias.cli import analyze, imports
from mbias.cli.common import run
from mbias.records.validate import faults
from tests.drawn_runs import draw_run
from tests.fuzzing import event

WAV = np.random.default_rng(1).dirichlet((2, 1), size=(3, 8, 4, 5)).swapaxes(-1, -2).astype(np.float32)
"""(epoch, sample, segment, modality, category)"""


def import_(*arguments):
    parser = argparse.ArgumentParser("mbias")
    imports.add_commands(parser.add_subparsers())
    return run(parser, ["import", *map(str, arguments)])


@pytest.fixture
def files(tmp_path):
    np.savez(tmp_path / "a.npz", attention=WAV, other=np.zeros(3), truth_weak=np.eye(8, 5))
    for epoch, wav in enumerate(WAV):
        np.save(tmp_path / f"epoch{epoch}.npy", wav.transpose(2, 0, 1, 3))
    (tmp_path / "log.csv").write_text("epoch,loss,audio\n1,0.9,0.8\n2,0.7,0.6\n3,0.5,0.4\n")
    return tmp_path


def test_arrays_losses_and_truth(files, capsys):
    arguments = [files / "a.npz", "--array", "wav=attention", "--array", "truth_weak=truth_weak"]
    arguments += ["--axes", "wav=epoch,sample,segment,modality,category", "--categories", "a,b,c,d,犬"]
    arguments += ["--losses", files / "log.csv", "--joint", "loss", "--out", files / "run"]
    assert import_(*arguments, "--dry-run") == 0
    assert not (files / "run").exists()
    assert import_(*arguments) == 0
    assert (
        "array wav: sample 8 x segment 4 x modality 2 x category 5 (as named), every epoch" in capsys.readouterr().out
    )
    run_ = mbias.Run(files / "run")
    assert [c.losses["audio"]["optimised"] for c in run_.commits] == [0.8, 0.6, 0.4]
    for epoch in (1, 2, 3):
        assert np.array_equal(run_.values("wav", epoch), WAV[epoch - 1])
    assert np.array_equal(run_.truth["weak"], np.eye(8, 5) == 1)
    assert run_.header.categories[-1] == "犬"
    assert faults(run_.path) == []


def test_a_file_an_epoch_with_guessed_axes_is_confirmed(files, capsys, monkeypatch):
    # An array's name is its file's, so that those of one array lie in folders of their own.
    for epoch in range(3):
        (files / str(epoch)).mkdir()
        (files / f"epoch{epoch}.npy").rename(files / str(epoch) / "wav.npy")
    arguments = [
        *(files / str(e) / "wav.npy" for e in range(3)),
        "--modalities",
        "audio,visual",
        "--out",
        files / "run",
    ]
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert import_(*arguments) == 2
    printed = capsys.readouterr()
    assert "modality 2 x sample 8 x segment 4 x category 5 (guessed from the sizes), every epoch" in printed.out
    assert "add --yes" in printed.err
    assert import_(*arguments, "--yes") == 0
    assert np.array_equal(mbias.Run(files / "run").values("wav", 2), WAV[1])


def test_attention_that_sums_to_one_elsewhere_is_noted(files, capsys):
    np.save(files / "wav.npy", np.full((6, 2, 2), 0.9))
    assert import_(files / "wav.npy", "--axes", "wav=sample,modality,category", "--out", files / "r", "--dry-run") == 0
    assert "wav does not sum to 1 over modality" in capsys.readouterr().out


def test_losses_alone_from_tensorboard(files):
    log = files / "events.out.tfevents.7"
    log.write_bytes(b"".join(event(step, {"loss": 1 / step, "a": 0.5}) for step in range(1, 7)))
    arguments = ["--losses", log, "--loss", "joint=loss", "--loss", "audio=a", "--steps-per-epoch", "2"]
    assert import_(*arguments, "--categories", "a,b", "--out", files / "run") == 0
    found = [commit.losses["joint"]["optimised"] for commit in mbias.Run(files / "run").commits]
    assert found == pytest.approx([0.75, (1 / 3 + 1 / 4) / 2, (1 / 5 + 1 / 6) / 2])
    assert analyze.main(["losses", str(files / "run")]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to import"),
        (["a.npz"], "array 'other' has shape (3,), whose axes are not guessed"),
        (["a.npz", "--array", "wav=nothing"], "choose from them by --array"),
        (["a.npz", "--array", "wav"], "write it as NAME=VALUE"),
        (["a.npz", "--array", "wav=attention", "--axes", "wav=sample,modality"], "2 axes are named"),
        (["a.npz", "--array", "wav=attention", "--categories", "a,b"], "with axes guessed as epoch, sample"),
        (["a.npz", "--array", "wav=attention", "--modalities", "a,b,c"], "does not sum to 1 over modality"),
        (["--losses", "log.csv"], "the joint loss 'joint' is not among the losses loss, audio"),
        (["--losses", "log.csv", "--loss", "joint=other"], "the curves are audio, loss"),
        (["a.npz", "--array", "../x=attention", "--yes"], "take a name without"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(files, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(files)
    assert import_(*arguments, "--out", "run", "--yes") == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1
    assert not (files / "run").exists()


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
@pytest.mark.parametrize("modalities", [("audio", "visual"), ("audio", "visual", "text")])
def test_exported_and_imported_a_run_is_the_same(tmp_path, capsys, suffix, modalities):
    for needed in ("h5py", "h5netcdf", "zarr"):
        pytest.importorskip(needed)
    kept = draw_run(tmp_path / "run", external=len(modalities) == 3, modalities=modalities)
    assert analyze.main(["export", str(kept), "--out", str(tmp_path / f"run{suffix}")]) == 0
    assert import_(tmp_path / f"run{suffix}", "--out", tmp_path / "again") == 0
    epochs = [f"epochs/{epoch:04d}.safetensors" for epoch in (1, 2, 3)]
    for name in ("run.json", "samples.csv", "epochs.jsonl", "truth.safetensors", *epochs):
        assert (kept / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_exported_arrays_are_labelled(tmp_path):
    xarray = pytest.importorskip("xarray")
    for needed in ("h5py", "h5netcdf"):
        pytest.importorskip(needed)
    run_ = mbias.Run(draw_run(tmp_path / "run"))
    assert analyze.main(["export", str(run_.path), "--out", str(tmp_path / "run.nc")]) == 0
    with xarray.open_dataset(tmp_path / "run.nc", engine="h5netcdf") as dataset:
        cell = {"modality": "visual", "category": "Dog", "video": "v0003"}
        assert np.array_equal(dataset["wav"].sel(epoch=2, **cell), run_.array("wav", 2).sel(**cell))
        assert dataset["p"].sel(epoch_p=3).shape == run_.values("p", 3).shape
        assert float(dataset["loss_wsl_optimised"].sel(epoch=1)) == run_.commits[0].losses["wsl"]["optimised"]
    assert analyze.main(["export", str(run_.path), "--out", str(tmp_path / "run.nc")]) == 2
