"""What the commands of mbias-analyze that print a table share."""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mbias.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd

    from mbias.records.study import Study
    from mbias.tables.layout import Layout

FORMATS = ("table", "json", "csv", "latex")


def add_format(command: argparse.ArgumentParser) -> None:
    """Add the option ``--format``."""
    command.add_argument("--format", choices=FORMATS, default="table", help="how the table is printed (default: table)")


def add_figure(command: argparse.ArgumentParser) -> None:
    """Add the option ``--figure``."""
    command.add_argument("--figure", type=Path, metavar="FILE", help="draw the figure too: .pdf, .png or .svg")


def add_epoch(command: argparse.ArgumentParser, default: str) -> None:
    """Add the option ``--epoch``; it is only set where the user gives it."""
    command.add_argument(
        "--epoch",
        type=_epoch,
        default=argparse.SUPPRESS,
        help=f"a number, 'last', or 'best', the epoch whose model was kept (default: {default})",
    )


class _Explain(argparse.Action):
    """Prints the definitions of a question's tables and ends, as ``--help`` does."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from mbias.reports.definitions import explanation

        print(explanation(str(self.const), min(shutil.get_terminal_size().columns, 100)), end="")
        parser.exit()


def add_explain(command: argparse.ArgumentParser, name: str) -> None:
    """Add the option ``--explain`` of the question ``name``."""
    command.add_argument(
        "--explain",
        action=_Explain,
        nargs=0,
        const=name,
        default=argparse.SUPPRESS,
        help="print the definitions, formulas and references behind the tables, and exit",
    )


def printed(layout: Layout, table: pd.DataFrame, form: str) -> str:
    """A table as text in one of `FORMATS`; laid out for people, it is as wide as the terminal allows."""
    from mbias.tables import render
    from mbias.tables.layout import lay_out, notes

    if form == "csv":
        return render.as_csv(table)
    if form == "json":
        return render.as_json(table) + "\n"
    wide, constant = lay_out(table, layout)
    if form == "latex":
        return render.as_latex(wide, constant, notes(table))
    return render.as_text(wide, constant, notes(table), shutil.get_terminal_size().columns) + "\n"


def print_table(layout: Layout, table: pd.DataFrame, form: str) -> None:
    """Print a table in one of `FORMATS`."""
    print(printed(layout, table, form), end="")


def print_wrapped(sentences: Iterable[str]) -> None:
    """Print sentences, each from a new line, in lines no longer than the terminal's."""
    width = max(shutil.get_terminal_size().columns, 20)
    print("\n".join(textwrap.fill(sentence, width, subsequent_indent="  ") for sentence in sentences))


def print_notes(table: pd.DataFrame, studies: Sequence[Study], form: str) -> None:
    """Print on standard error which runs are left out or still in training, remarks on a table, and what it lacks.

    The formats ``table`` and ``latex`` show the remarks and what was left out of the table themselves.
    """
    from mbias.tables.layout import left_out, remarks

    lines = remarks(table) + left_out(table) if form in ("csv", "json") else []
    lines += [f"left out {name}: {reason}" for study in studies for name, reason in study.left_out.items()]
    unfinished = [f"{run.name} ({len(run.commits)} epochs)" for study in studies for run in study if not run.complete]
    if unfinished:
        lines.append(f"training is not finished: {', '.join(unfinished)}")
    for line in lines:
        print(f"mbias-analyze: note: {line}", file=sys.stderr)


def check_figure(path: Path | None) -> None:
    """Raise unless a figure can be written to ``path``, or none is wanted.

    Raises
    ------
    BadInputError
        If the ending is unknown or the folder does not exist.
    """
    if path is None:
        return
    if path.suffix not in (".pdf", ".png", ".svg"):
        raise BadInputError(f"{path}: a figure is written as .pdf, .png or .svg; end its name in one of them")
    if not path.parent.is_dir():
        raise BadInputError(f"{path}: there is no folder {path.parent}; make it first")


def _epoch(text: str) -> int | str:
    if text in ("best", "last"):
        return text
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an epoch: take a number, 'last' or 'best'") from None
