"""What the words of mbias-analyze that print a table share."""

from __future__ import annotations

import argparse
import shutil
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
    """Give a command the option ``--format``."""
    command.add_argument("--format", choices=FORMATS, default="table", help="how the table is printed (default: table)")


def add_figure(command: argparse.ArgumentParser) -> None:
    """Give a command the option ``--figure``."""
    command.add_argument("--figure", type=Path, metavar="FILE", help="draw the figure too: .pdf, .png or .svg")


def add_epoch(command: argparse.ArgumentParser, default: str) -> None:
    """Give a command the option ``--epoch``."""
    command.add_argument(
        "--epoch",
        type=_epoch,
        default=default,
        help=f"a number, 'last', or 'best', that of the model kept (default: {default})",
    )


class _Explain(argparse.Action):
    """Prints what a word's tables are, and ends, as ``--help`` does."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from mbias.reports.definitions import explanation

        print(explanation(str(self.const), min(shutil.get_terminal_size().columns, 100)), end="")
        parser.exit()


def add_explain(command: argparse.ArgumentParser, word: str) -> None:
    """Give a command the option ``--explain``."""
    command.add_argument(
        "--explain",
        action=_Explain,
        nargs=0,
        const=word,
        default=argparse.SUPPRESS,
        help="print the definitions, formulas and references behind the tables, and exit",
    )


def printed(layout: Layout, table: pd.DataFrame, form: str) -> str:
    """A table as text in one of `FORMATS`; for people it is laid out and as wide as the terminal allows."""
    from mbias.tables import render as tables
    from mbias.tables.layout import lay_out, notes

    if form == "csv":
        return tables.as_csv(table)
    if form == "json":
        return tables.as_json(table) + "\n"
    wide, constant = lay_out(table, layout)
    if form == "latex":
        return tables.as_latex(wide, constant, notes(table))
    return tables.as_text(wide, constant, notes(table), shutil.get_terminal_size().columns) + "\n"


def wrapped(sentences: Iterable[str]) -> str:
    """Sentences, a line each, in lines no longer than the terminal's."""
    width = max(shutil.get_terminal_size().columns, 20)
    return "\n".join(textwrap.fill(sentence, width, subsequent_indent="  ") for sentence in sentences)


def warnings(studies: Sequence[Study]) -> list[str]:
    """What a reader must know of runs that are not whole: those left out, those still trained."""
    lines = [f"left out {name}: {reason}" for study in studies for name, reason in study.left_out.items()]
    incomplete = [f"{run.name} ({len(run.commits)} epochs)" for study in studies for run in study if not run.complete]
    return lines + ([f"not trained to the end yet: {', '.join(incomplete)}"] if incomplete else [])


def check_figure(path: Path | None) -> None:
    """Raise unless a figure can be written to ``path``, or none is wanted."""
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
        raise argparse.ArgumentTypeError(f"{text!r} is no epoch: take a number, 'last' or 'best'") from None
