"""The command ``mbias demo``: from nothing to a report, by the commands that a user would give."""

from __future__ import annotations

import argparse
import importlib.util
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mbias.cli.common import add_command, missing_extra, need_torch
from mbias.errors import MbiasError
from mbias.files import write_text
from mbias.installed import project_file

if TYPE_CHECKING:
    from mbias.cli.common import Commands

STEPS = (
    "mbias synth data/demo --train 1000 --val 200 --test 400 --packed",
    "mbias study models/demo.toml",
    "mbias probe models/demo --draws 1",
    "mbias-analyze report models/demo --out reports/demo",
)
"""The commands, as run in the folder of the demo."""

_MODULES = {"mbias": "mbias.cli.main", "mbias-analyze": "mbias.cli.analyze"}


def add_commands(commands: Commands) -> None:
    """Register the command."""
    command = add_command(
        commands,
        "demo",
        "simulate LLP, train the paper's ten runs on it, probe them and write a report, in five minutes on two cores",
        "mbias demo demo",
    )
    command.add_argument(
        "folder", type=Path, metavar="DIR", help="where to write data/demo, models/demo and reports/demo"
    )
    command.set_defaults(handler=_demo)


def _demo(options: argparse.Namespace) -> None:
    need_torch()
    # Asked before the minutes of training, not after.
    if importlib.util.find_spec("papermill") is None:
        raise missing_extra("papermill", "notebooks")
    definition = options.folder / "models" / "demo.toml"
    if not definition.exists():
        definition.parent.mkdir(parents=True, exist_ok=True)
        source = project_file("models", "mbias.definitions", "demo.toml")
        write_text(definition, source.read_text(encoding="utf-8"))
    for number, step in enumerate(STEPS, 1):
        print(f"[{number}/{len(STEPS)}] {step}", flush=True)
        program, *arguments = shlex.split(step)
        command = [sys.executable, "-m", _MODULES[program], *arguments]
        if code := subprocess.run(command, cwd=options.folder, check=False).returncode:
            raise MbiasError(f"`{step}` failed with exit code {code}; mbias demo {options.folder} goes on from there")
    print(f"open {options.folder / 'reports' / 'demo' / 'index.html'} in a browser")
