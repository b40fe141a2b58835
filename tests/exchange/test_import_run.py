"""A run is imported from files of arrays and losses."""

from __future__ import annotations

import numpy as np
import pytest

import mbias
from mbias.errors import BadInputError
from mbias.exchange.import_run import plan_import
from mbias.records.validate import faults
from tests.drawn_runs import draw_run
from tests.fuzzing import event

WAV = np.random.default_rng(1).dirichlet((2, 1), size=(3, 8, 4, 5)).swapaxes(-1, -2).astype(np.float32)
"""(epoch, sample, segment, modality, category)"""


@pytest.fixture
def files(tmp_path):
    np.savez(tmp_path / "a.npz", attention=WAV, other=np.zeros(3), truth_weak=np.eye(8, 5))
    (tmp_path / "log.csv").write_text("epoch,loss,audio\n1,0.9,0.8\n2,0.7,0.6\n3,0.5,0.4\n")
    return tmp_path


def test_arrays_losses_and_truth_become_a_run(files):
    run = mbias.import_run(
        files / "a.npz",
        files / "run",
        arrays={"wav": "attention", "truth_weak": "truth_weak"},
        axes={"wav": ("epoch", "sample", "segment", "modality", "category")},
        losses=files / "log.csv",
        joint="loss",
        categories=("a", "b", "c", "d", "犬"),
        split="val",
    )
    assert [commit.losses["audio"]["optimised"] for commit in run.commits] == [0.8, 0.6, 0.4]
    assert all(np.array_equal(run.values("wav", epoch), WAV[epoch - 1]) for epoch in (1, 2, 3))
    assert np.array_equal(run.truth["weak"], np.eye(8, 5) == 1)
    assert (run.header.categories[-1], run.header.split) == ("犬", "val")
    assert faults(run.path) == []


def test_one_file_per_epoch_and_axes_in_one_string(files):
    # An array in an .npy file has the name of the file, so each epoch needs a folder of its own.
    for epoch, wav in enumerate(WAV):
        (files / str(epoch)).mkdir()
        np.save(files / str(epoch) / "wav.npy", wav.transpose(2, 0, 1, 3))
    paths = [str(files / str(epoch) / "wav.npy") for epoch in range(3)]
    run = mbias.import_run(paths, str(files / "run"), axes={"wav": "modality sample segment category"})
    assert len(run.commits) == 3
    assert np.array_equal(run.values("wav", 2), WAV[1])


def test_guessed_axes_must_be_accepted(files):
    np.save(files / "wav.npy", WAV[0])
    with pytest.raises(BadInputError, match="axes were guessed: wav as sample, segment, modality, category"):
        mbias.import_run(files / "wav.npy", files / "run")
    assert not (files / "run").exists()
    run = mbias.import_run(files / "wav.npy", files / "run", accept_guessed_axes=True)
    assert np.array_equal(run.values("wav"), WAV[0])


def test_names_are_read_from_files(files):
    (files / "categories.txt").write_text("a\nb\nc\nd\n犬\n", encoding="utf-8")
    (files / "samples.txt").write_text("".join(f"clip {i}\n" for i in range(8)))
    np.save(files / "wav.npy", WAV[0])
    plan = plan_import(
        files / "wav.npy",
        categories=files / "categories.txt",
        samples=str(files / "samples.txt"),
        modalities=["x", "y"],
    )
    assert plan.header.categories == ("a", "b", "c", "d", "犬")
    assert plan.samples == tuple(f"clip {i}" for i in range(8))
    assert plan.header.modalities == ("x", "y")


def test_groups_are_given_or_read_from_a_file(files):
    groups = ["001", "1", "b", "b"] * 2
    (files / "groups.txt").write_text("".join(f"{group}\n" for group in groups))
    np.save(files / "wav.npy", WAV[0])
    for out, given in (("file", files / "groups.txt"), ("list", groups), ("array", np.array(groups))):
        run = mbias.import_run(files / "wav.npy", files / out, groups=given, accept_guessed_axes=True)
        assert run.groups.tolist() == groups
    assert faults(run.path) == []


def test_losses_alone_from_tensorboard(files):
    log = files / "events.out.tfevents.7"
    log.write_bytes(b"".join(event(step, {"loss": 1 / step, "a": 0.5}) for step in range(1, 7)))
    run = mbias.import_run(
        (),
        files / "run",
        losses=[log],
        loss_names={"joint": "loss", "audio": "a"},
        steps_per_epoch=2,
        categories=("a", "b"),
    )
    joint = [commit.losses["joint"]["optimised"] for commit in run.commits]
    assert joint == pytest.approx([0.75, (1 / 3 + 1 / 4) / 2, (1 / 5 + 1 / 6) / 2])
    assert len(mbias.losses(run)) > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"files": (), "losses": ()}, "nothing to import"),
        ({"files": "missing.npz"}, "there is no such file"),
        ({"files": "a.npz", "arrays": {"wav": "nothing"}}, "holds attention, other, truth_weak; choose among them"),
        (
            {"files": "a.npz", "arrays": {"wav": "attention", "p": "nothing"}},
            "array 'p': no file holds an array of numbers with the name 'nothing'",
        ),
        ({"files": (), "losses": "log.csv"}, "the joint loss 'joint' is not among the losses loss, audio"),
        (
            {"files": (), "losses": "log.csv", "loss_names": {"joint": "other"}},
            "there is no curve 'other'; the curves are audio, loss",
        ),
        ({"files": (), "losses": "log.csv", "joint": "loss", "steps_per_epoch": 0}, "must be 1 or more"),
        ({"files": "a.npz", "categories": "missing.txt"}, "missing.txt: not a readable list of names"),
        ({"files": "a.npz", "samples": "."}, "not a regular file of names"),
        ({"files": None}, "files: None is not a path or a list of paths; give"),
        ({"files": {"wav": "a.npz"}}, "files: .* is not a path or a list of paths; give"),
        ({"files": b"a.npz"}, "files: .* is not a path or a list of paths; give"),
        ({"files": ["a.npz", 3]}, "3 is not a path in files; give the path of a file"),
        ({"files": ""}, "'' is not a path in files; give the path of a file"),
        ({"files": "a.npz", "losses": None}, "losses: None is not a path or a list of paths; give"),
        ({"files": "a.npz", "losses": {"joint": [0.5]}}, "losses: .* is not a path or a list of paths; give"),
        ({"files": "a.npz", "losses": [None]}, "None is not a path in losses; give"),
        ({"files": "a.npz", "arrays": []}, r"arrays: \[\] is not a dict; give"),
        ({"files": "a.npz", "axes": []}, r"axes: \[\] is not a dict; give"),
        ({"files": "a.npz", "loss_names": ()}, r"loss_names: \(\) is not a dict; give"),
        ({"files": "a.npz", "arrays": {"wav": ["attention"]}}, r"arrays\['wav'\]: .* is not a name in the files; give"),
        ({"files": "a.npz", "arrays": {3: "attention"}}, "arrays: 3 is not a name; give strings"),
        ({"files": "a.npz", "axes": {"wav": 4}}, r"axes\['wav'\]: 4 is not a sequence of names; give"),
        ({"files": "a.npz", "axes": {"wav": ("sample", 2)}}, r"axes\['wav'\]: 2 is not a name; give"),
        (
            {"files": (), "losses": "log.csv", "steps_per_epoch": "2"},
            "steps_per_epoch .* is '2'; it must be 1 or more, a",
        ),
        ({"files": (), "losses": "log.csv", "joint": ["loss"]}, "joint: .* is not the name of a loss; give"),
        ({"files": "a.npz", "categories": 5}, "categories: 5 is not a sequence of names; give"),
        ({"files": "a.npz", "modalities": {"a": 1}}, "modalities: .* is not a sequence of names; give"),
        ({"files": "a.npz", "samples": [1, 2]}, "samples: 1 is not a name; give strings"),
        ({"files": (), "losses": "log.csv", "joint": "loss", "groups": ["x"]}, "groups: 1 group for 0 samples; give"),
        ({"files": "a.npz", "groups": [1, 2]}, "groups: 1 is not a name; give strings"),
        ({"files": "a.npz", "groups": "missing.txt"}, "missing.txt: not a readable list of names"),
        ({"files": "a.npz", "samples": "a\0b"}, "is not a file of names for samples .*; give"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(files, monkeypatch, options, message):
    monkeypatch.chdir(files)
    with pytest.raises(BadInputError, match=message) as error:
        mbias.import_run(out="run", accept_guessed_axes=True, **options)
    assert "\n" not in str(error.value)
    assert not (files / "run").exists()


def test_an_existing_run_is_kept(files):
    draw_run(files / "run", videos=2, epochs=1)
    content = (files / "run" / "run.json").read_bytes()
    np.save(files / "wav.npy", WAV[0])
    with pytest.raises(BadInputError, match="there is a run already"):
        mbias.import_run(files / "wav.npy", files / "run", accept_guessed_axes=True)
    assert (files / "run" / "run.json").read_bytes() == content


@pytest.mark.parametrize(
    ("task", "p_joint", "truth", "labels"),
    [
        ("single_label", np.eye(3)[[0, 2, 1, 1]], {"truth_weak": [0, 2, 1, 0]}, np.eye(3)[[0, 2, 1, 0]]),
        ("binary", np.array([0.2, 0.7, 1.0, 0.0]), {"truth_weak": [0, 1, 1, 0]}, [[0], [1], [1], [0]]),
        (
            "binary",
            np.array([[0.8, 0.2], [0.3, 0.7], [0, 1], [1, 0]]),
            {"truth_weak": [0, 1, 1, 0]},
            [[0], [1], [1], [0]],
        ),
        ("regression", np.array([3.0, -1, 0, 2]), {"truth_target": [2.0, -1, 0.5, 2]}, [[2], [-1], [0.5], [2]]),
        ("regression", np.array([[3.0, 1]] * 4), {"truth_target": [[2.0, 1]] * 4}, [[2, 1]] * 4),
        ("multilabel", np.array([0.2, 0.7, 1.0, 0.0]), {"truth_weak": [1, 1, 0, 0]}, [[1], [1], [0], [0]]),
    ],
)
def test_labels_and_outputs_have_the_form_of_the_task(tmp_path, task, p_joint, truth, labels):
    np.savez(tmp_path / "a.npz", p_joint=p_joint, **truth)
    run = mbias.import_run(
        tmp_path / "a.npz", tmp_path / "run", task=task, setting="late fusion", seed=3, accept_guessed_axes=True
    )
    assert (run.task, run.variant, run.seed) == (task, "late fusion", 3)
    np.testing.assert_array_equal(run.labels, np.asarray(labels))
    expected = p_joint[:, 1:] if task == "binary" and p_joint.ndim == 2 else p_joint.reshape(4, -1)
    np.testing.assert_allclose(run.values("p_joint"), expected, rtol=1e-6)
    assert faults(run.path) == []


def test_seeds_of_a_setting_are_one_verdict(tmp_path):
    labels = np.arange(100) % 2
    np.savez(tmp_path / "a.npz", full=labels * 0.9, no_image=labels * 0.1, no_text=labels * 0.8)
    passes = {mbias.Pass("no input", (name,)): f"no_{name}" for name in ("image", "text")}
    for seed in (0, 1):
        mbias.import_run(
            tmp_path / "a.npz",
            tmp_path / "runs" / str(seed),
            arrays={"p_joint": "full"},
            task="binary",
            setting="late",
            seed=seed,
            passes=passes,
        )
    table = mbias.diagnosis(tmp_path / "runs")
    assert table[["variant", "seeds", "verdict"]].to_numpy().tolist() == [["late", 2, "uses image alone"]]


def test_a_run_that_is_refused_while_it_is_written_leaves_nothing_behind(files):
    np.save(files / "wav.npy", WAV[0] * np.nan)
    with pytest.raises(BadInputError, match="holds NaN or infinity"):
        mbias.import_run(files / "wav.npy", files / "runs" / "a", axes={"wav": "sample segment modality category"})
    assert list((files / "runs").iterdir()) == []


def test_a_folder_that_is_not_empty_is_kept(files):
    np.save(files / "wav.npy", WAV[0])
    with pytest.raises(BadInputError, match="is not empty; give a new folder"):
        mbias.import_run(files / "wav.npy", files, accept_guessed_axes=True)
    (files / "empty").mkdir()
    assert len(mbias.import_run(files / "wav.npy", files / "empty", accept_guessed_axes=True).commits) == 1
