"""``mbias``: data, training and studies."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mbias.cli import data
from mbias.cli.common import add_command, missing_extra, run

if TYPE_CHECKING:
    from mbias.training.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``mbias`` with these arguments; give its exit code."""
    return run(_parser(), arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("mbias", description="Train HAN on LLP, real or simulated, and record its bias.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    data.add_commands(commands)

    train = add_command(
        commands,
        "train",
        "train one run and record it",
        "mbias train --data data/demo --variant across_vself --smoothing ls_v --out models/mine/run0",
    )
    train.add_argument("--data", type=Path, required=True, metavar="DIR", help="data directory, packed")
    train.add_argument("--out", type=Path, required=True, metavar="RUN", help="the run's folder")
    train.add_argument(
        "--variant", default="across_vcross", help="aself_vself, aself_vcross, across_vself, across_vcross"
    )
    train.add_argument("--smoothing", default="ls_v", help="no_ls, ls_a, ls_v, ls_av, or deltas as in ls_a0.2_v0.1")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--epochs", type=int, default=40)
    train.add_argument("--batch-size", type=int, default=16)
    train.add_argument("--learning-rate", type=float, default=3e-4)
    train.add_argument(
        "--record", choices=("val", "test"), default="test", help="the split whose attention is recorded"
    )
    train.add_argument("--precision", choices=("float32", "bfloat16", "auto"), default="auto")
    train.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    train.set_defaults(handler=_train)

    study = add_command(commands, "study", "train the runs of a study, each once", "mbias study models/demo.toml")
    study.add_argument("definition", type=Path, metavar="STUDY.toml")
    study.add_argument("--data", type=Path, metavar="DIR", help="data directory in place of the definition's")
    study.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of the runs (default: the definition's, less .toml)"
    )
    study.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    study.set_defaults(handler=_study)
    return parser


def _train(options: argparse.Namespace) -> None:
    _need_torch()
    from mbias.terms import Smoothing, Split, Variant
    from mbias.training.settings import Settings

    settings = Settings(
        variant=Variant.parse(options.variant),
        smoothing=Smoothing.parse(options.smoothing),
        seed=options.seed,
        epochs=options.epochs,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        precision=options.precision,
        record=Split(options.record),
    )
    _fit_all([(settings, options.out)], options.data, options.device)


def _study(options: argparse.Namespace) -> None:
    _need_torch()
    from mbias.errors import BadInputError
    from mbias.training.study import read_definition

    definition = read_definition(options.definition)
    directory = options.data or definition.data
    if directory is None:
        raise BadInputError(f"{options.definition}: names no data; add [data] path, or give --data DIR")
    out = options.out or options.definition.with_suffix("")
    _fit_all([(settings, out / settings.name) for settings in definition.runs], directory, options.device)


def _fit_all(runs: list[tuple[Settings, Path]], directory: Path, device: str) -> None:
    from mbias.training.data import load_data
    from mbias.training.devices import choose_device, choose_precision
    from mbias.training.fit import fit
    from mbias.training.progress import ProgressBar
    from mbias.training.record import is_complete

    on = choose_device(device)
    dtype = choose_precision(runs[0][0].precision, on)
    loaded = load_data(directory, runs[0][0].record, on, dtype)
    precision = str(dtype).removeprefix("torch.")
    kind = "simulated data" if loaded.simulated else "data"
    print(f"{len(runs)} runs on {kind} of {directory}, {on}, {precision}" if len(runs) > 1 else f"{on}, {precision}")
    for number, (settings, path) in enumerate(runs, start=1):
        label = f"[{number}/{len(runs)}] {path.name}" if len(runs) > 1 else path.name
        if is_complete(path, settings, loaded.fingerprint):
            print(f"{label}: complete")
            continue
        with ProgressBar(label, settings.epochs) as bar:
            fit(settings, loaded, path, bar.on_epoch)


def _need_torch() -> None:
    if importlib.util.find_spec("torch") is None:
        raise missing_extra("PyTorch", "train")
    # Read when torch is loaded. Threads that spin while they wait cost nothing on an idle machine, and make a step
    # ten times slower where another process wants the same cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


if __name__ == "__main__":
    sys.exit(main())
