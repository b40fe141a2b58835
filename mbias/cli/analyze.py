"""The program mbias-analyze: the tables and figures of the questions, checks of records, and reports."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mbias.analysis.questions import QUESTIONS, question
from mbias.cli import completion, video
from mbias.cli.common import add_command, add_version, run
from mbias.cli.printing import (
    add_epoch,
    add_explain,
    add_figure,
    add_format,
    check_figure,
    print_notes,
    print_table,
    print_wrapped,
)
from mbias.cli.report import add_report
from mbias.errors import BadInputError

if TYPE_CHECKING:
    from mbias.analysis.questions import Question
    from mbias.cli.common import Commands

_EPILOG = """\
example: mbias-analyze attention models/demo --figure attention.pdf
COMMAND --help shows an example of each command; QUESTION --explain prints its definitions and references.

exit codes: 0 done, 1 a failure, 2 bad input, 130 interrupted; an error is one line, --debug shows its traceback
"""

_EXAMPLES = {
    "compare": "mbias-analyze compare models/demo/across_vcross-ls_v-seed0 models/demo/across_vself-ls_v-seed0"
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``mbias-analyze`` with these arguments, and return its exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    chosen = next((argument for argument in given if not argument.startswith("-")), "")
    return run(_parser(chosen), given)


def _parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser; with ``only``, other questions have no options, which would need their modules to be loaded."""
    parser = argparse.ArgumentParser(
        prog="mbias-analyze",
        description="Ask recorded runs whether a model ignores one of its modalities.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_version(parser)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, asks in QUESTIONS.items():
        if name == "video":
            video.add_commands(commands)
            continue
        command = add_command(commands, name, asks, _EXAMPLES.get(name, f"mbias-analyze {name} models/demo"))
        if only in (None, name):
            _add_options(command, question(name))
    validate = add_command(
        commands,
        "validate",
        "check records completely: every file, array and digest",
        "mbias-analyze validate models/demo",
    )
    validate.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a run, or a folder of runs")
    add_format(validate)
    validate.set_defaults(handler=_validate)
    add_report(commands)
    _add_export(commands)
    completion.add_commands(commands, _parser)
    return parser


def _add_options(command: argparse.ArgumentParser, asked: Question) -> None:
    if asked.inputs == ("study",):
        command.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a run, or a folder of runs")
    else:
        for name in asked.inputs:
            command.add_argument(name, type=Path, metavar=name.upper(), help="a run, or a folder of runs")
    add_format(command)
    first = asked.table_names[0]
    command.add_argument("--table", choices=asked.table_names, help=f"the table to print (default: {first})")
    add_figure(command)
    options = asked.options()
    if "epoch" in options:
        add_epoch(command, options["epoch"])
    if "published" in options:
        table = asked.table(options=["published"]).name
        command.add_argument(
            "--published",
            action="store_true",
            default=argparse.SUPPRESS,
            help="set the paper's figures beside the measured ones" + f" (table {table})" * (table != first),
        )
    where = command.add_mutually_exclusive_group()
    where.add_argument("--workers", type=int, metavar="N", help="processes that read the runs (default: 1)")
    where.add_argument("--scheduler", metavar="ADDRESS", help="let the workers of this Dask scheduler read the runs")
    add_explain(command, asked.name)
    command.set_defaults(handler=_answer, question=asked)


def _answer(options: argparse.Namespace) -> None:
    from mbias.analysis.per_run.mapping import workers
    from mbias.records.study import open_study

    asked: Question = options.question
    given = {name: getattr(options, name) for name in ("epoch", "published") if hasattr(options, name)}
    check_figure(options.figure)
    inputs = [options.paths] if asked.inputs == ("study",) else [getattr(options, name) for name in asked.inputs]
    studies = [open_study(paths) for paths in inputs]
    chosen = asked.table(options.table, given)
    alone = options.workers is None and options.scheduler is None
    with workers(1 if alone else options.workers, scheduler=options.scheduler):
        table = asked(*studies, table=chosen.name, **given)
        if options.figure:
            from mbias.plots import plot_of
            from mbias.plots.drawing.style import save

            plot, drawn = plot_of(asked.name), asked.table(asked.drawn).options(len(asked.inputs))
            of_figure = {name: value for name, value in given.items() if name in drawn}
            save(plot(table) if chosen.name == asked.drawn else plot(*studies, **of_figure), options.figure)
    print_table(chosen.layout, table, options.format)
    if chosen.finding and len(asked.inputs) > 1 and options.format == "table":
        print_wrapped(chosen.finding(table))
    print_notes(table, studies, options.format)


def _validate(options: argparse.Namespace) -> int:
    from mbias.records.validate import validate
    from mbias.tables.layout import Layout

    table = validate(options.paths)
    if options.format == "table":
        print("\n".join(row.fault or f"{row.path}: sound" for row in table.itertuples()))
    else:
        print_table(Layout(("path",), (), {"fault": lambda row: row.fault}), table, options.format)
    return BadInputError.exit_code if (table["fault"] != "").any() else 0


def _add_export(commands: Commands) -> None:
    export = add_command(
        commands,
        "export",
        "write a run as one file for other tools; `mbias import` reads it back",
        "mbias-analyze export models/demo/across_vcross-ls_v-seed0 --out run.nc",
    )
    export.add_argument("run", type=Path, metavar="RUN", help="a run")
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new .nc (netCDF) or .zarr (Zarr)")
    export.set_defaults(handler=_export)


def _export(options: argparse.Namespace) -> None:
    from mbias.exchange.export import export_run

    print(export_run(options.run, options.out))


if __name__ == "__main__":
    sys.exit(main())
