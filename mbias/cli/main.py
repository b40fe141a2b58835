"""The program ``mbias``: data, training, studies, probes, and the import of what other models recorded."""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mbias.cli import data, demo, evaluate, imports, probe
from mbias.cli.common import add_command, add_version, need_torch, run
from mbias.errors import MbiasError

if TYPE_CHECKING:
    from mbias.studies.estimate import Estimate
    from mbias.studies.running.task import Outcome

REFRESH = 2.0
"""Seconds between two updates of a study's status on a terminal."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``mbias``.

    Parameters
    ----------
    arguments
        The command and its options; those of the process by default.

    Returns
    -------
    int
        The exit code: 0 success, 1 a failure, 2 bad input, 130 an interruption.
    """
    return run(_parser(), arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "mbias", description="Train HAN on LLP, real or simulated, or import the outputs of any model."
    )
    add_version(parser)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    demo.add_commands(commands)
    data.add_commands(commands)

    train = add_command(
        commands,
        "train",
        "train one run and record it",
        "mbias train --data data/demo --variant across_vself --smoothing ls_v --out models/mine/run0",
    )
    train.add_argument("--data", type=Path, required=True, metavar="DIR", help="data directory with packed features")
    train.add_argument("--out", type=Path, required=True, metavar="RUN", help="the run's folder")
    train.add_argument(
        "--variant", default="across_vcross", help="aself_vself, aself_vcross, across_vself, across_vcross"
    )
    train.add_argument("--smoothing", default="ls_v", help="no_ls, ls_a, ls_v, ls_av, or deltas as in ls_a0.2_v0.1")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument(
        "--control", help="train a negative control: random (weights), shuffled (labels), uniform (W_av), frozen (W_av)"
    )
    train.add_argument("--mitigation", metavar="NAME", help="a mitigation, with options as in 'ogm_ge alpha=0.5'")
    train.add_argument("--init", metavar="FILE", help="initial weights: an original checkpoint, or a run's")
    train.add_argument("--epochs", type=int, default=40)
    train.add_argument("--batch-size", type=int, default=16)
    train.add_argument("--learning-rate", type=float, default=3e-4)
    train.add_argument(
        "--record", choices=("val", "test"), default="test", help="the split whose attention is recorded"
    )
    train.add_argument("--precision", choices=("float32", "bfloat16", "auto"), default="auto")
    train.add_argument(
        "--threads", type=int, help="processor threads; the last bits of the results depend on them (default: all)"
    )
    train.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    train.set_defaults(handler=_train)

    study = add_command(
        commands, "study", "train the runs of a study that are not complete", "mbias study models/demo.toml"
    )
    study.add_argument("definition", type=Path, metavar="STUDY.toml")
    study.add_argument(
        "--data", type=Path, metavar="DIR", help="data directory (default: the one the definition names)"
    )
    study.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of the runs (default: the definition's path without .toml)"
    )
    study.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    where = study.add_mutually_exclusive_group()
    where.add_argument(
        "--workers", type=int, metavar="N", help="runs trained at once (default: cores // threads of a run; 1 on a GPU)"
    )
    where.add_argument("--scheduler", metavar="ADDRESS", help="train on the workers of this Dask scheduler")
    study.add_argument(
        "--dry-run",
        action="store_true",
        help="print what is left to train, how long it takes and how much disk space it needs",
    )
    study.set_defaults(handler=_study)

    status = add_command(commands, "status", "show the status of each run of a study", "mbias status models/demo.toml")
    status.add_argument("study", type=Path, metavar="STUDY", help="a study's definition, or its folder of runs")
    status.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of the runs (default: the definition's path without .toml)"
    )
    status.set_defaults(handler=_status)

    for module in (probe, evaluate, imports):
        module.add_commands(commands)
    return parser


def _train(options: argparse.Namespace) -> None:
    need_torch()
    from mbias.studies.execute import train_run
    from mbias.terms import Control, Smoothing, Split, Variant
    from mbias.training.config import TrainingConfig
    from mbias.training.devices import cores
    from mbias.training.mitigation_choice import MitigationChoice

    config = TrainingConfig(
        variant=Variant.parse(options.variant),
        smoothing=Smoothing.parse(options.smoothing),
        seed=options.seed,
        epochs=options.epochs,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        precision=options.precision,
        record=Split(options.record),
        init=options.init,
        threads=cores() if options.threads is None else options.threads,
        control=options.control and Control.parse(options.control),
        mitigation=options.mitigation and MitigationChoice.parse(options.mitigation),
    )
    _conclude({options.out.name: train_run(config, options.out, options.data, device=options.device)})


def _study(options: argparse.Namespace) -> None:
    need_torch()
    from mbias.studies.estimate import estimate_study
    from mbias.studies.execute import train_study

    arguments = {name: getattr(options, name) for name in ("data", "out", "device", "workers", "scheduler")}
    if options.dry_run:
        _print_estimate(estimate_study(options.definition, **arguments))
    else:
        outcomes = train_study(options.definition, **arguments)
        _conclude({planned.path.name: outcome for planned, outcome in outcomes.items()})


def _print_estimate(estimate: Estimate) -> None:
    runs, left = estimate.plan.runs, estimate.runs
    for planned in runs:
        print(f"{planned.path.name}: {'to train' if planned in left else 'complete'}")
    print(f"{len(runs)} runs, {len(left)} to train: {estimate.epochs:,} epochs")
    if left:
        committed, count = estimate.committed, estimate.plan.resources.workers
        how = f"the median of {committed} epochs of this study" if committed else "from a few steps, timed now"
        workers = "1 worker" if count == 1 else f"{count} workers"
        total = _duration(estimate.total_seconds)
        print(f"time: about {total} with {workers}; an epoch takes {estimate.seconds:.1f} s ({how})")
        print(f"disk: at most {estimate.bytes / 1e9:.2g} GB; {estimate.free / 1e9:,.1f} GB are free")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _conclude(outcomes: Mapping[str, Outcome]) -> None:
    """Raise unless all runs are complete; the message says how the study ended and how to resume it."""
    from mbias.studies.running.task import State

    failed = {name: outcome for name, outcome in outcomes.items() if outcome.state == State.FAILED}
    stopped = [name for name, outcome in outcomes.items() if outcome.state == State.STOPPED]
    complete = f"{len(outcomes) - len(failed) - len(stopped)} of {len(outcomes)} runs are complete"
    again = shlex.join(["mbias", *sys.argv[1:]])
    if stopped:
        raise KeyboardInterrupt(f"{complete}; resume with: {again}")
    if failed and len(outcomes) == 1:
        raise MbiasError("; ".join(outcome.reason for outcome in failed.values()))
    if failed:
        raise MbiasError(f"{complete}; failed: {', '.join(failed)}; try again with: {again}")


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
