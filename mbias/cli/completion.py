"""The command `mbias-analyze completion`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from mbias.cli.common import add_command

SHELLS = ("bash", "zsh", "tcsh")


def add_commands(commands: argparse._SubParsersAction, parser: Callable[[], argparse.ArgumentParser]) -> None:
    """Register the command; ``parser`` makes the parser to complete."""
    command = add_command(
        commands,
        "completion",
        "print a script with which a shell completes this command; put it where the shell looks for such",
        "mbias-analyze completion bash > ~/.local/share/bash-completion/completions/mbias-analyze",
    )
    command.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))
    command.set_defaults(handler=lambda options: print(script(parser(), options.shell)))


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The completion script of a parser, whose options of type `Path` complete to files and folders."""
    import shtab

    for action in _actions(parser):
        if action.type is Path:
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # where shtab looks for it
    completed: str = shtab.complete(parser, shell)
    return completed


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """The actions of a parser and of its commands."""
    found = list(parser._actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found += [below for command in action.choices.values() for below in _actions(command)]
    return found
