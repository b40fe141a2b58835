"""The commands on data: `mbias check-data`, `mbias pack`, `mbias synth`."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

from mbias.cli.common import add_command
from mbias.llp.knobs import ByCategory, Knobs, Pairs
from mbias.terms import Split


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Register the commands on data."""
    _add_synth(commands)


def _add_synth(commands: argparse._SubParsersAction) -> None:
    command = add_command(
        commands,
        "synth",
        "write simulated LLP, whose truth is planted and known",
        "mbias synth data/demo --train 1000 --val 200 --test 400 --packed",
    )
    command.add_argument("out", type=Path, metavar="OUT", help="directory to write; it appears when it is whole")
    command.add_argument(
        "--annotations", type=Path, metavar="DIR", help="real AVVP_*.csv files to simulate features for"
    )
    for split in Split:
        command.add_argument(f"--{split}", type=int, metavar="N", help=f"{split} videos (all of LLP's)")
    command.add_argument("--seed", type=int, default=0, metavar="N", help="seed of every draw (0)")
    command.add_argument("--packed", action="store_true", help="write the packed store, a sixth of the size of files")
    knobs = command.add_argument_group("knobs", "NUMBERS: one for all categories, and others by name: 1,Speech=0.5")
    for knob in fields(Knobs):
        kind = type(knob.default)
        help_text = f"{knob.metadata['meaning']} ({knob.default})"
        knobs.add_argument(f"--{knob.name.replace('_', '-')}", metavar=_METAVARS[kind], help=help_text)
    command.set_defaults(handler=_synth)


_METAVARS: dict[type, str] = {ByCategory: "NUMBERS", Pairs: "PAIRS", float: "X"}


def _synth(options: argparse.Namespace) -> int:
    from mbias.llp.simulate import simulate

    sizes = {split: getattr(options, split) for split in Split if getattr(options, split) is not None}
    knobs = Knobs.parse({knob.name: getattr(options, knob.name) for knob in fields(Knobs)})
    written = simulate(
        options.out,
        seed=options.seed,
        sizes=sizes,
        knobs=knobs,
        annotations=options.annotations,
        packed=options.packed,
    )
    print(f"{options.out}: simulated data {'written' if written else 'of these settings is there already'}")
    return 0
