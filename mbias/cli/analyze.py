"""The command mbias-analyze: one question's table or figure, the check of a record, the report of a study."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mbias.analysis.questions import QUESTIONS, Question
from mbias.cli import completion, video
from mbias.cli.common import add_command, run
from mbias.cli.printing import add_epoch, add_explain, add_figure, add_format, check_figure, printed, warnings, wrapped
from mbias.cli.report import add_report
from mbias.errors import BadInputError

_EPILOG = """\
example: mbias-analyze attention models/demo --figure attention.pdf
COMMAND --help has an example of each; WORD --explain prints its definitions and references.

exit codes: 0 done, 1 a failure, 2 bad input, 130 interrupted; an error is one line, --debug shows its traceback
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; give its exit code."""
    return run(_parser(), arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mbias-analyze",
        description="Ask recorded runs whether a model ignores one of its modalities.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for question in QUESTIONS.values():
        _add_question(commands, question)
    video.add_commands(commands)
    _add_compare(commands)
    validate = add_command(
        commands, "validate", "check records whole: every file, array and digest", "mbias-analyze validate models/demo"
    )
    validate.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a run, or a folder of runs")
    add_format(validate)
    validate.set_defaults(handler=_validate)
    add_report(commands)
    export = add_command(
        commands,
        "export",
        "write a run as one file for other tools; `mbias import` takes it back",
        "mbias-analyze export models/demo/across_vcross-ls_v-seed0 --out run.nc",
    )
    export.add_argument("run", type=Path, metavar="RUN", help="a run")
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new .nc (netCDF) or .zarr (Zarr)")
    export.set_defaults(handler=_export)
    completion.add_commands(commands, _parser)
    return parser


def _add_question(commands: argparse._SubParsersAction, question: Question) -> None:
    command = add_command(
        commands, question.word, f"{question.asks} ({question.paper})", f"mbias-analyze {question.word} models/demo"
    )
    command.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a run, or a folder of runs")
    add_format(command)
    command.add_argument(
        "--table",
        choices=question.tables,
        default=question.tables[0],
        help=f"which one (default: {question.tables[0]})",
    )
    add_figure(command)
    if question.epoch:
        add_epoch(command, question.epoch)
    if question.published:
        command.add_argument(
            "--published", action="store_true", help="set the paper's figures beside the measured ones"
        )
    add_explain(command, question.word)
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
    add_format(compare)
    add_explain(compare, "compare")
    compare.set_defaults(handler=_compare)


def _compare(options: argparse.Namespace) -> None:
    from mbias.analysis.compare import LAYOUTS, comparison, finding
    from mbias.records.study import open_study

    studies = open_study(options.a), open_study(options.b)
    table = comparison(*studies)
    print(printed(LAYOUTS["comparison"], table, options.format), end="")
    if options.format == "table":
        print(wrapped(finding(table)))
    for line in warnings(studies):
        print(f"mbias-analyze: note: {line}", file=sys.stderr)


def _answer(options: argparse.Namespace) -> None:
    from mbias.records.study import open_study

    study = open_study(options.paths)
    question: Question = options.question
    settings = {name: getattr(options, name) for name in ("epoch", "published") if hasattr(options, name)}
    check_figure(options.figure)
    table = question.table(study, options.table, **settings)
    if options.figure:
        from mbias.plots.drawing.style import save

        drawn = table if options.table == question.drawn else question.table(study, question.drawn, **settings)
        save(question.figure(drawn), options.figure)
    print(printed(question.layout(options.table), table, options.format), end="")
    for line in warnings([study]):
        print(f"mbias-analyze: note: {line}", file=sys.stderr)


def _validate(options: argparse.Namespace) -> int:
    from mbias.records.study import run_folders
    from mbias.records.validate import faults

    folders = [folder for path in options.paths for folder in run_folders(path)]
    found = [(str(folder), fault) for folder in folders for fault in faults(folder) or [""]]
    if options.format == "table":
        print("\n".join(fault or f"{folder}: sound" for folder, fault in found))
    else:
        import pandas as pd

        from mbias.tables.layout import Layout

        table = pd.DataFrame(found, columns=["path", "fault"])
        print(printed(Layout(("path",), (), {"fault": lambda row: row.fault}), table, options.format), end="")
    return BadInputError.exit_code if any(fault for _, fault in found) else 0


def _export(options: argparse.Namespace) -> None:
    from mbias.exchange.export import export
    from mbias.records.run import Run

    export(Run(options.run), options.out)
    print(options.out)


if __name__ == "__main__":
    sys.exit(main())
