"""``mbias import``: make a run from files that another program wrote."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mbias.cli.common import add_command
from mbias.errors import BadInputError

if TYPE_CHECKING:
    from mbias.cli.common import Commands
    from mbias.exchange.exported import ExportedRun
    from mbias.exchange.import_plan import ImportPlan


def add_commands(commands: Commands) -> None:
    """Register the command.

    Parameters
    ----------
    commands
        The subcommands of ``mbias``.
    """
    command = add_command(
        commands,
        "import",
        "make a run from arrays and losses that another program saved",
        "mbias import attention.npz --array wav=attention --losses log.csv --joint loss --out runs/mine",
    )
    command.add_argument(
        "files",
        nargs="*",
        type=Path,
        metavar="FILE",
        help=".npz, .npy, .safetensors, .pt, .nc or .zarr; an array in several files has one epoch in each",
    )
    command.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder of the new run")
    command.add_argument(
        "--array",
        action="append",
        default=[],
        metavar="NAME=KEY",
        help="the array KEY of the files becomes NAME in the run: wav (attention across modalities), wtp (attention "
        "over time), p (segment probabilities), p_joint (sample probabilities), truth_weak, truth_MODALITY "
        "(default: all arrays keep their names)",
    )
    command.add_argument(
        "--axes",
        action="append",
        default=[],
        metavar="NAME=AXES",
        help="axes of an array, as in wav=sample,segment,modality,category; epoch may be among them (default: those "
        "of the file, otherwise guessed from the shape)",
    )
    command.add_argument(
        "--modalities",
        metavar="A,B",
        help="names (default: those of the file, or audio,visual if there are two)",
    )
    command.add_argument("--categories", metavar="A,B", help="names, or a file with one name per line")
    command.add_argument("--samples", type=Path, metavar="FILE", help="file with one name per line")
    command.add_argument(
        "--groups",
        type=Path,
        metavar="FILE",
        help="file with the group of each sample, one per line, such as the recording that a clip is cut from",
    )
    command.add_argument(
        "--losses", type=Path, nargs="+", default=[], metavar="FILE", help="CSV files or TensorBoard event files"
    )
    command.add_argument(
        "--loss",
        action="append",
        default=[],
        metavar="NAME=CURVE",
        help="CURVE becomes the loss NAME: the name of a modality, or of the joint loss (default: all curves keep "
        "their names)",
    )
    command.add_argument("--joint", default="joint", help="the loss that all modalities share (default: joint)")
    command.add_argument(
        "--steps-per-epoch",
        type=int,
        default=1,
        metavar="N",
        help="the loss of an epoch is the mean of N logged steps (default: 1)",
    )
    command.add_argument("--split", default="test", help="split that the samples belong to (default: test)")
    command.add_argument("--dry-run", action="store_true", help="print what would be written, and write nothing")
    command.add_argument("--yes", action="store_true", help="accept guessed axes without asking")
    command.set_defaults(handler=_import)


def _import(options: argparse.Namespace) -> int:
    from mbias.exchange.import_run import open_exported, plan_import, require_no_run

    require_no_run(options.out)
    if exported := open_exported(options.files):
        print(f"{options.files[0]}: written by mbias-analyze export; the run is restored as it was")
        return 0 if options.dry_run else _write(exported, options.out)
    plan = plan_import(
        options.files,
        arrays=_pairs("--array", options.array),
        axes={name: axes.split(",") for name, axes in _pairs("--axes", options.axes).items()},
        losses=options.losses,
        loss_names=_pairs("--loss", options.loss),
        modalities=options.modalities.split(",") if options.modalities else None,
        categories=_categories(options.categories),
        samples=options.samples,
        groups=options.groups,
        joint=options.joint,
        steps_per_epoch=options.steps_per_epoch,
        split=options.split,
    )
    print("\n".join(plan.lines()))
    if options.dry_run:
        return 0
    if plan.guessed and not options.yes:
        if not sys.stdin.isatty():
            raise BadInputError("axes were guessed: check them above, then add --yes, or name them with --axes")
        if input(f"write {options.out}? [y/N] ").strip().lower() not in ("y", "yes"):
            print("nothing was written")
            return 1
    return _write(plan, options.out)


def _write(plan: ImportPlan | ExportedRun, out: Path) -> int:
    plan.write(out)
    print(f"{out}: written; check it with: mbias-analyze validate {out}")
    return 0


def _pairs(option: str, texts: list[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise BadInputError(f"{option} {text}: write it as NAME=VALUE")
        if name in pairs:
            raise BadInputError(f"{option} {text}: {name} is given twice")
        pairs[name] = value
    return pairs


def _categories(text: str | None) -> Path | list[str] | None:
    if text is None:
        return None
    return Path(text) if Path(text).is_file() else text.split(",")
