"""Checks a run whole: every file, every array, every digest."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from mbias.errors import BadInputError
from mbias.records.commits import LOG, Commit
from mbias.records.run import Run
from mbias.records.shards import read_arrays


def faults(path: Path) -> list[str]:
    """What is wrong with the run at ``path``, a line each; empty where it is sound.

    A last epoch that was being written when the run stopped is no fault: it does not exist.
    """
    try:
        run = Run(path)
        samples = len(run.samples)
        found = _truth_faults(run, samples)
    except BadInputError as error:
        return [str(error)]
    for commit in run.commits:
        found += _commit_faults(run, commit, samples)
    return found


def _truth_faults(run: Run, samples: int) -> list[str]:
    expected = (samples, len(run.header.categories))
    return [
        f"{run.path / 'truth.safetensors'}: array {name!r} has shape {array.shape}, not {expected[0]} samples by "
        f"{expected[1]} categories"
        for name, array in run.truth.items()
        if (array.shape[0], array.shape[-1]) != expected
    ]


def _commit_faults(run: Run, commit: Commit, samples: int) -> list[str]:
    shard = run.path / commit.shard
    if hashlib.sha256(shard.read_bytes()).hexdigest() != commit.sha256:
        return [f"{shard}: its sha256 is not the committed one, so its bytes have changed; train the run again"]
    try:
        arrays = read_arrays(shard)
    except BadInputError as error:
        return [str(error)]
    found = []
    if set(arrays) != set(commit.arrays):
        found.append(f"{shard}: holds {', '.join(sorted(arrays))}, its line says {', '.join(sorted(commit.arrays))}")
    for name, array in arrays.items():
        dimensions = run.header.arrays.get(name)
        if dimensions is None:
            continue
        if array.ndim != len(dimensions) or (dimensions[0] == run.header.sample and array.shape[0] != samples):
            found.append(f"{shard}: array {name!r} has shape {array.shape}, not {' x '.join(dimensions)}")
        elif not np.isfinite(array).all():
            found.append(f"{shard}: array {name!r} holds NaN or infinity")
    unknown = set(commit.losses) - set(run.header.losses)
    if unknown:
        found.append(f"{run.path / LOG}: epoch {commit.epoch} has losses no one named: {', '.join(sorted(unknown))}")
    return found
