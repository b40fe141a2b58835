"""A run on disk: what is written is read back, and what is damaged is refused by name."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbias import Header, Run, RunWriter, open_study
from mbias.errors import BadInputError
from mbias.records.summary import attention_summary, presence
from mbias.records.validate import faults

SAMPLES, SEGMENTS, CATEGORIES = 6, 4, ("Dog", "Cat", "犬 & <b>")
DIMENSIONS = ("video", "segment", "modality", "category")


def header(**changes):
    fields = {
        "modalities": ("audio", "visual"),
        "categories": CATEGORIES,
        "losses": ("audio", "visual", "wsl"),
        "joint_loss": "wsl",
        "split": "test",
        "arrays": {"wav": DIMENSIONS, "p_joint": ("video", "category")},
        "sample": "video",
    }
    return Header(**{**fields, **changes})


def drawn_attention(seed=0):
    wav = np.random.default_rng(seed).random((SAMPLES, SEGMENTS, 2, len(CATEGORIES)), dtype=np.float32)
    return wav / wav.sum(axis=2, keepdims=True)


def written_run(path, epochs=3):
    rng = np.random.default_rng(7)
    truth = {m: rng.random((SAMPLES, SEGMENTS, len(CATEGORIES))) < 0.3 for m in ("audio", "visual")}
    writer = RunWriter.create(path, header(), pd.DataFrame({"video": [f"v{i}" for i in range(SAMPLES)]}), truth)
    for epoch in range(epochs):
        writer.commit({"audio": {"optimised": 1.0 / (epoch + 1)}}, {"wav": drawn_attention(epoch)}, best=epoch == 1)
    return path


@pytest.fixture
def run_path(tmp_path):
    return written_run(tmp_path / "run")


def test_what_is_written_is_read_back(run_path):
    run = Run(run_path)
    assert run.header == header()
    assert [c.epoch for c in run.commits] == [1, 2, 3]
    assert run.commit("best").epoch == 2
    assert run.commits[2].losses == {"audio": {"optimised": 1 / 3}}
    for epoch in (1, 2, 3):
        assert np.array_equal(run.values("wav", epoch), drawn_attention(epoch - 1))
    assert faults(run_path) == []


def test_arrays_are_labelled(run_path):
    wav = Run(run_path).array("wav")
    assert wav.dims == DIMENSIONS
    assert wav.sel(video="v2", modality="visual", category="Cat").shape == (SEGMENTS,)
    summary = Run(run_path).array("wav_summary")
    assert float(summary.sel(scope="all", statistic="mean", modality="audio", category="Dog")) == pytest.approx(
        float(wav.sel(modality="audio", category="Dog").mean()), abs=1e-6
    )


def test_summary_by_hand():
    wav = np.array([0.95, 0.2, 0.5, 0.92]).reshape(2, 2, 1, 1)
    wav = np.concatenate([wav, 1 - wav], axis=2)
    present = np.array([[True, False], [False, True]])[..., None]
    summary = attention_summary(wav, present)
    names = ("mean", "q05", "q25", "q50", "q75", "q95", "saturated")
    everywhere = dict(zip(names, summary[0, :, 0, 0], strict=True))
    assert everywhere["mean"] == pytest.approx(0.6425)
    assert everywhere["q50"] == pytest.approx((0.5 + 0.92) / 2)
    assert everywhere["saturated"] == 0.5
    where_present = dict(zip(names, summary[1, :, 0, 0], strict=True))
    assert where_present["mean"] == pytest.approx(0.935)
    assert where_present["saturated"] == 1
    assert np.isnan(attention_summary(wav, ~present & present)[1]).all()


def test_weak_labels_make_every_segment_present():
    weak = np.array([[True, False]])
    assert presence({"weak": weak}, ("audio", "visual")).tolist() == [[[True, False]]]
    assert presence({}, ("audio", "visual")) is None


@settings(max_examples=40, deadline=None)
@given(cut=st.integers(0, 10_000), data=st.data())
def test_a_kill_while_committing_leaves_whole_epochs(tmp_path_factory, cut, data):
    """Wherever the log was cut, reopened it holds whole epochs and goes on."""
    path = written_run(tmp_path_factory.mktemp("cut") / "run")
    log = path / "epochs.jsonl"
    content = log.read_bytes()
    log.write_bytes(content[: cut % len(content)])
    whole = log.read_bytes().count(b"\n")
    assert [c.epoch for c in Run(path).commits] == list(range(1, whole + 1))
    writer = RunWriter.reopen(path)
    writer.commit({"wsl": {"optimised": 0.5}}, {"wav": drawn_attention(data.draw(st.integers(0, 5)))})
    assert len(Run(path).commits) == whole + 1
    assert faults(path) == []


def damaged(path, what):
    shard = path / "epochs" / "0002.safetensors"
    run_json = json.loads((path / "run.json").read_text())
    match what:
        case "no run.json":
            (path / "run.json").unlink()
        case "a newer version":
            (path / "run.json").write_text(json.dumps({**run_json, "version": 2}))
        case "no format":
            (path / "run.json").write_text("{}")
        case "a field missing":
            del run_json["categories"]
            (path / "run.json").write_text(json.dumps(run_json))
        case "a shard cut short":
            shard.write_bytes(shard.read_bytes()[:-10])
        case "a shard missing":
            shard.unlink()
        case "a shard that is a link":
            shutil.move(shard, path / "elsewhere")
            shard.symlink_to(path / "elsewhere")
        case "a line that does not parse":
            (path / "epochs.jsonl").write_text("{]\n")
        case "epochs out of order":
            lines = (path / "epochs.jsonl").read_text().splitlines()
            (path / "epochs.jsonl").write_text("\n".join([lines[1], lines[0], ""]))


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("no run.json", "run.json: there is no such run"),
        ("a newer version", "version 2.*upgrade mbias"),
        ("no format", "'format' is not 'mbias-run'"),
        ("a field missing", "'categories' is missing"),
        ("a shard cut short", "0002.safetensors: .* bytes, where line 2"),
        ("a shard missing", "0002.safetensors: missing, where line 2"),
        ("a shard that is a link", "0002.safetensors: a symbolic link"),
        ("a line that does not parse", "line 1 is no epoch"),
        ("epochs out of order", "line 1 is of epoch 2"),
    ],
)
def test_damage_is_named(run_path, what, message):
    damaged(run_path, what)
    with pytest.raises(BadInputError, match=message):
        Run(run_path)
    assert len(faults(run_path)) == 1


def test_bytes_changed_in_place_are_found(run_path):
    shard = run_path / "epochs" / "0002.safetensors"
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    assert "sha256" in faults(run_path)[0]


@pytest.mark.parametrize(
    ("losses", "arrays", "message"),
    [
        ({"other": {"optimised": 1.0}}, {}, "loss 'other'"),
        ({}, {"other": np.zeros(3)}, "array 'other'"),
        ({}, {"wav": np.zeros((SAMPLES, SEGMENTS, 3, 3))}, r"'wav' has shape \(6, 4, 3, 3\)"),
        ({}, {"wav": np.zeros((SAMPLES, SEGMENTS))}, "'wav' has shape"),
        ({}, {"p_joint": np.full((SAMPLES, 3), np.nan)}, "'p_joint' holds NaN"),
    ],
)
def test_what_the_header_does_not_name_is_refused(run_path, losses, arrays, message):
    before = (run_path / "epochs.jsonl").read_bytes()
    with pytest.raises(BadInputError, match=message):
        RunWriter.reopen(run_path).commit(losses, arrays)
    assert (run_path / "epochs.jsonl").read_bytes() == before


def test_a_run_is_not_written_over(run_path):
    with pytest.raises(BadInputError, match="there is a run already"):
        written_run(run_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modalities": ("audio",)}, "two or more"),
        ({"categories": ("Dog", "Dog")}, "stands twice"),
        ({"joint_loss": "all"}, "joint_loss"),
        ({"categories": ()}, "categories"),
    ],
)
def test_a_header_that_makes_no_sense_is_refused(changes, message):
    with pytest.raises(BadInputError, match=message):
        header(**changes)


def test_a_study_is_the_runs_below_a_folder(tmp_path):
    for name in ("b", "a"):
        written_run(tmp_path / "study" / name, epochs=1)
    (tmp_path / "study" / "notes").mkdir()
    assert [run.name for run in open_study(tmp_path / "study")] == ["a", "b"]
    assert len(open_study([tmp_path / "study", tmp_path / "study" / "a"])) == 2
    assert open_study(tmp_path / "study").table()["epochs"].tolist() == [1, 1]
    with pytest.raises(BadInputError, match=r"no run\.json"):
        open_study(tmp_path / "study" / "notes")


def test_an_epoch_not_there_is_named(run_path):
    with pytest.raises(BadInputError, match="no epoch 9; take 1 to 3"):
        Run(run_path).values("wav", 9)
    with pytest.raises(BadInputError, match="holds no array 'p_joint'"):
        Run(run_path).values("p_joint")
