"""What both programs share: one way to run a command, and to end with an error."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mbias.errors import BadInputError, MbiasError

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def run(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> int:
    """Parse the arguments, call the command's ``handler``, and return the exit code.

    0 is success, 1 a failure, 2 bad input, 130 an interruption. An error is one line on standard error; ``--debug``
    shows its traceback.
    """
    options = parser.parse_args(arguments)
    try:
        return int(options.handler(options) or 0)
    except BrokenPipeError:
        # The reader of our output has closed it (as `| head` does); point stdout away so that Python exits quietly.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt as interruption:
        print(f"{parser.prog}: interrupted{': ' * bool(str(interruption))}{interruption}", file=sys.stderr)
        return 130
    except Exception as error:
        if options.debug:
            traceback.print_exc()
        print(f"{parser.prog}: error: {_one_line(error)}", file=sys.stderr)
        return error.exit_code if isinstance(error, MbiasError) else 1


def add_version(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--version``."""
    from mbias import __version__

    parser.add_argument("--version", action="version", version=f"{parser.prog} {__version__}")


def add_command(commands: Commands, name: str, summary: str, example: str) -> argparse.ArgumentParser:
    """Add a command with its summary, one example and ``--debug``, and return its parser."""
    command = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ("" if summary.endswith("?") else "."),
        epilog=f"example: {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return command


def missing_extra(package: str, extra: str) -> BadInputError:
    """The error for a part of mbias whose optional packages are not installed."""
    return BadInputError(f"this needs {package}, which is not installed: pip install 'mbias[{extra}]'")


def need_torch() -> None:
    """Raise unless PyTorch is installed, and set how its threads wait.

    Raises
    ------
    BadInputError
        If PyTorch is not installed.
    """
    if importlib.util.find_spec("torch") is None:
        raise missing_extra("PyTorch", "train")
    # Read when torch is loaded. Threads that wait actively for each other make a step ten times slower where another
    # process wants the same cores; threads that wait passively, a quarter slower on an idle machine.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, MbiasError) and text else f"{type(error).__name__}: {text}"
