"""The command `mbias-analyze video`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mbias.analysis.questions import QUESTIONS
from mbias.cli.common import add_command
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
from mbias.errors import BadInputError

if TYPE_CHECKING:
    from mbias.cli.common import Commands
    from mbias.records.run import Run

_LOST = (
    "lost: the number of segments with events of other modalities than {1} that are missed in the {0}, each weighted "
    "by the attention on {1}."
)


def add_commands(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "video",
        QUESTIONS["video"],
        "mbias-analyze video models/demo/across_vcross-ls_v-seed0 --worst 10",
    )
    command.add_argument("run", type=Path, metavar="RUN", help="a run")
    command.add_argument(
        "id",
        nargs="?",
        metavar="ID",
        help="the ID of a video, or a part that no other ID has (default: the video that shows the bias best)",
    )
    command.add_argument(
        "--worst",
        type=int,
        metavar="N",
        help="list the N videos in which most events are missed while attention is on the other modality",
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
    run, epoch = Run(options.run), getattr(options, "epoch", "best")
    if options.worst is None:
        _print_roll(run, epoch, options)
    else:
        _print_worst(run, epoch, options)


def _print_worst(run: Run, epoch: int | str, options: argparse.Namespace) -> None:
    from mbias.analysis.video import QUESTION

    table = QUESTION(run, table="worst", number=options.worst, epoch=epoch)
    print_table(QUESTION.table("worst").layout, table, options.format)
    if options.format == "table":
        print_wrapped([_LOST.format(run.header.sample, *table["toward"].unique())])
    print_notes(table, [], options.format)


def _print_roll(run: Run, epoch: int | str, options: argparse.Namespace) -> None:
    from mbias.analysis import video

    table = video.roll(run, options.id, epoch)
    if options.figure:
        from mbias.plots import plot_of
        from mbias.plots.drawing.style import save

        save(plot_of("video")(table), options.figure)
    if options.format == "table":
        print_table(video.STRIPS, video.strips(table), "table")
        print_wrapped(video.finding(table))
    elif options.format == "latex":
        print_table(video.QUANTITIES, video.quantities(table), "latex")
    else:
        print_table(video.STRIPS, table, options.format)
    lacking = video.missing(run, epoch)
    if lacking:
        print(f"mbias-analyze: note: {lacking}", file=sys.stderr)
