"""The checks that a run is resumed with what it was recorded with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mbias.errors import BadInputError
from mbias.records.header import Header
from mbias.records.paths import record_file
from mbias.records.run import SAMPLES, Run
from mbias.records.writer import as_csv

if TYPE_CHECKING:
    import pandas as pd

_CONSTANTS = ("modalities", "categories", "split", "sample", "simulated", "training", "task", "setting", "seed")


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


def require_same_contents(run: Run, header: Header) -> None:
    """Require that the first resumed epoch has the arrays of the run, and no loss that the run lacks.

    Parameters
    ----------
    run
        The resumed run.
    header
        Header with the losses and arrays of the epoch.

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


def _listed(arrays: Mapping[str, tuple[str, ...]]) -> str:
    return ", ".join(f"{name} ({', '.join(axes)})" for name, axes in arrays.items()) or "none"
