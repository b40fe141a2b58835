"""The commands of the pages: all of them parse, and those that no other test runs are run on small files."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.drawn_runs import draw_run
from tests.test_docs import run as run_script

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DATA = "mbias synth data/demo --train 32 --val 8 --test 16 --packed && mbias synth data/LLP --train 8 --val 8 --test 16"
STUDY = """
[data]
path = "../data/demo"
[training]
epochs = 1
[[grid]]
variants = ["across_vcross"]
smoothing = ["ls_v"]
seeds = [0, 1]
mitigation = ["none", "joint_only"]
"""


def commands(page: Path) -> list[str]:
    """The commands in the blocks of a page, without comments and what is done with their output."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = re.findall(r"^(?:    )?(mbias(?:-analyze)? .*)$", text, re.M)
    found = [re.split(r" {2,}#| \|\| | > ", line)[0].strip() for line in lines]
    return [line for line in found if not re.match(r"mbias [a-z]+ (a|with|from|what) |mbias needs", line)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_parses(page):
    from mbias.cli.analyze import _parser as analyze
    from mbias.cli.main import _parser as train

    parsers = {"mbias": train(), "mbias-analyze": analyze()}
    for command in commands(page):
        program, *arguments = shlex.split(command)
        if "--explain" not in arguments:
            assert parsers[program].parse_args(arguments).handler, command


def run(lines: list[str], folder: Path) -> str:
    """What commands print, one after the other."""
    return run_script("\n".join(["set -euo pipefail", *lines]), folder)


@pytest.mark.slow
def test_the_imports_of_the_page_on_any_model(tmp_path):
    rng = np.random.default_rng(0)
    outputs = {name: rng.dirichlet(np.ones(3), 60) for name in ("full", "no_image", "no_text")}
    np.savez(tmp_path / "preds.npz", labels=rng.integers(3, size=60), **outputs)
    answers = [
        {"question_id": f"q{item}", "condition": condition, "prediction": "A", "correct": bool(rng.random() < right)}
        for condition, right in (("full", 0.9), ("no audio", 0.4), ("no video", 0.8), ("blind", 0.3))
        for item in range(60)
    ]
    (tmp_path / "answers.jsonl").write_text("\n".join(map(json.dumps, answers)), encoding="utf-8")
    wav = rng.dirichlet(np.ones(2), (2, 12, 10, 4)).transpose(0, 1, 2, 4, 3)
    np.savez(tmp_path / "attention.npz", attention=wav)
    (tmp_path / "log.csv").write_text("epoch,loss\n1,0.7\n2,0.6\n", encoding="utf-8")
    imports = [line for line in commands(ROOT / "docs" / "any-model.md") if " import " in line or "diagnosis" in line]
    *of_outputs, of_attention = imports
    printed = run(of_outputs, tmp_path)

    assert len(imports) == 5
    assert "no input" in printed
    assert (tmp_path / "runs" / "model" / "probe").is_dir()
    # Another section of the page names its run the same.
    shutil.rmtree(tmp_path / "runs" / "mine")
    assert "guessed from the sizes" in run([of_attention], tmp_path)


@pytest.mark.slow
def test_the_scores_of_the_page_on_any_model(tmp_path):
    pytest.importorskip("torch")
    run([DATA], tmp_path)
    shape = (16, 10, 2, 25)
    np.savez(tmp_path / "predictions.npz", p=np.full(shape, 0.6), p_joint=np.full((16, 25), 0.6))
    (evaluate,) = [line for line in commands(ROOT / "docs" / "any-model.md") if "evaluate" in line]

    assert "Type@AV" in run([evaluate], tmp_path)


@pytest.mark.slow
def test_the_commands_of_the_page_on_studies(tmp_path):
    pytest.importorskip("torch")
    (tmp_path / "models").mkdir()
    for name in ("demo", "mitigation"):
        (tmp_path / "models" / f"{name}.toml").write_text(STUDY, encoding="utf-8")
    local = [line for line in commands(ROOT / "docs" / "studies.md") if "s3://" not in line]
    printed = run([DATA, *local], tmp_path)

    assert len(local) == 6
    assert "joint_only" in printed
    assert "done" in printed


def test_the_command_on_remote_storage_reads_an_address(tmp_path):
    (remote,) = [line for line in commands(ROOT / "docs" / "studies.md") if "s3://" in line]
    draw_run(tmp_path / "bucket" / "models" / "demo" / "one")
    shown = run([remote.replace("s3://", f"file://{tmp_path}/")], tmp_path)

    assert "W_a" in shown
