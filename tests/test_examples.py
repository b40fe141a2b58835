"""The examples run as a user runs them, and their records are valid and can be analysed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mbias.cli import analyze
from mbias.records.validate import faults

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def run(name, path):
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run([sys.executable, str(EXAMPLES / name), str(path)], check=True, env=environment)


def shares(path, capsys):
    capsys.readouterr()
    assert analyze.main(["attention", str(path), "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    return {row["modality"]: row["attention"] for row in rows if row["scope"] == "all"}


def test_record_han(tmp_path, capsys):
    pytest.importorskip("torch")
    run("record_han.py", tmp_path / "run")
    assert faults(tmp_path / "run") == []
    assert sum(shares(tmp_path / "run", capsys).values()) == pytest.approx(1)
    for table in ("coincidence", "residuals"):
        assert analyze.main(["losses", str(tmp_path / "run"), "--table", table]) == 0


def test_record_three_modalities(tmp_path, capsys):
    """Only the text depends on the category, and the gate learns to prefer it."""
    pytest.importorskip("torch")
    run("record_three_modalities.py", tmp_path / "run")
    assert faults(tmp_path / "run") == []
    attention = shares(tmp_path / "run", capsys)
    assert max(attention, key=attention.get) == "text"
    assert analyze.main(["losses", str(tmp_path / "run"), "--figure", str(tmp_path / "f.png")]) == 0


def test_probe_scikit_learn(tmp_path, capfd):
    """The right halves are noise, and the verdict says that the model uses the left ones."""
    pytest.importorskip("sklearn")
    run("probe_scikit_learn.py", tmp_path / "run")
    assert faults(tmp_path / "run") == []
    assert capfd.readouterr().out.strip() in ("biased toward left", "uses left alone")


def test_import_answers(tmp_path, capfd):
    """The answers are those of a model that sees more than it hears."""
    run("import_answers.py", tmp_path / "run")
    assert faults(tmp_path / "run") == []
    assert capfd.readouterr().out.strip() == "biased toward video"


def test_import_npz(tmp_path, capsys):
    """The command and the Python code write the same run."""
    run("import_npz.py", tmp_path / "runs")
    command, hand = tmp_path / "runs" / "by-command", tmp_path / "runs" / "by-hand"
    assert faults(command) == faults(hand) == []
    assert (command / "epochs.jsonl").read_bytes() == (hand / "epochs.jsonl").read_bytes()
    # The weights are drawn with four fifths on audio.
    assert shares(command, capsys)["audio"] == pytest.approx(0.8, abs=0.02)
