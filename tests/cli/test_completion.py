"""Completion in a shell."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from mbias.cli.analyze import main
from mbias.cli.completion import SHELLS
from tests.cli.test_analyze import COMMANDS


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_knows_every_command(shell, capsys):
    assert main(["completion", shell]) == 0
    out = capsys.readouterr().out

    for name in COMMANDS:
        assert name in out


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash is installed")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["lo"], "losses"),
        (["losses", "--fo"], "--format"),
        (["losses", "--format", "l"], "latex"),
        (["attention", "--table", "mo"], "movement"),
    ],
)
def test_bash_completes(words, expected, capsys):
    assert main(["completion", "bash"]) == 0
    line = " ".join(f"'{word}'" for word in ["mbias-analyze", *words])
    before = (["mbias-analyze", *words])[-2]
    asked = f"""
COMP_WORDS=({line}); COMP_CWORD={len(words)}
_shtab_mbias_analyze mbias-analyze '{words[-1]}' '{before}'
echo "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash"], input=capsys.readouterr().out + asked, capture_output=True, text=True, check=True)

    assert expected in done.stdout.split()
