"""Checks runs completely: every file, every array, every digest."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mbias.errors import BadInputError
from mbias.records.commits import LOG, Commit
from mbias.records.probes import probe_faults
from mbias.records.run import Run
from mbias.records.shards import read_arrays
from mbias.records.study import run_folders

if TYPE_CHECKING:
    import pandas as pd


def validate(runs: Run | str | os.PathLike[str] | Sequence[Run | str | os.PathLike[str]]) -> pd.DataFrame:
    """Check runs completely.

    Parameters
    ----------
    runs
        A run, the folder of a run or of runs, or a list of these. Damaged runs are reported, not raised.

    Returns
    -------
    pandas.DataFrame
        One row per fault, with the ``path`` of the run and the ``fault``; a sound run has one row with an empty fault.

    Raises
    ------
    BadInputError
        If a path does not hold a run.

    Examples
    --------
    >>> table = mbias.validate("models/mine")
    >>> list(table.columns), list(table["fault"])
    (['path', 'fault'], [''])
    """
    import pandas as pd

    given = [runs] if isinstance(runs, Run | str | os.PathLike) else runs
    folders: list[Path] = []
    for item in given:
        folders += [item.path] if isinstance(item, Run) else run_folders(Path(item))
    rows = [(str(folder), fault) for folder in folders for fault in faults(folder) or [""]]
    return pd.DataFrame(rows, columns=["path", "fault"])


def faults(path: Path) -> list[str]:
    """What is wrong with the run at ``path``, one line per fault; empty where it is sound.

    A last epoch that was being written when the run stopped is not a fault: it does not exist.
    """
    try:
        run = Run(path)
        _ = run.samples, run.truth
    except BadInputError as error:
        return [str(error)]
    of_epochs = [fault for commit in run.commits for fault in _commit_faults(run, commit)]
    return of_epochs + probe_faults(run)


def _commit_faults(run: Run, commit: Commit) -> list[str]:
    shard = run.path / commit.shard
    with shard.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != commit.sha256:
        return [f"{shard}: its sha256 is not the committed one, so its bytes have changed; train the run again"]
    try:
        arrays = read_arrays(shard)
    except BadInputError as error:
        return [str(error)]
    faulty = []
    if set(arrays) != set(commit.arrays):
        faulty.append(f"{shard}: holds {', '.join(sorted(arrays))}, its line says {', '.join(sorted(commit.arrays))}")
    for name in sorted(arrays.keys() & set(commit.arrays)):
        try:
            values = run.values(name, commit.epoch)
        except BadInputError as error:
            faulty.append(str(error))
            continue
        # The summary of a category that is not present anywhere is NaN.
        if not name.endswith("_summary") and not np.isfinite(values).all():
            faulty.append(f"{shard}: array {name!r} holds NaN or infinity")
    unknown = set(commit.losses) - set(run.header.losses)
    if unknown:
        names = ", ".join(sorted(unknown))
        faulty.append(f"{run.path / LOG}: epoch {commit.epoch} has losses that the header does not name: {names}")
    return faulty
