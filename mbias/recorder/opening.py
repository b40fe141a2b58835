"""Opening the run of a recorder: a new one, or one to resume, which must have been recorded with the same."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mbias.errors import BadInputError
from mbias.records.header import Header
from mbias.records.paths import record_file
from mbias.records.run import SAMPLES, Run
from mbias.records.writer import RunWriter, as_csv

if TYPE_CHECKING:
    import pandas as pd

JOINT = "joint"
"""Name of the loss that all modalities share."""

_CONSTANTS = ("modalities", "categories", "split", "sample", "simulated", "training", "task", "setting", "seed")


def run_to_resume(path: Path, resume: bool) -> bool:
    """Whether a folder holds a run, which may be resumed.

    Raises
    ------
    BadInputError
        If it does, and ``resume`` is not set.
    """
    exists = (path / "run.json").exists()
    if exists and not resume:
        raise BadInputError(
            f"{path}: a run exists already; choose another folder, delete it, or resume it with resume=True"
        )
    return exists


def new_header(**constants: Any) -> Header:
    """A header without arrays and with the joint loss alone; others become known with the first epoch.

    Parameters
    ----------
    **constants
        The other fields of `Header`.
    """
    software = {"mbias": version("mbias"), "torch": torch.__version__, "python": platform.python_version()}
    return Header(losses=(JOINT,), joint_loss=JOINT, arrays={}, software=software, **constants)


def open_same_run(path: Path, header: Header, samples: pd.DataFrame, truth: Mapping[str, np.ndarray]) -> Run:
    """Open the run to resume, and require that its samples, truth and constants are unchanged.

    Parameters
    ----------
    path
        Folder of the run.
    header, samples, truth
        What the recorder was given; losses and arrays are checked by `require_same_contents`.

    Returns
    -------
    Run

    Raises
    ------
    BadInputError
        If the run was recorded with anything else.
    """
    run = Run(path)
    for name in _CONSTANTS:
        recorded, given = getattr(run.header, name), getattr(header, name)
        if recorded != given:
            raise BadInputError(
                f"{path}: {name} is {given!r}, but the run was recorded with {recorded!r}; resume it with the same"
            )
    if record_file(path, SAMPLES).read_bytes() != as_csv(samples).encode():
        raise BadInputError(f"{path}: samples or groups differ from those of the run; give the same")
    if run.truth.keys() != truth.keys() or not all(
        np.array_equal(run.truth[name], array) for name, array in truth.items()
    ):
        raise BadInputError(f"{path}: truth differs from that which the run was recorded with; give the same truth")
    return run


def create_with(
    path: Path,
    header: Header,
    samples: pd.DataFrame,
    truth: Mapping[str, np.ndarray],
    losses: Mapping[str, Mapping[str, float]],
    arrays: Mapping[str, np.ndarray],
) -> RunWriter:
    """Create a run for its first epoch; an epoch that is refused leaves no run behind.

    Parameters
    ----------
    path, header, samples, truth
        As for `RunWriter.create`.
    losses, arrays
        Those of the first epoch, as for `RunWriter.commit`.

    Returns
    -------
    RunWriter

    Raises
    ------
    BadInputError
        If the run or the epoch is refused.
    """
    RunWriter(path, header, truth, len(samples)).check(losses, arrays)
    return RunWriter.create(path, header, samples, truth)


def reopen_with(run: Run, header: Header) -> RunWriter:
    """Reopen a run whose first resumed epoch has the arrays of the run, and no loss that the run lacks.

    Parameters
    ----------
    run
        The resumed run.
    header
        Header with the losses and arrays of the epoch.

    Returns
    -------
    RunWriter

    Raises
    ------
    BadInputError
        If the arrays differ, or a loss is new.
    """
    recorded = run.header
    if recorded.arrays != header.arrays or not set(header.losses) <= set(recorded.losses):
        raise BadInputError(
            f"{run.path}: this epoch has the arrays {_listed(header.arrays)} and losses {', '.join(header.losses)}, "
            f"but the run was recorded with {_listed(recorded.arrays)} and {', '.join(recorded.losses)}; "
            "watch and record the same"
        )
    return RunWriter.reopen(run.path)


def _listed(arrays: Mapping[str, tuple[str, ...]]) -> str:
    return ", ".join(f"{name} ({', '.join(axes)})" for name, axes in arrays.items()) or "none"
