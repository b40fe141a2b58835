"""The plan of a study: its runs, their folder, the resources to train them with, and what the folder holds already."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from mbias.errors import BadInputError
from mbias.executors import require_dask
from mbias.records.header import Header
from mbias.records.study import run_folders
from mbias.studies.definition import read_definition, runs_folder
from mbias.studies.running.environment import Environment
from mbias.terms import Control, Smoothing, Variant
from mbias.training.config import TrainingConfig
from mbias.training.devices import choose_device, cores
from mbias.training.mitigation_choice import MitigationChoice
from mbias.training.record import OtherRunError, RunState, inspect_run, require_same_run


@dataclass(frozen=True)
class PlannedRun:
    """A run of a study, and its folder."""

    config: TrainingConfig
    path: Path


@dataclass(frozen=True)
class Resources:
    """What runs are trained with.

    Parameters
    ----------
    data
        The data directory, as the workers see it.
    device
        The name of the device, as the workers see it.
    workers
        Number of workers on this machine, each of which trains one run at a time.
    scheduler
        Address of a Dask scheduler, whose workers are used in place of this machine's.
    """

    data: Path
    device: str
    workers: int = 1
    scheduler: str | None = None


@dataclass(frozen=True)
class StudyPlan:
    """The runs of a study, the folder that holds them all, and the resources to train them with."""

    runs: tuple[PlannedRun, ...]
    folder: Path
    resources: Resources


def plan_study(
    definition: str | Path,
    *,
    data: str | Path | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    workers: int | None = None,
    scheduler: str | None = None,
) -> StudyPlan:
    """Plan the study of a definition.

    Parameters
    ----------
    definition
        The TOML file (`mbias.studies.definition.read_definition`).
    data
        The data directory; by default the one that the definition names.
    out
        The folder of the runs; by default the path of the definition without ``.toml``.
    device
        ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ...
    workers
        Number of runs trained at once. By default the number of processor cores divided by the threads of a run, at
        most one per run; 1 on a GPU.
    scheduler
        Address of a Dask scheduler, whose workers train the runs in place of this machine.

    Returns
    -------
    StudyPlan
        The plan; nothing is written.

    Raises
    ------
    BadInputError
        If the definition or an argument is wrong; the message names it.
    """
    definition = Path(definition)
    study = read_definition(definition)
    directory = Path(data) if data is not None else study.data
    if directory is None:
        raise BadInputError(f"{definition}: no data directory; add [data] path to the file, or give data (--data DIR)")
    folder = Path(out) if out is not None else runs_folder(definition)
    if workers is not None and workers < 1:
        raise BadInputError(f"workers is {workers}: it must be 1 or more")
    if scheduler is not None:
        if workers is not None:
            raise BadInputError("workers and scheduler are both given: give one of them")
        require_dask()
        # The workers' processes were started in other folders.
        directory, folder = directory.absolute(), folder.absolute()
    runs = tuple(PlannedRun(config, folder / config.name) for config in study.runs)
    if workers is None:
        # A device of the cluster need not be available here.
        workers = 1 if scheduler is not None else _workers(runs, device)
    return StudyPlan(runs, folder, Resources(directory, device, workers, scheduler))


def _workers(runs: tuple[PlannedRun, ...], device: str) -> int:
    if choose_device(device).type != "cpu":
        return 1
    return max(1, min(len(runs), cores() // runs[0].config.threads))


def inspect_folder(plan: StudyPlan, environment: Environment) -> dict[PlannedRun, RunState]:
    """Inspect every run in the folder of a study.

    Parameters
    ----------
    plan
        The study.
    environment
        The environment in which its runs are to be trained.

    Returns
    -------
    dict
        The state of every planned run. A damaged run has its ``damage`` set.

    Raises
    ------
    BadInputError
        If the folder holds a run of another configuration, in another precision or on other data, also one that the
        definition no longer lists, because the analysis reads all runs of a folder together. The message names the run
        and the field.
    """
    states = {run: _inspect(run, environment) for run in plan.runs}
    planned = {run.path for run in plan.runs}
    folders = run_folders(plan.folder) if any(plan.folder.glob("*/run.json")) else []
    for path in folders:
        if path not in planned:
            header = Header.read(path / "run.json")
            config = _with_identity(plan.runs[0].config, path, header)
            require_same_run(
                path, header, config, environment.computed_in, environment.fingerprint, environment.streams
            )
    return states


def _inspect(run: PlannedRun, environment: Environment) -> RunState:
    try:
        return inspect_run(run.path, run.config, environment.computed_in, environment.fingerprint, environment.streams)
    except OtherRunError:
        raise
    except BadInputError as error:
        return RunState(run.path, run.config, environment.computed_in, damage=error)


def _with_identity(config: TrainingConfig, path: Path, header: Header) -> TrainingConfig:
    """Return ``config`` with the variant, smoothing, mitigation, control and seed of the run at ``path``."""
    trained = header.training or {}
    try:
        control, mitigation = trained.get("control"), trained.get("mitigation")
        return dataclasses.replace(
            config,
            variant=Variant.parse(trained["variant"]),
            smoothing=Smoothing.parse(trained["smoothing"]),
            mitigation=None if mitigation is None else MitigationChoice.parse(str(mitigation)),
            control=None if control is None else Control.parse(str(control)),
            seed=int(trained["seed"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError(f"{path}: not a run of a study ({error}); move it to another folder") from None
