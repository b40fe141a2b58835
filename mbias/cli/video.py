"""The command `mbias-analyze video`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mbias.cli.common import add_command
from mbias.cli.printing import add_epoch, add_explain, add_figure, add_format, check_figure, printed, wrapped
from mbias.errors import BadInputError

if TYPE_CHECKING:
    from mbias.records.run import Run

_LOST = "lost: how many segments of other events than {1} are missed in the {0}, each weighed by the attention on {1}."


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Register the command."""
    command = add_command(
        commands,
        "video",
        "one video's event roll: truth, predictions, W_av and W_tp by segment; or which videos show the bias best",
        "mbias-analyze video models/demo/across_vcross-ls_v-seed0 --worst 10",
    )
    command.add_argument("run", type=Path, metavar="RUN", help="a run")
    command.add_argument(
        "id",
        nargs="?",
        metavar="ID",
        help="a video's ID, or a part that only one has (default: the one that shows the bias best)",
    )
    command.add_argument(
        "--worst", type=int, metavar="N", help="list the N videos in which most is missed while attention is elsewhere"
    )
    add_epoch(command, "best")
    add_format(command)
    add_figure(command)
    add_explain(command, "video")
    command.set_defaults(handler=_video)


def _video(options: argparse.Namespace) -> None:
    from mbias.records.run import Run

    if options.worst is not None and (options.worst < 1 or options.id or options.figure):
        raise BadInputError("--worst takes a number from 1, and neither an ID nor --figure: a figure is of one video")
    check_figure(options.figure)
    run = Run(options.run)
    if options.worst is None:
        _print_roll(run, options)
    else:
        _print_worst(run, options)


def _print_worst(run: Run, options: argparse.Namespace) -> None:
    from mbias.analysis import video
    from mbias.records.study import Study

    table = video.worst(Study((run,)), options.worst, options.epoch)
    print(printed(video.LAYOUTS["worst"], table, options.format), end="")
    if options.format == "table":
        print(wrapped([_LOST.format(run.header.sample, *table["toward"].unique())]))


def _print_roll(run: Run, options: argparse.Namespace) -> None:
    from mbias.analysis import video
    from mbias.records.study import Study

    sample = options.id or video.worst(Study((run,)), 1, options.epoch)["sample"].iloc[0]
    table = video.roll(run, sample, options.epoch)
    if options.figure:
        from mbias.plots.drawing.style import save
        from mbias.plots.video import figure

        save(figure(table), options.figure)
    if options.format == "table":
        print(printed(video.LAYOUTS["strips"], video.strips(table), "table"), end="")
        print(wrapped(video.finding(table)))
    elif options.format == "latex":
        print(printed(video.LAYOUTS["quantities"], video.quantities(table), "latex"), end="")
    else:
        print(printed(video.LAYOUTS["strips"], table, options.format), end="")
    lacking = video.missing(run, options.epoch)
    if lacking:
        print(f"mbias-analyze: note: {lacking}", file=sys.stderr)
