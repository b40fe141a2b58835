"""``mbias import``: a run made of files that another program wrote."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mbias.cli.common import add_command
from mbias.errors import BadInputError

if TYPE_CHECKING:
    from mbias.exchange.arrays import Named
    from mbias.exchange.exported import Exported


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Register the command."""
    command = add_command(
        commands,
        "import",
        "make a run of arrays and losses that another program saved",
        "mbias import attention.npz --array wav=attention --losses log.csv --joint loss --out runs/mine",
    )
    command.add_argument(
        "files",
        nargs="*",
        type=Path,
        metavar="FILE",
        help=".npz, .npy, .safetensors, .pt, .nc or .zarr; an array that several files hold has an epoch in each",
    )
    command.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder of the run")
    command.add_argument(
        "--array",
        action="append",
        default=[],
        metavar="NAME=KEY",
        help="the file's array KEY is the run's NAME: wav (attention across modalities), wtp (over time), p "
        "(probabilities of segments), p_joint (of samples), truth_weak, truth_MODALITY (default: all, as named)",
    )
    command.add_argument(
        "--axes",
        action="append",
        default=[],
        metavar="NAME=AXES",
        help="what its dimensions are, as wav=sample,segment,modality,category; epoch may be among them",
    )
    command.add_argument("--modalities", metavar="A,B", help="names (default: the file's; audio,visual for two)")
    command.add_argument("--categories", metavar="A,B", help="names, or a file with a name a line")
    command.add_argument("--samples", type=Path, metavar="FILE", help="names, one a line")
    command.add_argument(
        "--losses", type=Path, nargs="+", default=[], metavar="FILE", help="CSV, or TensorBoard event files"
    )
    command.add_argument(
        "--loss",
        action="append",
        default=[],
        metavar="NAME=CURVE",
        help="the curve CURVE is the loss NAME: a modality's name, or the joint one's (default: all, as named)",
    )
    command.add_argument("--joint", default="joint", help="the loss that all modalities share (default: joint)")
    command.add_argument(
        "--steps-per-epoch", type=int, default=1, metavar="N", help="losses are means of N logged steps (default: 1)"
    )
    command.add_argument("--split", default="test", help="what the samples are together (default: test)")
    command.add_argument("--dry-run", action="store_true", help="say what it would make, and make nothing")
    command.add_argument("--yes", action="store_true", help="take guessed axes without asking")
    command.set_defaults(handler=_import)


def _import(options: argparse.Namespace) -> int:
    from mbias.exchange.import_plan import make_plan

    if (options.out / "run.json").exists():
        raise BadInputError(f"{options.out}: there is a run already; choose another folder or delete it")
    if len(options.files) == 1 and (exported := _exported(options.files[0])):
        print(f"{options.files[0]}: a run that mbias-analyze export wrote; it is taken back as it was")
        if not options.dry_run:
            exported.write(options.out)
            print(f"{options.out}: written; see: mbias-analyze validate {options.out}")
        return 0
    plan = make_plan(
        _arrays(options.files, _pairs("--array", options.array)),
        {name: tuple(axes.split(",")) for name, axes in _pairs("--axes", options.axes).items()},
        _losses(options),
        modalities=options.modalities.split(",") if options.modalities else None,
        categories=_categories(options.categories),
        samples=_lines(options.samples) if options.samples else None,
        joint=options.joint,
        split=options.split,
    )
    print("\n".join(plan.lines()))
    if options.dry_run:
        return 0
    if plan.guessed and not options.yes:
        if not sys.stdin.isatty():
            raise BadInputError("axes were guessed: look at them above, then add --yes, or name them by --axes")
        if input(f"write {options.out}? [y/N] ").strip().lower() not in ("y", "yes"):
            print("nothing is written")
            return 1
    plan.write(options.out)
    print(f"{options.out}: written; see: mbias-analyze validate {options.out}")
    return 0


def _exported(file: Path) -> Exported | None:
    from mbias.exchange.exported import as_exported

    return as_exported(file) if file.suffix in (".nc", ".zarr") else None


def _arrays(files: list[Path], chosen: dict[str, str]) -> dict[str, list[Named]]:
    from mbias.exchange.arrays import read_arrays

    names = {key: name for name, key in chosen.items()}
    found: dict[str, list[Named]] = {}
    for file in files:
        held = read_arrays(file)
        taken = {names.get(key, key): named for key, named in held.items() if key in names or not names}
        # Texts are names of something, and no array of the run.
        for name, named in taken.items():
            if named.values.dtype.kind != "U":
                found.setdefault(name, []).append(named)
        if not taken:
            raise BadInputError(f"{file}: holds {', '.join(sorted(held))}; choose from them by --array NAME=KEY")
    lost = set(chosen) - set(found)
    if lost:
        raise BadInputError(f"--array {min(lost)}={chosen[min(lost)]}: no file holds that array of numbers")
    return found


def _losses(options: argparse.Namespace) -> dict[str, list[float]]:
    from mbias.exchange.curves import per_epoch, read_curves

    if options.steps_per_epoch < 1:
        raise BadInputError(f"--steps-per-epoch is {options.steps_per_epoch}: it must be 1 or more")
    curves: dict[str, dict[int, float]] = {}
    for file in options.losses:
        for name, curve in read_curves(file).items():
            curves.setdefault(name, {}).update(curve)
    chosen = _pairs("--loss", options.loss) or {name: name for name in curves}
    for name, key in chosen.items():
        if key not in curves:
            raise BadInputError(f"--loss {name}={key}: the curves are {', '.join(sorted(curves)) or 'none'}")
    return {name: per_epoch(curves[key], options.steps_per_epoch) for name, key in chosen.items()}


def _pairs(option: str, texts: list[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise BadInputError(f"{option} {text}: write it as NAME=VALUE")
        if name in pairs:
            raise BadInputError(f"{option} {text}: {name} is given twice")
        pairs[name] = value
    return pairs


def _categories(text: str | None) -> list[str] | None:
    if text is None:
        return None
    return _lines(Path(text)) if Path(text).is_file() else text.split(",")


def _lines(path: Path) -> list[str]:
    try:
        if path.exists() and (not path.is_file() or path.stat().st_size > 2**28):
            raise BadInputError(f"{path}: no regular file of names, one a line")
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line]
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: not a readable list of names ({error}); write one a line") from None
