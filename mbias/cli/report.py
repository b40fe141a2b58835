"""The command `mbias-analyze report`: one page that answers all questions about a study, or compares two."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mbias.cli.common import add_command
from mbias.errors import BadInputError

if TYPE_CHECKING:
    from mbias.cli.common import Commands


def add_report(commands: Commands) -> None:
    """Add the command."""
    report = add_command(
        commands,
        "report",
        "write one HTML page that answers all questions about a study, or compares two studies",
        "mbias-analyze report models/demo --out reports/demo -p epoch=best -p categories=Dog,Cat",
    )
    report.add_argument(
        "studies", nargs="+", type=Path, metavar="STUDY", help="a folder of runs; two folders are compared"
    )
    report.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="the folder of the report; an older report in it is replaced",
    )
    report.add_argument("--published", action="store_true", help="set the paper's figures beside the measured ones")
    report.add_argument(
        "-p",
        action="append",
        default=[],
        dest="parameters",
        metavar="NAME=VALUE",
        help="a parameter of the notebooks, such as epoch=best or categories=Dog,Cat; can be repeated",
    )
    report.set_defaults(handler=_report)


def _report(options: argparse.Namespace) -> None:
    from mbias.reports.parameters import parse
    from mbias.reports.report import write_report

    if len(options.studies) > 2:
        raise BadInputError(f"{options.studies[2]}: a report is of one study or compares two; leave the others out")
    study, against = (*options.studies, None)[:2]
    chosen = {**({"published": True} if options.published else {}), **parse(options.parameters)}
    print(write_report(study, options.out, against=against, **chosen))
