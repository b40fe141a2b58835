"""Checks a run whole: every file, every array, every digest."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from mbias.errors import BadInputError
from mbias.records.commits import LOG, Commit
from mbias.records.probes import probe_faults
from mbias.records.run import Run
from mbias.records.shards import read_arrays


def faults(path: Path) -> list[str]:
    """What is wrong with the run at ``path``, a line each; empty where it is sound.

    A last epoch that was being written when the run stopped is no fault: it does not exist.
    """
    try:
        run = Run(path)
        _ = run.samples, run.truth
    except BadInputError as error:
        return [str(error)]
    found = []
    for commit in run.commits:
        found += _commit_faults(run, commit)
    return found + probe_faults(run)


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
    found = []
    if set(arrays) != set(commit.arrays):
        found.append(f"{shard}: holds {', '.join(sorted(arrays))}, its line says {', '.join(sorted(commit.arrays))}")
    for name in sorted(arrays.keys() & set(commit.arrays)):
        try:
            values = run.values(name, commit.epoch)
        except BadInputError as error:
            found.append(str(error))
            continue
        # Of a category that is nowhere present there is no summary.
        if not name.endswith("_summary") and not np.isfinite(values).all():
            found.append(f"{shard}: array {name!r} holds NaN or infinity")
    unknown = set(commit.losses) - set(run.header.losses)
    if unknown:
        found.append(f"{run.path / LOG}: epoch {commit.epoch} has losses no one named: {', '.join(sorted(unknown))}")
    return found
