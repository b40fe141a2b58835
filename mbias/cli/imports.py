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
    from mbias.passes import Pass


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
        "make a run from arrays, losses or answers that another program saved",
        "mbias import attention.npz --array wav=attention --losses log.csv --joint loss --out runs/mine",
    )
    command.add_argument(
        "files",
        nargs="*",
        type=Path,
        metavar="FILE",
        help=".npz, .npy, .safetensors, .pt, .nc or .zarr; an array in several files has one epoch in each; or answer "
        "logs (.jsonl)",
    )
    command.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder of the new run")
    command.add_argument(
        "--array",
        action="append",
        default=[],
        metavar="NAME=KEY",
        help="the array KEY of the files becomes NAME in the run: wav (attention across modalities), wtp (attention "
        "over time), p (segment probabilities), p_joint (outputs of whole samples), truth_weak (labels), truth_target "
        "(of a regression), truth_MODALITY (default: all arrays keep their names)",
    )
    command.add_argument(
        "--pass",
        action="append",
        default=[],
        dest="passes",
        metavar="STANDIN:MODALITIES=KEY",
        help="the array KEY holds the outputs with modalities replaced, as in permuted:image=no_image or 'blank "
        "input:image+text=none'; repeated with another KEY, it is another draw; KEY,DONORS names the array of the rows "
        "from which permuted modalities were taken; of an answer log, KEY is a condition",
    )
    command.add_argument(
        "--field",
        action="append",
        default=[],
        metavar="NAME=FIELD",
        help="field of an answer log that holds the item, answer, correct, gold (the right answer), condition, group "
        "or draw (default: found by its name)",
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
    command.add_argument(
        "--task",
        default="multilabel",
        help="what the model is asked for: multilabel, single_label, binary or regression (default: multilabel)",
    )
    command.add_argument("--setting", metavar="NAME", help="what runs have in common that differ only in their seed")
    command.add_argument("--seed", type=int, metavar="N", help="the seed with which the model was trained")
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
        task=options.task,
        setting=options.setting,
        seed=options.seed,
        passes=_passes(options.passes),
        fields=_pairs("--field", options.field),
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


def _passes(texts: list[str]) -> dict[Pass, tuple[str, ...]]:
    from mbias.passes import Pass

    passes: dict[Pass, tuple[str, ...]] = {}
    for text in texts:
        replacement, _, keys = text.partition("=")
        stand_in, _, modalities = replacement.rpartition(":")
        if not (stand_in and modalities and keys):
            raise BadInputError(
                f"--pass {text}: write it as STANDIN:MODALITIES=KEY, such as permuted:image=no_image or "
                f"blank:image+text=none"
            )
        replaced = tuple(modalities.split("+"))
        draws = sum((of_pass.baseline, of_pass.replaced) == (stand_in, replaced) for of_pass in passes)
        passes[Pass(stand_in, replaced, draws)] = tuple(keys.split(","))
    return passes


def _categories(text: str | None) -> Path | list[str] | None:
    if text is None:
        return None
    return Path(text) if Path(text).is_file() else text.split(",")
