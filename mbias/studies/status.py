"""The status of every run of a study, read from its folder alone: without PyTorch, and without asking its workers."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mbias.errors import BadInputError
from mbias.records.commits import LOG
from mbias.records.failure import read_failure
from mbias.records.run import Run
from mbias.records.study import run_folders
from mbias.studies.definition import definition_beside, read_definition, runs_folder
from mbias.studies.locks import RUN_LOCK, holder


class Stage(StrEnum):
    """The stage of a run."""

    RUNNING = "running"
    FAILED = "failed"
    STOPPED = "stopped"
    """Partly trained, and not in training now."""
    MISSING = "missing"
    DONE = "done"


_LOSSES = ("audio", "visual", "wsl")
"""The losses of a run that is not recorded yet: a HAN that the study will train."""


@dataclass(frozen=True)
class RunStatus:
    """The status of one run.

    Parameters
    ----------
    name
        Name of the run.
    stage
        Its stage.
    epoch
        Number of committed epochs.
    epochs
        Number of epochs to train; None if unknown.
    losses
        Losses of the last committed epoch by name, as optimised, in nats; None if no epoch is committed.
    note
        Why it failed, or which process is training it.
    end
        Expected end of a running one, in seconds since 1970; None if unknown.
    seconds
        Median seconds per epoch of this run; None if unknown.
    """

    name: str
    stage: Stage
    epoch: int = 0
    epochs: int | None = None
    losses: dict[str, float] | None = None
    note: str = ""
    end: float | None = None
    seconds: float | None = None


def study_status(study: str | Path, out: str | Path | None = None) -> list[RunStatus]:
    """Return the status of the runs of a study: those that its definition lists, and any others in its folder.

    Parameters
    ----------
    study
        A definition, or a folder of runs, whose definition is looked for next to it.
    out
        The folder of the runs; by default the path of the definition without ``.toml``.

    Returns
    -------
    list of RunStatus
        One status per run.

    Raises
    ------
    BadInputError
        If there is no such study.

    Examples
    --------
    >>> import tempfile
    >>> definition = Path(tempfile.mkdtemp()) / "demo.toml"
    >>> _ = definition.write_text('''
    ... [[grid]]
    ... variants = ["aself_vself"]
    ... smoothing = ["no_ls"]
    ... seeds = [0]
    ... ''')
    >>> [(status.name, str(status.stage)) for status in study_status(definition)]
    [('aself_vself-no_ls-seed0', 'missing')]
    """
    study = Path(study)
    definition = study if study.suffix == ".toml" else definition_beside(study)
    folder = Path(out) if out is not None else runs_folder(study) if study.suffix == ".toml" else study
    planned: dict[Path, int] = {}
    if study.suffix == ".toml" or definition.exists():
        planned = {folder / run.name: run.epochs for run in read_definition(definition).runs}
    present = run_folders(folder) if not planned or any(folder.glob("*/run.json")) else []
    return [run_status(path, planned.get(path)) for path in dict.fromkeys([*planned, *present])]


def run_status(path: Path, epochs: int | None = None) -> RunStatus:
    """Return the status of one run.

    Parameters
    ----------
    path
        The run's folder, which need not exist.
    epochs
        Number of epochs it is to be trained for, if its record does not say.

    Returns
    -------
    RunStatus
        Its status. A damaged record counts as failed, and the note says why.
    """
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
    # The record of an external model holds no weights; its epochs alone decide.
    whole = run.header.training is None or (path / "checkpoints" / "last.safetensors").exists()
    stage = Stage.DONE if run.complete and whole else Stage.STOPPED
    return RunStatus(path.name, stage, epoch, epochs, losses, seconds=seconds)


def study_end(statuses: Sequence[RunStatus]) -> float | None:
    """Return the expected end of a study, if as many runs are trained at once as now.

    Parameters
    ----------
    statuses
        The status of its runs.

    Returns
    -------
    float or None
        Seconds since 1970; None if no run is in training, or no epoch is committed yet.
    """
    running = [status for status in statuses if status.stage == Stage.RUNNING]
    seconds = [status.seconds for status in statuses if status.seconds is not None]
    left = [status.epochs - status.epoch for status in statuses if status.stage != Stage.DONE and status.epochs]
    if not running or not seconds:
        return None
    return time.time() + sum(left) * statistics.median(seconds) / len(running)


def as_lines(statuses: Sequence[RunStatus], most: int | None = None) -> list[str]:
    """Return the status of a study as text.

    Parameters
    ----------
    statuses
        The status of its runs.
    most
        Highest number of runs to list; all of them by default. Those that are not done come first.

    Returns
    -------
    list of str
        One line of counts, one line of column names, and one line per run.

    Examples
    --------
    >>> for line in as_lines([RunStatus("seed0", Stage.DONE, epoch=3, epochs=3)]):
    ...     print(line)
    1 runs: 1 done
    run    state    epoch    L_a     L_v     L_wsl
    seed0  done     3/3
    """
    counts = {stage: sum(status.stage == stage for status in statuses) for stage in Stage}
    end = study_end(statuses)
    head = f"{len(statuses)} runs: " + ", ".join(f"{count} {stage}" for stage, count in counts.items() if count)
    head += f"; expected to end {_clock(end)}" if end else ""
    if most is not None and len(statuses) > most:
        # Stages are listed in the order in which they need attention.
        statuses = sorted(statuses, key=lambda status: list(Stage).index(status.stage))[: most - 1]
        head += f"; the first {len(statuses)}:"
    width = max(len(status.name) for status in statuses)
    # Loaded here, so that asking for the status stays light for who needs no text.
    from mbias.tables.names import loss_name

    names = list(dict.fromkeys(name for status in statuses for name in status.losses or _LOSSES))
    symbols = {name: f"{loss_name(name):6}" for name in names}
    of_losses = "  ".join(symbols.values()).rstrip()
    columns = f"{'run':{width}}  state    epoch    {of_losses}"
    return [head, columns, *(_line(status, width, symbols) for status in statuses)]


def _line(status: RunStatus, width: int, symbols: Mapping[str, str]) -> str:
    epoch = f"{status.epoch}/{status.epochs or '?'}"
    known = {name: f"{value:.4f}" for name, value in (status.losses or {}).items()}
    losses = "  ".join(f"{known.get(name, ''):{len(symbol)}}" for name, symbol in symbols.items())
    note = " ".join([f"ends {_clock(status.end)}" if status.end else "", status.note]).strip()
    return f"{status.name:{width}}  {status.stage:7}  {epoch:7}  {losses}  {note}".rstrip()


def _clock(moment: float) -> str:
    form = "%H:%M" if moment - time.time() < 20 * 3600 else "%a %H:%M"
    return time.strftime(form, time.localtime(moment))
