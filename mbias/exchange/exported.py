"""A run in a file that `mbias.export_run` wrote, from which the run is restored."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mbias.errors import BadInputError
from mbias.exchange.arrays import read_arrays
from mbias.exchange.export import METADATA_VARIABLE
from mbias.exchange.named_array import TRUTH_PREFIX, NamedArray
from mbias.records.commits import Commit, parse_commit
from mbias.records.header import Header
from mbias.records.writer import RunWriter


@dataclass(frozen=True)
class ExportedRun:
    """The content of an exported file.

    Parameters
    ----------
    path
        The file.
    header
        The constants of the run.
    samples
        The table of samples, as CSV text.
    commits
        The epochs in order.
    arrays
        The arrays of the file by name.
    """

    path: Path
    header: Header
    samples: str
    commits: tuple[Commit, ...]
    arrays: dict[str, NamedArray]

    def write(self, out: Path) -> None:
        """Write the run.

        Parameters
        ----------
        out
            Folder of the new run.

        Raises
        ------
        BadInputError
            If ``out`` holds a run already, or the arrays of the file are not those that its commits name.
        """
        import pandas as pd

        try:
            samples = pd.read_csv(io.StringIO(self.samples), dtype=str, keep_default_na=False, index_col=False)
        except ValueError as error:
            raise BadInputError(f"{self.path}: its samples are not readable ({error}); export it again") from None
        truth = {n.removeprefix(TRUTH_PREFIX): a.values for n, a in self.arrays.items() if n.startswith(TRUTH_PREFIX)}
        writer = RunWriter.create(out, self.header, samples, truth)
        for commit in self.commits:
            arrays = {name: self._values(name, commit.epoch) for name in commit.arrays if name in self.header.arrays}
            writer.commit(commit.losses, arrays, commit.scores, commit.best, commit.learning_rate, commit.seconds)

    def _values(self, name: str, epoch: int) -> np.ndarray:
        """One array at one epoch."""
        holding = [commit.epoch for commit in self.commits if name in commit.arrays]
        array = self.arrays.get(name)
        if array is None or array.values.ndim < 1 or len(array.values) != len(holding):
            raise BadInputError(
                f"{self.path}: {name!r} does not hold the {len(holding)} epochs that it should; export it again"
            )
        values: np.ndarray = array.values[holding.index(epoch)]
        return values


def read_exported(path: Path) -> ExportedRun | None:
    """Read a file that `mbias.export_run` wrote.

    Parameters
    ----------
    path
        A .nc or .zarr file.

    Returns
    -------
    ExportedRun or None
        None if another program wrote the file.

    Raises
    ------
    BadInputError
        If the file is not readable, or its description of the run is damaged.
    """
    arrays = read_arrays(path)
    if METADATA_VARIABLE not in arrays:
        return None
    try:
        metadata: Any = json.loads(str(arrays[METADATA_VARIABLE].values.item()))
        header = Header.from_json(path, metadata["run"])
        commits = tuple(parse_commit(json.dumps(entry)) for entry in metadata["commits"])
        samples = metadata["samples"]
        if not isinstance(samples, str) or [commit.epoch for commit in commits] != list(range(1, len(commits) + 1)):
            raise ValueError("samples are not text, or epochs are not numbered 1, 2, 3, ...")
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise BadInputError(f"{path}: its description of the run is damaged ({error}); export it again") from None
    return ExportedRun(path, header, samples, commits, arrays)
