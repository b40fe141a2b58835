"""Kills at any moment of a run. `benchmarks/faults.py` kills whole studies, a hundred times."""

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_killed_tasks_lose_nothing_and_repeat_nothing(request):
    script = request.config.rootpath / "benchmarks" / "faults.py"
    command = [sys.executable, str(script), "--tasks", "--kills", "4", "--seed", "5"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "4 kills in " in ended.stdout
    assert "each equal to the undisturbed study bit for bit" in ended.stdout


@pytest.mark.slow
def test_trials_pass_and_print_one_line_each(request):
    command = [sys.executable, "-m", "benchmarks.trials", "interrupted", "dry-run"]
    ended = subprocess.run(
        command, cwd=request.config.rootpath, capture_output=True, text=True, timeout=600, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert [line.split()[:2] for line in ended.stdout.splitlines()] == [
        ["passed", "interrupted"],
        ["passed", "dry-run"],
    ]
