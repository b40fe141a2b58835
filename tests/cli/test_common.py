"""How both programs run a command, and end with an error."""

from __future__ import annotations

import argparse

import pytest

import mbias
from mbias.cli.common import add_command, add_version, run
from mbias.errors import BadInputError, MbiasError, NotApplicableError


def ended(error, *options):
    """The exit code of a command that raises ``error``."""

    def handler(_):
        raise error

    parser = argparse.ArgumentParser("program")
    add_command(parser.add_subparsers(), "do", "do it", "program do").set_defaults(handler=handler)
    return run(parser, ["do", *options])


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (MbiasError("it failed"), 1, "error: it failed"),
        (BadInputError("a file\nis damaged"), 2, "error: a file is damaged"),
        (NotApplicableError("it lacks labels"), 2, "error: it lacks labels"),
        (ZeroDivisionError("division by zero"), 1, "error: ZeroDivisionError: division by zero"),
        (ValueError("one\ntwo"), 1, "error: ValueError: one two"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(error, code, message, capsys):
    assert ended(error) == code
    printed = capsys.readouterr()
    assert printed.err == f"program: {message}\n"
    assert printed.out == ""


def test_debug_shows_the_traceback(capsys):
    assert ended(BadInputError("a file is damaged"), "--debug") == 2
    assert "Traceback" in capsys.readouterr().err


def test_a_command_returns_its_exit_code():
    parser = argparse.ArgumentParser("program")
    add_command(parser.add_subparsers(), "do", "do it", "program do").set_defaults(handler=lambda _: 2)

    assert run(parser, ["do"]) == 2


def test_the_summary_of_a_command_becomes_its_description():
    commands = argparse.ArgumentParser("program").add_subparsers()

    assert add_command(commands, "do", "do it", "program do").description == "Do it."
    assert add_command(commands, "ask", "does it?", "program ask").description == "Does it?"


def test_version(capsys):
    parser = argparse.ArgumentParser("program")
    add_version(parser)
    with pytest.raises(SystemExit):
        run(parser, ["--version"])

    assert capsys.readouterr().out == f"program {mbias.__version__}\n"
