"""`mbias demo`: its steps, where they run, and how it ends when one fails."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from mbias.cli import demo
from mbias.cli.main import main

pytest.importorskip("torch", reason="PyTorch is not installed")

SMALL = "mbias synth data/demo --train 48 --val 12 --test 24 --packed"
ONE_RUN = """
[data]
path = "../data/demo"
[training]
epochs = 1
[[grid]]
variants = ["across_vcross"]
smoothing = ["ls_v"]
seeds = [0]
"""


def test_the_steps_run_in_the_folder_one_after_the_other(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(demo, "STEPS", (SMALL, "mbias-analyze --version"))

    assert main(["demo", str(tmp_path / "new")]) == 0
    printed = capfd.readouterr().out
    assert printed.index(f"[1/2] {SMALL}") < printed.index("[2/2] mbias-analyze --version")
    assert (tmp_path / "new" / "data" / "demo" / "packed").is_dir()
    definition = Path(__file__).parents[2] / "models" / "demo.toml"
    assert (tmp_path / "new" / "models" / "demo.toml").read_bytes() == definition.read_bytes()


def test_a_step_that_fails_ends_the_demo(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(demo, "STEPS", ("mbias study models/none.toml", "mbias --version"))

    assert main(["demo", str(tmp_path)]) == 1
    printed = capfd.readouterr()
    assert "`mbias study models/none.toml` failed with exit code 2" in printed.err
    assert "[2/2]" not in printed.out


def test_what_is_not_installed_is_said_before_anything_is_written(tmp_path, monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "papermill" else find(name))

    assert main(["demo", str(tmp_path / "new")]) == 2
    assert "pip install 'mbias[notebooks]'" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_the_demo_ends_with_a_report(tmp_path, monkeypatch, capfd):
    pytest.importorskip("papermill", reason="papermill is not installed")
    monkeypatch.setattr(demo, "STEPS", (SMALL, *demo.STEPS[1:]))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "demo.toml").write_text(ONE_RUN, encoding="utf-8")

    assert main(["demo", str(tmp_path)]) == 0
    assert "Simulated data" in (tmp_path / "reports" / "demo" / "index.html").read_text(encoding="utf-8")
    assert capfd.readouterr().out.endswith("index.html in a browser\n")
