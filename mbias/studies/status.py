"""How far each run of a study is, from its folder alone: no PyTorch, no contact with whoever trains it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mbias.errors import BadInputError
from mbias.records.commits import LOG
from mbias.records.failure import read_failure
from mbias.records.run import Run
from mbias.records.study import run_folders
from mbias.studies.definition import read_definition
from mbias.studies.locks import RUN_LOCK, holder


class Stage(StrEnum):
    """How far a run is."""

    RUNNING = "running"
    FAILED = "failed"
    STOPPED = "stopped"
    """Begun, and trained by no process now."""
    MISSING = "missing"
    DONE = "done"


@dataclass(frozen=True)
class RunStatus:
    """How far one run is.

    Parameters
    ----------
    name, stage
        The run's, and how far it is.
    epoch, epochs
        Committed, and to be trained; None where unknown.
    losses
        Of the last committed epoch, by name, as optimised, in nats.
    note
        Why it failed, or who trains it.
    end
        When a running one is expected to end, in seconds since 1970; None where unknown.
    seconds
        For an epoch of this run; None where unknown.
    """

    name: str
    stage: Stage
    epoch: int = 0
    epochs: int | None = None
    losses: dict[str, float] | None = None
    note: str = ""
    end: float | None = None
    seconds: float | None = None


def study_status(study: Path, out: Path | None = None) -> list[RunStatus]:
    """The runs of a study: those its definition lists, and those in its folder besides.

    Parameters
    ----------
    study
        A definition, or a folder of runs; the definition of that name is looked for beside it.
    out
        Folder of the runs, if it is not the definition's name less ``.toml``.

    Raises
    ------
    BadInputError
        If there is no such study.
    """
    definition = study if study.suffix == ".toml" else study.with_name(f"{study.name}.toml")
    folder = out or (study.with_suffix("") if study.suffix == ".toml" else study)
    planned: dict[Path, int] = {}
    if study.suffix == ".toml" or definition.exists():
        planned = {folder / run.name: run.epochs for run in read_definition(definition).runs}
    there = run_folders(folder) if not planned or any(folder.glob("*/run.json")) else []
    return [run_status(path, planned.get(path)) for path in dict.fromkeys([*planned, *there])]


def run_status(path: Path, epochs: int | None = None) -> RunStatus:
    """How far the run at ``path`` is, which is to be trained for ``epochs``."""
    try:
        failure, held_by = read_failure(path), holder(path / RUN_LOCK)
        run = Run(path) if (path / "run.json").exists() else None
    except BadInputError as error:
        return RunStatus(path.name, Stage.FAILED, epochs=epochs, note=str(error))
    epoch, losses, seconds, end = 0, None, None, None
    if run is not None:
        epoch, epochs = len(run.commits), (run.header.training or {}).get("epochs", epochs)
    if run is not None and run.commits:
        losses = {name: values["optimised"] for name, values in run.commits[-1].losses.items()}
        timed = [commit.seconds for commit in run.commits if commit.seconds is not None]
        seconds = statistics.median(timed) if timed else None
    if held_by:
        if epochs and seconds:
            end = (path / LOG).stat().st_mtime + (epochs - epoch) * seconds
        return RunStatus(path.name, Stage.RUNNING, epoch, epochs, losses, f"by {held_by}", end, seconds)
    if failure:
        return RunStatus(path.name, Stage.FAILED, epoch, epochs, losses, str(failure), seconds=seconds)
    if run is None:
        return RunStatus(path.name, Stage.MISSING, epochs=epochs)
    # An external model's record has no weights, and is done when it says so.
    whole = run.header.training is None or (path / "checkpoints" / "last.safetensors").exists()
    stage = Stage.DONE if run.complete and whole else Stage.STOPPED
    return RunStatus(path.name, stage, epoch, epochs, losses, seconds=seconds)


def study_end(statuses: Sequence[RunStatus]) -> float | None:
    """When the study is expected to end, in seconds since 1970, if as many runs are trained at once as now."""
    running = [status for status in statuses if status.stage == Stage.RUNNING]
    seconds = [status.seconds for status in statuses if status.seconds is not None]
    left = [status.epochs - status.epoch for status in statuses if status.stage != Stage.DONE and status.epochs]
    if not running or not seconds:
        return None
    return time.time() + sum(left) * statistics.median(seconds) / len(running)


def as_lines(statuses: Sequence[RunStatus], most: int | None = None) -> list[str]:
    """The status for people: a line of counts, then a line a run, at most ``most`` of them."""
    counts = {stage: sum(status.stage == stage for status in statuses) for stage in Stage}
    end = study_end(statuses)
    head = f"{len(statuses)} runs: " + ", ".join(f"{count} {stage}" for stage, count in counts.items() if count)
    head += f"; expected to end {_clock(end)}" if end else ""
    if most is not None and len(statuses) > most:
        # What needs a look first.
        statuses = sorted(statuses, key=lambda status: list(Stage).index(status.stage))[: most - 1]
        head += f"; the first {len(statuses)}:"
    width = max(len(status.name) for status in statuses)
    return [head, f"{'run':{width}}  state    epoch    L_a     L_v     L_wsl", *(_line(one, width) for one in statuses)]


def _line(status: RunStatus, width: int) -> str:
    epoch = f"{status.epoch}/{status.epochs or '?'}"
    losses = "  ".join(f"{value:.4f}" for value in (status.losses or {}).values()) or " " * 22
    note = " ".join([f"ends {_clock(status.end)}" if status.end else "", status.note]).strip()
    return f"{status.name:{width}}  {status.stage:7}  {epoch:7}  {losses}  {note}".rstrip()


def _clock(moment: float) -> str:
    form = "%H:%M" if moment - time.time() < 20 * 3600 else "%a %H:%M"
    return time.strftime(form, time.localtime(moment))
