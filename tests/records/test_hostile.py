"""Records made to do harm are refused in one line: by the reader, the validator and the command."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil

import numpy as np
import pytest

from mbias import Run
from mbias.cli import analyze
from mbias.errors import BadInputError
from mbias.records.validate import faults
from tests import hostile
from tests.drawn_runs import draw_run


@pytest.fixture
def run(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    return draw_run(tmp_path / "runs" / "run", videos=4, epochs=2)


def rewrite(file, **changes):
    content = json.loads(file.read_text().splitlines()[-1] if file.suffix == ".jsonl" else file.read_text())
    text = json.dumps({**content, **changes})
    file.write_text(file.read_text().rpartition('{"epoch"')[0] + text + "\n" if file.suffix == ".jsonl" else text)


def make(run, what):
    log, header, shard = run / "epochs.jsonl", run / "run.json", run / "epochs" / "0002.safetensors"
    outside = run.parent.parent / "elsewhere"
    last = json.loads(log.read_text().splitlines()[-1])
    match what:
        case "a shard that is a link":
            shutil.move(shard, outside / "x")
            shard.symlink_to(outside / "x")
        case "epochs that are a link":
            shutil.move(run / "epochs", outside / "epochs")
            (run / "epochs").symlink_to(outside / "epochs")
        case "truth that is a link":
            shutil.move(run / "truth.safetensors", outside / "x")
            (run / "truth.safetensors").symlink_to(outside / "x")
        case "samples that are a link":
            (run / "samples.csv").unlink()
            (run / "samples.csv").symlink_to("/etc/hostname")
        case "a log that is a link":
            shutil.move(log, outside / "x")
            log.symlink_to(outside / "x")
        case "an absolute path in the log":
            rewrite(log, shard="/etc/passwd")
        case "a path in the epoch":
            rewrite(log, epoch="../../elsewhere/x")
        case "a pipe for samples":
            (run / "samples.csv").unlink()
            os.mkfifo(run / "samples.csv")
        case "a pipe for the header":
            header.unlink()
            os.mkfifo(header)
        case "terabytes in a header":
            content = hostile.safetensors_header([2**40], (0, 2**42))
            shard.write_bytes(content)
            rewrite(log, bytes=len(content), arrays=["wav"])
        case "a pickle for a shard":
            content = hostile.pickled(outside / "executed")
            shard.write_bytes(content)
            rewrite(log, bytes=len(content))
        case "a log of terabytes":
            with log.open("r+b") as file:
                file.truncate(2**40)
        case "a header of terabytes":
            with header.open("r+b") as file:
                file.truncate(2**40)
        case "a path as an array's name":
            rewrite(header, arrays={**json.loads(header.read_text())["arrays"], "../../elsewhere/x": ["video"]})
        case "a path as a modality":
            rewrite(header, modalities=["../x", "visual"])
        case "a terminal's command as a category":
            rewrite(header, categories=["\x1b[2J", *json.loads(header.read_text())["categories"][1:]])
        case "half a character as a category":
            rewrite(header, categories=["\ud800", *json.loads(header.read_text())["categories"][1:]])
        case "an array of another shape":
            from safetensors.numpy import load, save

            content = save({**load(shard.read_bytes()), "wav_summary": np.zeros((1, 2), np.float32)})
            shard.write_bytes(content)
            rewrite(log, bytes=len(content))
        case "losses that are no numbers":
            rewrite(log, losses={"audio": {"optimised": True}})
        case "a probe that is a link":
            shutil.move(run / "probe", outside / "probe")
            (run / "probe").symlink_to(outside / "probe")
        case "a probe of infinite epoch":
            rewrite(run / "probe" / "probe.json", epoch=float("inf"))
        case "answers of other samples":
            from safetensors.numpy import load, save

            outputs = run / "probe" / "outputs.safetensors"
            arrays = load(outputs.read_bytes())
            outputs.write_bytes(save({name: array[:-1] for name, array in arrays.items()}))
            content = outputs.read_bytes()
            rewrite(run / "probe" / "probe.json", bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
        case "a seed that is a list":
            rewrite(header, training={"variant": ["x"], "smoothing": {}, "seed": [], "epochs": "many"})
    return last


@pytest.mark.parametrize(
    "what",
    [
        "a shard that is a link",
        "epochs that are a link",
        "truth that is a link",
        "samples that are a link",
        "a log that is a link",
        "an absolute path in the log",
        "a path in the epoch",
        "a pipe for samples",
        "a pipe for the header",
        "terabytes in a header",
        "a pickle for a shard",
        "a log of terabytes",
        "a header of terabytes",
        "a path as an array's name",
        "a path as a modality",
        "a terminal's command as a category",
        "half a character as a category",
        "an array of another shape",
        "losses that are no numbers",
        "a seed that is a list",
    ],
)
def test_refused_by_all_readers_and_nothing_done(run, tmp_path, capsys, what):
    make(run, what)
    with pytest.raises(BadInputError) as error:
        read = Run(run)
        _ = read.samples, read.truth
        for name in read.commit().arrays:
            read.values(name)
    assert str(run) in str(error.value)
    assert faults(run)
    assert analyze.main(["attention", str(run), "--table", "categories"]) in (0, 2)
    printed = capsys.readouterr()
    # Whatever a question does not read it does not refuse.
    assert printed.err.count("\n") <= 1
    assert "Traceback" not in printed.err
    assert not (tmp_path / "elsewhere" / "executed").exists()


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("a probe that is a link", "a symbolic link"),
        ("a probe of infinite epoch", "not a readable probe"),
        ("answers of other samples", r"has the shape \(3, .*; for this run it must be 4 x"),
    ],
)
def test_a_damaged_probe_is_refused(run, capsys, what, message):
    make(run, what)
    (fault,) = faults(run)
    assert re.search(message, fault)
    assert analyze.main(["reliance", str(run)]) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert re.search(message, printed)


@pytest.mark.parametrize("name", ["", "\x1b[2J", "\ud800", "a\nb"])
def test_a_name_that_no_reader_takes_is_not_written(tmp_path, name):
    with pytest.raises(BadInputError, match="is not a name"):
        draw_run(tmp_path / "run", names=("Speech", name))
    assert not (tmp_path / "run").exists()


def test_names_are_names_and_no_markup_or_path(tmp_path, capsys):
    names = ("<img src=x onerror=alert(1)>", "../../etc/passwd", "$\\frac", "‏עברית‏", "a,b\"c'd")
    path = draw_run(tmp_path / "run", names=names)
    assert faults(path) == []
    before = sorted(tmp_path.rglob("*"))
    for form in ("table", "csv", "json", "latex"):
        arguments = ["attention", str(path), "--table", "categories", "--format", form]
        assert analyze.main(arguments) == 0
        assert "onerror" in capsys.readouterr().out
    assert analyze.main(["attention", str(path), "--figure", str(tmp_path / "f.pdf")]) == 0
    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / "f.pdf"])
