from __future__ import annotations

import json
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbias import Run, RunWriter
from mbias.errors import BadInputError
from mbias.records.validate import faults
from tests.records.written import drawn_attention, written_run


@settings(max_examples=40, deadline=None)
@given(cut=st.integers(0, 10_000), data=st.data())
def test_a_kill_while_committing_leaves_whole_epochs(tmp_path_factory, cut, data):
    """Wherever the log was cut, a reopened run holds whole epochs and takes more."""
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
        ("a line that does not parse", "line 1 is not an epoch"),
        ("epochs out of order", "line 1 has epoch 2"),
    ],
)
def test_damage_is_named(run_path, what, message):
    damaged(run_path, what)
    with pytest.raises(BadInputError, match=message):
        Run(run_path)
    assert len(faults(run_path)) == 1
