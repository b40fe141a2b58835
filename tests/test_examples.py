"""The examples run as a user runs them, and their records are valid and can be analysed."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import mbias
from mbias.cli import analyze
from mbias.records.validate import faults

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
BEGIN, END = "    # --- from the trained model to a verdict\n", "    # ---\n"
"""What marks the lines of an example that a user adds to a trained model."""


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


@pytest.mark.parametrize(
    ("name", "planted", "needs"),
    [
        ("late_fusion", ("left", "right"), "torch"),
        ("regression", ("body", "blood"), "sklearn"),
        ("three_modalities", ("text", "audio", "video"), "torch"),
        ("transformer", ("image", "text"), "torch"),
        pytest.param("vilt", ("text", "image"), "transformers", marks=pytest.mark.slow),
    ],
)
def test_a_diagnosis_names_what_was_planted(tmp_path, capsys, monkeypatch, name, planted, needs):
    """The first of the planted modalities is the one that matters."""
    pytest.importorskip(needs)
    path = EXAMPLES / f"diagnose_{name}.py"
    monkeypatch.setattr(sys, "argv", [str(path), str(tmp_path / "run")])
    runpy.run_path(str(path), run_name="__main__")
    row = mbias.diagnosis(tmp_path / "run").iloc[0]

    assert faults(tmp_path / "run") == []
    assert row["verdict"] in (f"biased toward {planted[0]}", f"uses {planted[0]} alone")
    assert capsys.readouterr().out.startswith(f"model: {row['verdict']}")
    header = mbias.Run(tmp_path / "run").header
    assert set(header.modalities) == set(planted)
    assert header.simulated == ("are simulated" in " ".join(path.read_text(encoding="utf-8").split()))


def test_mitigations_make_a_network_use_the_harder_half(capsys):
    """The left half is made easy; without a mitigation, the network ignores the right one."""
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    runpy.run_path(str(EXAMPLES / "mitigate_late_fusion.py"), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    rows = {line[:18].strip(): line[18:].split(maxsplit=2) for line in lines[1:]}

    assert lines[0].split() == ["method", "accuracy", "right", "verdict"]
    assert list(rows) == ["none", "sum of losses", "modality dropout", "OGM-GE", "MMPareto"]
    assert "left" in rows["none"][2]
    assert all(float(rows[name][1]) > float(rows["none"][1]) + 0.1 for name in list(rows)[1:])
    assert all(0.5 < float(accuracy) <= 1 for accuracy, _, _ in rows.values())


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("diagnose_*.py")), ids=lambda path: path.stem)
def test_ten_lines_lead_from_a_trained_model_to_a_verdict(path):
    _, after = path.read_text(encoding="utf-8").split(BEGIN)
    added = [line for line in after.split(END)[0].splitlines() if line.strip()]

    assert 3 <= len(added) <= 10
