"""``mbias``: data, training, studies, and what other models recorded."""

from __future__ import annotations

import argparse
import importlib.util
import shlex
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mbias.cli import data, evaluate, imports, probe
from mbias.cli.common import add_command, missing_extra, need_torch, run
from mbias.errors import BadInputError, MbiasError

if TYPE_CHECKING:
    from mbias.studies.plan import PlannedRun
    from mbias.studies.task import Outcome, Place

REFRESH = 2.0
"""Seconds between two looks at a study on a terminal."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``mbias`` with these arguments; give its exit code."""
    return run(_parser(), arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "mbias", description="Train HAN on LLP, real or simulated, or take in any model's outputs."
    )
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
    train.add_argument(
        "--control", help="train a control: random (weights), shuffled (labels), uniform (W_av), frozen (W_av)"
    )
    train.add_argument("--init", metavar="FILE", help="begin with these weights: an original checkpoint, or a run's")
    train.add_argument("--epochs", type=int, default=40)
    train.add_argument("--batch-size", type=int, default=16)
    train.add_argument("--learning-rate", type=float, default=3e-4)
    train.add_argument(
        "--record", choices=("val", "test"), default="test", help="the split whose attention is recorded"
    )
    train.add_argument("--precision", choices=("float32", "bfloat16", "auto"), default="auto")
    train.add_argument("--threads", type=int, help="of the processor; the last bits of results depend on it (all)")
    train.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    train.set_defaults(handler=_train)

    study = add_command(commands, "study", "train the runs of a study, each once", "mbias study models/demo.toml")
    study.add_argument("definition", type=Path, metavar="STUDY.toml")
    study.add_argument("--data", type=Path, metavar="DIR", help="data directory in place of the definition's")
    study.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of the runs (default: the definition's, less .toml)"
    )
    study.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    where = study.add_mutually_exclusive_group()
    where.add_argument(
        "--workers", type=int, metavar="N", help="runs trained at once (default: cores // threads of a run; 1 on a GPU)"
    )
    where.add_argument("--scheduler", metavar="ADDRESS", help="train on the workers of this Dask scheduler")
    study.add_argument(
        "--dry-run", action="store_true", help="say what there is to do, how long it takes, how much disk"
    )
    study.set_defaults(handler=_study)

    status = add_command(commands, "status", "how far each run of a study is", "mbias status models/demo.toml")
    status.add_argument("study", type=Path, metavar="STUDY", help="a study's definition, or its folder of runs")
    status.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of the runs (default: the definition's, less .toml)"
    )
    status.set_defaults(handler=_status)

    for others in (probe, evaluate, imports):
        others.add_commands(commands)
    return parser


def _train(options: argparse.Namespace) -> None:
    need_torch()
    from mbias.terms import Control, Smoothing, Split, Variant
    from mbias.training.config import Settings
    from mbias.training.devices import cores

    settings = Settings(
        variant=Variant.parse(options.variant),
        smoothing=Smoothing.parse(options.smoothing),
        seed=options.seed,
        epochs=options.epochs,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        precision=options.precision,
        record=Split(options.record),
        init=options.init and str(Path(options.init).absolute()),
        threads=options.threads or cores(),
        control=options.control and Control.parse(options.control),
    )
    from mbias.studies.execute import conduct
    from mbias.studies.plan import PlannedRun
    from mbias.studies.task import Place

    _conclude(conduct([PlannedRun(settings, options.out)], options.out, Place(options.data, options.device)))


def _study(options: argparse.Namespace) -> None:
    need_torch()
    from mbias.studies.definition import read_definition
    from mbias.studies.execute import conduct
    from mbias.studies.plan import PlannedRun
    from mbias.studies.task import Place
    from mbias.training.devices import choose_device, cores

    definition = read_definition(options.definition)
    directory = options.data or definition.data
    if directory is None:
        raise BadInputError(f"{options.definition}: names no data; add [data] path, or give --data DIR")
    folder = options.out or options.definition.with_suffix("")
    if options.workers is not None and options.workers < 1:
        raise BadInputError(f"--workers is {options.workers}: it must be 1 or more")
    if options.scheduler:
        if importlib.util.find_spec("distributed") is None:
            raise missing_extra("Dask", "cluster")
        # Workers elsewhere were started in folders of their own.
        directory, folder = directory.absolute(), folder.absolute()
    runs = [PlannedRun(settings, folder / settings.name) for settings in definition.runs]
    on_cpu = choose_device(options.device).type == "cpu"
    workers = options.workers or (max(1, min(len(runs), cores() // runs[0].settings.threads)) if on_cpu else 1)
    place = Place(directory, options.device, workers, options.scheduler)
    if options.dry_run:
        _print_estimate(runs, folder, place)
    else:
        _conclude(conduct(runs, folder, place))


def _print_estimate(runs: list[PlannedRun], folder: Path, place: Place) -> None:
    from mbias.studies.plan import estimate

    left = estimate(runs, folder, place)
    for planned in runs:
        print(f"{planned.path.name}: {'to train' if planned in left.runs else 'complete'}")
    print(f"{len(runs)} runs, {len(left.runs)} to train: {left.epochs:,} epochs")
    if left.runs:
        how = f"the median of {left.committed} epochs of this study" if left.committed else "by a few steps, timed now"
        total = _duration(left.seconds * left.epochs / min(place.workers, len(left.runs)))
        print(f"time: about {total} with {place.workers} workers; an epoch takes {left.seconds:.1f} s ({how})")
        print(f"disk: at most {left.bytes / 1e9:.2g} GB; {left.free / 1e9:,.1f} GB are free")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _conclude(outcomes: dict[PlannedRun, Outcome]) -> None:
    """Say how a study ended; raise unless all its runs are complete."""
    from mbias.studies.task import State

    failed = {run: outcome for run, outcome in outcomes.items() if outcome.state == State.FAILED}
    stopped = [run for run, outcome in outcomes.items() if outcome.state == State.STOPPED]
    complete = f"{len(outcomes) - len(failed) - len(stopped)} of {len(outcomes)} runs are complete"
    again = shlex.join(["mbias", *sys.argv[1:]])
    if stopped:
        raise KeyboardInterrupt(f"{complete}; go on with: {again}")
    if failed and len(outcomes) == 1:
        raise MbiasError("; ".join(outcome.reason for outcome in failed.values()))
    if failed:
        raise MbiasError(f"{complete}; failed: {', '.join(run.path.name for run in failed)}; try again with: {again}")


def _status(options: argparse.Namespace) -> None:
    from mbias.studies.status import Stage, as_lines, study_status

    statuses = study_status(options.study, options.out)
    if not sys.stdout.isatty():
        print("\n".join(as_lines(statuses)))
        return
    while True:
        size = shutil.get_terminal_size()
        lines = [line[: size.columns] for line in as_lines(statuses, most=size.lines - 4)]
        print("\x1b[H\x1b[J" + "\n".join(lines), flush=True)
        if not any(status.stage == Stage.RUNNING for status in statuses):
            return
        time.sleep(REFRESH)
        statuses = study_status(options.study, options.out)


if __name__ == "__main__":
    sys.exit(main())
