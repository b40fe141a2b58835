"""The data commands: `mbias check-data`, `mbias pack` and `mbias synth`."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

from mbias.cli.common import add_command
from mbias.errors import BadInputError
from mbias.llp.audit import KINDS, Oddity, audit_annotations, audit_features
from mbias.llp.features import missing_folders
from mbias.llp.knobs import CALIBRATED, ByCategory, Knobs, Pairs
from mbias.llp.streams.description import STREAMS_FILE, FoundStreams, find_streams
from mbias.llp.streams.presets import STREAM_PRESETS
from mbias.terms import Split


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the data commands.

    Parameters
    ----------
    commands
        The subparsers of the ``mbias`` command.
    """
    _add_check_data(commands)
    _add_pack(commands)
    _add_synth(commands)


def _add_check_data(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = add_command(
        commands,
        "check-data",
        "list every oddity of a data directory and how it is handled",
        "mbias check-data data/llp",
    )
    command.add_argument(
        "directory",
        type=Path,
        metavar="DIR",
        help=f"data directory: AVVP_*.csv and, optionally, folders of features, as {STREAMS_FILE} describes them, in "
        "VALOR's layout, or in that of LLP (feats/)",
    )
    command.set_defaults(handler=_check_data)


def _check_data(options: argparse.Namespace) -> int:
    oddities = audit_annotations(options.directory)
    found = find_streams(options.directory)
    missing = missing_folders(options.directory, found.streams)
    folders = ", ".join(stream.folder for stream in missing)
    checked = f"features: not checked, because {options.directory} has no folder {folders}"
    if len(missing) < len(found.streams):
        files, bad = audit_features(options.directory, found.streams)
        oddities += bad
        checked = f"features: all {files:,} files read"
    _print_summary(oddities)
    _print_streams(found)
    print(checked)
    for kind in KINDS:
        rows = [oddity for oddity in oddities if oddity.kind == kind]
        if rows:
            print(f"\n{kind.name} ({kind.done})")
            print("\n".join(f"  {oddity}" for oddity in rows))
    usable = all(oddity.kind.usable for oddity in oddities)
    return 0 if usable else BadInputError.exit_code


def _print_streams(found: FoundStreams) -> None:
    """Print the streams of a data directory if they are not what every data directory of LLP has."""
    if found.source:
        print(f"features: {', '.join(map(str, found.streams))}, {found.source}")


def _print_summary(oddities: list[Oddity]) -> None:
    """Print one line per kind of oddity, including kinds without a match."""
    width = max(len(kind.name) for kind in KINDS)
    print(f"{'oddity':{width}}  count  handling")
    for kind in KINDS:
        count = sum(oddity.kind == kind for oddity in oddities)
        print(f"{kind.name:{width}}  {count:5,}  {kind.done if count else '-'}")


def _add_pack(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = add_command(
        commands,
        "pack",
        "pack the features of each split for training, with the rows of each second averaged",
        "mbias pack data/llp",
    )
    command.add_argument(
        "directory",
        type=Path,
        metavar="DIR",
        help="data directory: AVVP_*.csv and folders of features (see check-data)",
    )
    command.add_argument("--skip-bad", action="store_true", help="leave out videos with missing or unusable features")
    command.set_defaults(handler=_pack)


def _pack(options: argparse.Namespace) -> int:
    from mbias.llp.pack import pack_split

    _print_streams(find_streams(options.directory))
    for split in Split:
        packed = pack_split(options.directory, split, skip_bad=options.skip_bad)
        print(f"{split}: {packed.videos:,} videos {'are already packed' if packed.already else 'packed'}", flush=True)
        for video, reason in packed.skipped.items():
            print(f"  left out {video}: {reason.partition(';')[0]}")
    return 0


def _add_synth(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = add_command(
        commands,
        "synth",
        "write simulated LLP data with a planted, known ground truth",
        "mbias synth data/demo --train 1000 --val 200 --test 400 --packed",
    )
    command.add_argument("out", type=Path, metavar="OUT", help="directory to write; it appears once it is complete")
    command.add_argument(
        "--annotations", type=Path, metavar="DIR", help="directory of real AVVP_*.csv files to simulate features for"
    )
    for split in Split:
        command.add_argument(f"--{split}", type=int, metavar="N", help=f"number of {split} videos (as many as LLP has)")
    command.add_argument("--seed", type=int, default=0, metavar="N", help="seed of all random draws (0)")
    command.add_argument(
        "--features",
        choices=tuple(STREAM_PRESETS),
        default="han",
        help="han: VGGish, ResNet-152, R(2+1)D; clip_clap: CLAP, CLIP, R(2+1)D, in VALOR's layout (han)",
    )
    command.add_argument(
        "--packed",
        action="store_true",
        help="write the packed store, a sixth of the size of the feature files of han, a third of those of clip_clap",
    )
    knobs = command.add_argument_group(
        "knobs", "NUMBERS: one for all categories, then exceptions by name, as in 1,Speech=0.5"
    )
    for knob in fields(Knobs):
        kind = type(knob.default)
        calibrated = getattr(CALIBRATED, knob.name)
        note = "" if calibrated == knob.default else f"; {calibrated} with --annotations"
        help_text = f"{knob.metadata['meaning']} ({knob.default}{note})"
        knobs.add_argument(f"--{knob.name.replace('_', '-')}", metavar=_METAVARS[kind], help=help_text)
    command.set_defaults(handler=_synth)


_METAVARS: dict[type, str] = {ByCategory: "NUMBERS", Pairs: "PAIRS", float: "X"}


def _synth(options: argparse.Namespace) -> int:
    from mbias.llp.simulate import simulate

    for name in (*Split, "seed"):
        _check_at_least(0 if name == "seed" else 1, name, getattr(options, name))
    sizes = {split: getattr(options, split) for split in Split if getattr(options, split) is not None}
    given = {knob.name: getattr(options, knob.name) for knob in fields(Knobs)}
    knobs = Knobs.parse(given, CALIBRATED if options.annotations else None)
    written = simulate(
        options.out,
        seed=options.seed,
        sizes=sizes,
        knobs=knobs,
        annotations=options.annotations,
        packed=options.packed,
        features=options.features,
    )
    print(f"{options.out}: simulated data {'written' if written else 'with these settings exists already'}")
    return 0


def _check_at_least(least: int, name: str, value: int | None) -> None:
    if value is not None and value < least:
        raise BadInputError(f"--{name} is {value}: it must be {least} or more")
