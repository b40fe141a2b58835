"""The command ``mbias probe``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mbias.cli.common import add_command, need_torch

if TYPE_CHECKING:
    from mbias.cli.common import Commands
    from mbias.records.run import Run
    from mbias.records.study import Study


def add_commands(commands: Commands) -> None:
    """Register the command."""
    command = add_command(
        commands,
        "probe",
        "record what trained networks output when a modality is replaced",
        "mbias probe models/demo --data data/demo",
    )
    command.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a run, or a folder of runs")
    command.add_argument(
        "--data", type=Path, metavar="DIR", help="data directory (default: the one that the definition PATH.toml names)"
    )
    command.add_argument(
        "--epoch", choices=("best", "last"), default="best", help="weights of the best or of the last epoch (best)"
    )
    command.add_argument(
        "--draws", type=int, default=5, metavar="K", help="permutations, and sets of donors; 7 + 5 K passes (5)"
    )
    command.add_argument("--seed", type=int, default=0, metavar="N", help="seed of these draws (0)")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    command.set_defaults(handler=_probe)


def _probe(options: argparse.Namespace) -> None:
    need_torch()
    from mbias.records.study import open_study
    from mbias.studies.probe import probe_study

    study = open_study(options.paths)
    for name, reason in study.left_out.items():
        print(f"left out {name}: {reason}")
    with _Bars(study) as bars:
        probe_study(
            study,
            data=options.data,
            epoch=options.epoch,
            draws=options.draws,
            seed=options.seed,
            device=options.device,
            progress=bars,
        )


class _Bars:
    """One progress bar per run on a terminal, and one line per probed run."""

    def __init__(self, study: Study) -> None:
        total = len(study)
        self._names = {
            run: f"[{number}/{total}] {run.name}" if total > 1 else run.name for number, run in enumerate(study, 1)
        }
        self._bar: Any = None

    def __enter__(self) -> _Bars:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, run: Run, done: int, total: int) -> None:
        from tqdm import tqdm

        name = self._names[run]
        if self._bar is None:
            # disable=None: tqdm prints nothing if there is no terminal.
            self._bar = tqdm(total=total, unit="pass", desc=name, disable=None)
        self._bar.update(done - self._bar.n)
        if done == total:
            self._bar.close()
            self._bar = None
            print(f"{name}: {total} passes over {len(run.samples):,} {run.header.sample}s", flush=True)
