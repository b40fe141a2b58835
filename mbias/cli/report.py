"""mbias-analyze report: the page that answers all questions about a study, or sets two side by side."""

from __future__ import annotations

import argparse
from pathlib import Path

from mbias.cli.common import add_command
from mbias.errors import BadInputError


def add_report(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    report = add_command(
        commands,
        "report",
        "write one HTML page that answers all questions about a study, or sets two side by side",
        "mbias-analyze report models/demo --out reports/demo -p epoch=best -p categories=Dog,Cat",
    )
    report.add_argument("studies", nargs="+", type=Path, metavar="STUDY", help="a folder of runs; two are compared")
    report.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the report; it is replaced")
    report.add_argument("--published", action="store_true", help="set the paper's figures beside the measured ones")
    report.add_argument(
        "-p",
        action="append",
        default=[],
        dest="parameters",
        metavar="NAME=VALUE",
        help="a parameter of the notebooks: epoch=best, categories=Dog,Cat (as often as needed)",
    )
    report.set_defaults(handler=_report)


def _report(options: argparse.Namespace) -> None:
    from mbias.reports.parameters import parse
    from mbias.reports.report import write_report

    if len(options.studies) > 2:
        raise BadInputError(f"{options.studies[2]}: a report is of one study or compares two; leave the others out")
    chosen = {**({"published": True} if options.published else {}), **parse(options.parameters)}
    print(write_report(options.studies, options.out, **chosen))
