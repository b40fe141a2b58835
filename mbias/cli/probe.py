"""The command `mbias probe`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mbias.cli.common import add_command, need_torch
from mbias.errors import BadInputError

if TYPE_CHECKING:
    from mbias.records.run import Run
    from mbias.training.data import Data


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Register the command."""
    command = add_command(
        commands,
        "probe",
        "record what trained networks answer when a modality is replaced",
        "mbias probe models/demo --data data/demo",
    )
    command.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a run, or a folder of runs")
    command.add_argument(
        "--data", type=Path, metavar="DIR", help="data directory (default: that of PATH.toml, the study's definition)"
    )
    command.add_argument(
        "--epoch", choices=("best", "last"), default="best", help="whose weights: the model kept, or the last (best)"
    )
    command.add_argument(
        "--draws", type=int, default=5, metavar="K", help="how often to permute, and to take donors; 7 + 5 K passes (5)"
    )
    command.add_argument("--seed", type=int, default=0, metavar="N", help="of these draws (0)")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    command.set_defaults(handler=_probe)


def _probe(options: argparse.Namespace) -> None:
    need_torch()
    if options.draws < 1:
        raise BadInputError(f"--draws is {options.draws}: it must be 1 or more")
    if options.seed < 0:
        raise BadInputError(f"--seed is {options.seed}: it must be 0 or more")
    from mbias.records.study import open_study

    study = open_study(options.paths)
    directory = options.data or _data_of_definition(options.paths)
    for name, reason in study.left_out.items():
        print(f"left out {name}: {reason}")
    loaded: dict[str, Data] = {}
    for number, run in enumerate(study, start=1):
        _probe_run(run, directory, options, f"[{number}/{len(study)}] " if len(study) > 1 else "", loaded)


def _data_of_definition(paths: list[Path]) -> Path:
    """The data directory that the definition beside a study's folder names."""
    from mbias.studies.definition import read_definition

    for folder in (folder for path in paths for folder in (path, path.parent)):
        definition = folder.with_suffix(".toml")
        if definition.is_file() and (data := read_definition(definition).data):
            return data
    raise BadInputError(f"{paths[0]}: there is no definition {paths[0]}.toml that names its data; give --data DIR")


def _probe_run(run: Run, directory: Path, options: argparse.Namespace, place: str, loaded: dict[str, Data]) -> None:
    """Probe one run; ``loaded`` keeps the data by recorded split, for the runs behind it."""
    from tqdm import tqdm

    from mbias.probing.han import check_trained_here, passes, probe
    from mbias.terms import Split, Variant
    from mbias.training.data import load_data
    from mbias.training.devices import choose_device, choose_precision

    check_trained_here(run)
    device = choose_device(options.device)
    training = run.header.training or {}
    dtype = choose_precision(str(training.get("computed_in", "float32")), device)
    split = run.header.split
    if split not in loaded:
        loaded[split] = load_data(directory, Split(split), device)
    total = len(passes(Variant.parse(str(run.variant)), options.draws))
    # disable=None: tqdm stays silent off a terminal.
    with tqdm(total=total, unit="pass", desc=f"{place}{run.name}", disable=None) as bar:
        probe(run, loaded[split], dtype, options.epoch, options.draws, options.seed, lambda _: bar.update())
    print(f"{place}{run.name}: {total} passes over {len(run.samples):,} {run.header.sample}s", flush=True)
