"""The command `mbias-analyze completion`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mbias.cli.common import add_command

if TYPE_CHECKING:
    from mbias.cli.common import Commands

SHELLS = ("bash", "zsh", "tcsh")


def add_commands(commands: Commands, parser: Callable[[], argparse.ArgumentParser]) -> None:
    """Add the command.

    Parameters
    ----------
    commands
        Where to add it.
    parser
        Makes the parser that the script completes.
    """
    command = add_command(
        commands,
        "completion",
        "print a shell script that completes the commands and options of mbias-analyze",
        "mbias-analyze completion bash > ~/.local/share/bash-completion/completions/mbias-analyze",
    )
    command.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))
    command.set_defaults(handler=lambda options: print(script(parser(), options.shell)))


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The completion script of a parser.

    Options of type `Path` complete to files and folders.

    Parameters
    ----------
    parser
        The parser.
    shell
        One of `SHELLS`.

    Returns
    -------
    str
        The script.
    """
    import shtab

    for action in _actions(parser):
        if action.type is Path:
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # where shtab looks for it
    completed: str = shtab.complete(parser, shell)
    return completed


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """The actions of a parser and of its subcommands."""
    actions = list(parser._actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            actions += [inner for command in action.choices.values() for inner in _actions(command)]
    return actions
