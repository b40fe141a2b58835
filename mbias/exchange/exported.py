"""A run that `mbias-analyze export` wrote, taken back as it was."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mbias.errors import BadInputError
from mbias.exchange.arrays import read_arrays
from mbias.exchange.export import WHOLE
from mbias.exchange.import_plan import TRUTH
from mbias.exchange.named import Named
from mbias.records.commits import Commit, parse_commit
from mbias.records.header import Header
from mbias.records.writer import RunWriter


@dataclass(frozen=True)
class Exported:
    """What such a file holds."""

    path: Path
    header: Header
    samples: str
    commits: tuple[Commit, ...]
    arrays: dict[str, Named]

    def write(self, out: Path) -> None:
        """Write the run to the folder ``out``.

        Raises
        ------
        BadInputError
            If there is a run already, or the file's arrays are not those its commits name.
        """
        import pandas as pd

        try:
            samples = pd.read_csv(io.StringIO(self.samples), dtype=str, keep_default_na=False, index_col=False)
        except ValueError as error:
            raise BadInputError(f"{self.path}: its samples are not readable ({error}); export it again") from None
        truth = {n.removeprefix(TRUTH): a.values for n, a in self.arrays.items() if n.startswith(TRUTH)}
        writer = RunWriter.create(out, self.header, samples, truth)
        for commit in self.commits:
            arrays = {name: self._at(name, commit.epoch) for name in commit.arrays if name in self.header.arrays}
            writer.commit(commit.losses, arrays, commit.scores, commit.best, commit.learning_rate, commit.seconds)

    def _at(self, name: str, epoch: int) -> np.ndarray:
        holding = [commit.epoch for commit in self.commits if name in commit.arrays]
        named = self.arrays.get(name)
        if named is None or named.values.ndim < 1 or len(named.values) != len(holding):
            raise BadInputError(
                f"{self.path}: {name!r} does not hold the {len(holding)} epochs it should; export again"
            )
        array: np.ndarray = named.values[holding.index(epoch)]
        return array


def as_exported(path: Path) -> Exported | None:
    """The run in a file, or None where `mbias-analyze export` did not write it.

    Raises
    ------
    BadInputError
        If the file is not readable, or what it says of the run is damaged.
    """
    arrays = read_arrays(path)
    if WHOLE not in arrays:
        return None
    try:
        whole: Any = json.loads(str(arrays[WHOLE].values.item()))
        header = Header.from_json(path, whole["run"])
        commits = tuple(parse_commit(json.dumps(entry)) for entry in whole["commits"])
        samples = whole["samples"]
        if not isinstance(samples, str) or [commit.epoch for commit in commits] != list(range(1, len(commits) + 1)):
            raise ValueError("samples or epochs are not what they should be")
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise BadInputError(f"{path}: what it says of its run is damaged ({error}); export it again") from None
    return Exported(path, header, samples, commits, arrays)
