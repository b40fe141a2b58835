"""Checks runs completely: every file, every array, every digest."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mbias.arguments import shown
from mbias.errors import BadInputError
from mbias.records.commits import LOG, Commit
from mbias.records.paths import record_file
from mbias.records.probes import INDEX, OUTPUTS, how_to_probe, read_probe
from mbias.records.run import SAMPLES, Run
from mbias.records.shards import check_header, inspect, read_arrays
from mbias.records.study import Study, run_folders
from mbias.tasks import Task

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
    if not isinstance(given, Sequence | Study) or not given:
        raise BadInputError(f"validate: {shown(runs)} holds no run; give a run, a folder of runs, or a list of these")
    folders: list[Path] = []
    for item in given:
        folders += [item.path] if isinstance(item, Run) else run_folders(item)
    rows = [(str(folder), fault) for folder in folders for fault in faults(folder) or [""]]
    return pd.DataFrame(rows, columns=["path", "fault"])


def faults(path: Path) -> list[str]:
    """What is wrong with the run at ``path``, one line per fault; empty where it is sound.

    A last epoch that was being written when the run stopped is not a fault: it does not exist.
    """
    try:
        run = Run(path)
        _ = run.samples, run.groups, run.truth
    except BadInputError as error:
        return [str(error)]
    of_samples = _sample_faults(run)
    of_epochs = [fault for commit in run.commits for fault in _commit_faults(run, commit)]
    return of_samples + of_epochs + probe_faults(run)


def _sample_faults(run: Run) -> list[str]:
    identifiers = run.samples.iloc[:, 0]
    repeated = identifiers[identifiers.duplicated()]
    if repeated.empty:
        return []
    return [f"{run.path / SAMPLES}: sample {repeated.iloc[0]!r} has several rows; give each sample one identifier"]


def _commit_faults(run: Run, commit: Commit) -> list[str]:
    shard = record_file(run.path, commit.shard, None)
    digest, held = inspect(shard)
    if digest != commit.sha256:
        return [f"{shard}: its sha256 is not the committed one, so its bytes have changed; train the run again"]
    try:
        check_header(shard)
        stored = set(read_arrays(shard) if held is None else held)
    except BadInputError as error:
        return [str(error)]
    faulty = []
    if stored != set(commit.arrays):
        faulty.append(f"{shard}: holds {', '.join(sorted(stored))}, its line says {', '.join(sorted(commit.arrays))}")
    for name in sorted(stored & set(commit.arrays)):
        try:
            if held is None:
                run.values(name, commit.epoch)
            else:
                finite = name.endswith("_summary") or held[name].extremes.finite
                run.check_array(name, shard, held[name].kind, held[name].shape, finite)
        except BadInputError as error:
            faulty.append(str(error))
    unknown = set(commit.losses) - set(run.header.losses)
    if unknown:
        names = ", ".join(sorted(unknown))
        faulty.append(f"{run.path / LOG}: epoch {commit.epoch} has losses that the header does not name: {names}")
    return faulty


def probe_faults(run: Run) -> list[str]:
    """What is wrong with the probe of a run, one line per fault; empty where it is sound or there is none."""
    try:
        if not record_file(run.path, INDEX).exists():
            return []
        probe = read_probe(run)
        outputs = record_file(run.path, OUTPUTS, None)
        digest, held = inspect(outputs, sums=run.task == Task.SINGLE_LABEL)
        if digest != probe.sha256:
            return [f"{outputs}: its sha256 is not the one in probe.json; {how_to_probe(run)}"]
        check_header(outputs)
        for key in sorted(read_arrays(outputs) if held is None else held):
            index, _, name = key.partition(".")
            if not index.isdecimal() or int(index) >= len(probe.passes):
                return [f"{outputs}: {key!r} belongs to no pass in probe.json; {how_to_probe(run)}"]
            of_pass = probe.passes[int(index)]
            if held is None:
                probe.values(of_pass, name)
            else:
                probe.check(of_pass, name, held[key])
    except BadInputError as error:
        return [str(error)]
    return []
