"""The command mbias-analyze: one question's table or figure, the check of a record, the report of a study."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mbias.analysis.questions import QUESTIONS, Question
from mbias.cli.common import add_command, run
from mbias.errors import BadInputError

if TYPE_CHECKING:
    from mbias.analysis.layout import Layout
    from mbias.records.study import Study

FORMATS = ("table", "json", "csv", "latex")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; give its exit code."""
    return run(_parser(), arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mbias-analyze", description="Ask recorded runs whether a model ignores one of its modalities."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for question in QUESTIONS.values():
        _add_question(commands, question)
    _add_compare(commands)
    validate = add_command(
        commands, "validate", "check records whole: every file, array and digest", "mbias-analyze validate models/demo"
    )
    validate.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a run, or a folder of runs")
    validate.set_defaults(handler=_validate)
    report = add_command(
        commands,
        "report",
        "write one HTML page that answers all questions",
        "mbias-analyze report models/demo --out reports/demo",
    )
    report.add_argument("study", type=Path, metavar="STUDY", help="a folder of runs")
    report.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the report; it is replaced")
    report.add_argument("--published", action="store_true", help="set the paper's figures beside the measured ones")
    report.set_defaults(handler=_report)
    export = add_command(
        commands,
        "export",
        "write a run as one file for other tools; `mbias import` takes it back",
        "mbias-analyze export models/demo/across_vcross-ls_v-seed0 --out run.nc",
    )
    export.add_argument("run", type=Path, metavar="RUN", help="a run")
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new .nc (netCDF) or .zarr (Zarr)")
    export.set_defaults(handler=_export)
    return parser


def _add_question(commands: argparse._SubParsersAction, question: Question) -> None:
    command = add_command(
        commands, question.word, f"{question.asks} ({question.paper})", f"mbias-analyze {question.word} models/demo"
    )
    command.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a run, or a folder of runs")
    command.add_argument("--format", choices=FORMATS, default="table", help="how the table is printed (default: table)")
    command.add_argument(
        "--table",
        choices=question.tables,
        default=question.tables[0],
        help=f"which one (default: {question.tables[0]})",
    )
    command.add_argument("--figure", type=Path, metavar="FILE", help="draw the figure too: .pdf, .png or .svg")
    if question.epoch:
        command.add_argument(
            "--epoch",
            type=_epoch,
            default=question.epoch,
            help=f"a number, 'last', or 'best', that of the model kept (default: {question.epoch})",
        )
    if question.published:
        command.add_argument(
            "--published", action="store_true", help="set the paper's figures beside the measured ones"
        )
    command.set_defaults(handler=_answer, question=question)


def _add_compare(commands: argparse._SubParsersAction) -> None:
    compare = add_command(
        commands,
        "compare",
        "set two runs or studies side by side: differences with intervals, tests and effect sizes",
        "mbias-analyze compare models/demo/across_vcross-ls_v-seed0 models/demo/across_vself-ls_v-seed0",
    )
    compare.add_argument("a", type=Path, metavar="A", help="a run, or a folder of runs")
    compare.add_argument("b", type=Path, metavar="B", help="another one; differences are B - A")
    compare.add_argument("--format", choices=FORMATS, default="table", help="how the table is printed (default: table)")
    compare.set_defaults(handler=_compare)


def _compare(options: argparse.Namespace) -> None:
    from mbias.analysis.compare import LAYOUT, comparison, finding
    from mbias.records.study import open_study

    studies = open_study(options.a), open_study(options.b)
    table = comparison(*studies)
    print(_printed(LAYOUT, table, options.format), end="")
    if options.format == "table":
        print("\n".join(finding(table)))
    for line in (line for study in studies for line in _warnings(study)):
        print(f"mbias-analyze: note: {line}", file=sys.stderr)


def _epoch(text: str) -> int | str:
    if text in ("best", "last"):
        return text
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no epoch: take a number, 'last' or 'best'") from None


def _answer(options: argparse.Namespace) -> None:
    from mbias.records.study import open_study

    study = open_study(options.paths)
    question: Question = options.question
    settings = {name: getattr(options, name) for name in ("epoch", "published") if hasattr(options, name)}
    if options.figure:
        _check_figure(options.figure)
    table = question.table(study, options.table, **settings)
    if options.figure:
        from mbias.plots.style import save

        drawn = table if options.table == question.drawn else question.table(study, question.drawn, **settings)
        save(question.figure(drawn), options.figure)
    print(_printed(question.layout(options.table), table, options.format), end="")
    for line in _warnings(study):
        print(f"mbias-analyze: note: {line}", file=sys.stderr)


def _printed(layout: Layout, table, form: str) -> str:  # type: ignore[no-untyped-def]  # pandas is lazy
    from mbias.analysis.layout import lay_out, notes
    from mbias.reports import tables

    if form == "csv":
        return tables.as_csv(table)
    if form == "json":
        return tables.as_json(table) + "\n"
    wide, constant = lay_out(table, layout)
    if form == "latex":
        return tables.as_latex(wide, constant, notes(table))
    return tables.as_text(wide, constant, notes(table), shutil.get_terminal_size().columns) + "\n"


def _warnings(study: Study) -> list[str]:
    left_out = [f"left out {name}: {reason}" for name, reason in study.left_out.items()]
    incomplete = [f"{one.name} ({len(one.commits)} epochs)" for one in study if not one.complete]
    return left_out + ([f"not trained to the end yet: {', '.join(incomplete)}"] if incomplete else [])


def _check_figure(path: Path) -> None:
    if path.suffix not in (".pdf", ".png", ".svg"):
        raise BadInputError(f"{path}: a figure is written as .pdf, .png or .svg; end its name in one of them")
    if not path.parent.is_dir():
        raise BadInputError(f"{path}: there is no folder {path.parent}; make it first")


def _validate(options: argparse.Namespace) -> int:
    from mbias.records.study import run_folders
    from mbias.records.validate import faults

    sound = True
    for folder in (folder for path in options.paths for folder in run_folders(path)):
        found = faults(folder)
        print("\n".join(found) if found else f"{folder}: sound")
        sound = sound and not found
    return 0 if sound else BadInputError.exit_code


def _report(options: argparse.Namespace) -> None:
    from mbias.reports.report import write_report

    page = write_report(options.study, options.out, published=options.published)
    print(page)


def _export(options: argparse.Namespace) -> None:
    from mbias.records.export import export
    from mbias.records.run import Run

    export(Run(options.run), options.out)
    print(options.out)


if __name__ == "__main__":
    sys.exit(main())
