"""Reading a run, also one that is being written."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mbias.errors import BadInputError
from mbias.records import summary
from mbias.records.commits import Commit, read_commits
from mbias.records.failure import Failure, read_failure
from mbias.records.header import Header
from mbias.records.paths import part
from mbias.records.shards import read_array, read_arrays
from mbias.terms import smoothing_name

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


SAMPLES = "samples.csv"
"""The table of the recorded samples."""


class Run:
    """A run on disk.

    Parameters
    ----------
    path
        Its folder.

    Raises
    ------
    BadInputError
        If the folder holds no readable run.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.header = Header.read(part(self.path, "run.json"))
        self.commits = tuple(read_commits(self.path)[0])

    @property
    def name(self) -> str:
        """Name of the run's folder."""
        return self.path.resolve().name

    @property
    def variant(self) -> str | None:
        """The variant trained, or None for an external model."""
        return self._trained("variant")

    @property
    def smoothing(self) -> str | None:
        """Name of the smoothing trained with, or None for an external model."""
        return self._trained("smoothing")

    @property
    def control(self) -> str | None:
        """What the run is a control for, a name of `mbias.terms.Control`, or None."""
        return self._trained("control")

    @property
    def seed(self) -> int | None:
        """The seed trained with, or None for an external model."""
        return self._trained("seed")

    def _trained(self, setting: str):  # type: ignore[no-untyped-def]  # as JSON has it
        return (self.header.training or {}).get(setting)

    @property
    def display_name(self) -> str:
        """The run's name on screen."""
        from mbias.terms import Variant

        if self.variant not in set(Variant) or self.smoothing is None:
            return self.name
        return f"{Variant(self.variant).display_name}, {smoothing_name(self.smoothing)}, seed {self.seed}"

    @property
    def complete(self) -> bool:
        """Whether all epochs it was to be trained for are committed; True for an external model with an epoch."""
        return len(self.commits) >= max(1, self._trained("epochs") or 1)

    @property
    def failure(self) -> Failure | None:
        """Why it is not trained to its end, where training it failed."""
        return read_failure(self.path)

    def commit(self, epoch: int | str = "last") -> Commit:
        """An epoch's commit; ``epoch`` is a number from 1, ``"last"`` or ``"best"``.

        Raises
        ------
        BadInputError
            If no epoch is committed, or not that one.
        """
        if not self.commits:
            raise BadInputError(f"{self.path}: no epoch is committed yet; train it on, or leave it out")
        if epoch == "last":
            return self.commits[-1]
        if epoch == "best":
            marked = [commit for commit in self.commits if commit.best]
            return marked[-1] if marked else self.commits[-1]
        if not isinstance(epoch, int) or not 1 <= epoch <= len(self.commits):
            raise BadInputError(f"{self.path}: no epoch {epoch}; take 1 to {len(self.commits)}, 'last' or 'best'")
        return self.commits[epoch - 1]

    def values(self, name: str, epoch: int | str = "last", dimensions: tuple[str, ...] | None = None) -> np.ndarray:
        """One array of one epoch, float32, with the dimensions ``header.arrays[name]``.

        Parameters
        ----------
        dimensions
            Those it must have, in the order in which they are given back; ``sample`` is the run's samples, whatever
            its word for them.

        Raises
        ------
        BadInputError
            If that epoch does not hold the array (the message says which do), or the array has other dimensions.
        """
        commit = self.commit(epoch)
        if name not in commit.arrays:
            holders = [str(c.epoch) for c in self.commits if name in c.arrays]
            hint = f"take epoch {', '.join(holders)}" if holders else "record it with the run"
            raise BadInputError(f"{self.path}: epoch {commit.epoch} holds no array {name!r}; {hint}")
        shard = part(self.path, commit.shard, None)
        values = read_array(shard, name)
        held = self._dimensions(name)
        expected = tuple(self._sizes.get(d, n) for d, n in zip(held, values.shape, strict=False))
        if values.dtype != np.float32 or values.shape != expected or len(held) != values.ndim:
            raise BadInputError(
                f"{shard}: array {name!r} is {values.dtype} {values.shape}, not float32 {' x '.join(held)}; "
                "record the run again"
            )
        if dimensions is None:
            return values
        wanted = [self.header.sample if d == "sample" else d for d in dimensions]
        if sorted(wanted) != sorted(held):
            raise BadInputError(
                f"{self.path}: {name!r} has the dimensions {', '.join(held)}, where this is about {', '.join(wanted)}"
            )
        return values.transpose([held.index(d) for d in wanted])

    def array(self, name: str, epoch: int | str = "last") -> xr.DataArray:
        """One array of one epoch, labelled."""
        import xarray as xr

        values = self.values(name, epoch)
        dimensions = self._dimensions(name)
        coordinates = {d: self._coordinate(d, n) for d, n in zip(dimensions, values.shape, strict=True)}
        attributes = {"run": self.name, "epoch": self.commit(epoch).epoch}
        return xr.DataArray(values, coordinates, dimensions, name=name, attrs=attributes)

    def _dimensions(self, name: str) -> tuple[str, ...]:
        if name.endswith("_summary"):
            return summary.DIMENSIONS
        if name not in self.header.arrays:
            raise BadInputError(f"{self.path / 'run.json'}: array {name!r} is not among 'arrays'; record the run again")
        return self.header.arrays[name]

    @functools.cached_property
    def _sizes(self) -> dict[str, int]:
        """Sizes of the dimensions that have one in all arrays."""
        return {
            self.header.sample: len(self.samples),
            "modality": len(self.header.modalities),
            "category": len(self.header.categories),
            "scope": len(summary.SCOPES),
            "statistic": len(summary.STATISTICS),
        }

    def _coordinate(self, dimension: str, size: int) -> list:
        known = {
            "modality": self.header.modalities,
            "category": self.header.categories,
            "scope": summary.SCOPES,
            "statistic": summary.STATISTICS,
        }
        if dimension == self.header.sample:
            return list(self.samples.iloc[:, 0])
        return list(known.get(dimension, range(size)))

    @functools.cached_property
    def samples(self) -> pd.DataFrame:
        """A row a recorded sample, in the order of the arrays; its first column identifies the sample."""
        import pandas as pd

        path = part(self.path, SAMPLES)
        try:
            samples = pd.read_csv(path, dtype={0: str}, keep_default_na=False, index_col=False)
        except (OSError, ValueError, OverflowError) as error:
            raise BadInputError(f"{path}: not a readable table of samples ({error}); record the run again") from None
        if samples.columns.empty:
            raise BadInputError(f"{path}: not a readable table of samples (no column); record the run again")
        return samples

    @functools.cached_property
    def truth(self) -> dict[str, np.ndarray]:
        """Boolean arrays of the truth, by name (`RunWriter.create`); empty where the run has none."""
        path = part(self.path, "truth.safetensors", None)
        arrays = read_arrays(path) if path.exists() else {}
        for name, array in arrays.items():
            check_truth(f"{path}: array {name!r}", array, len(self.samples), len(self.header.categories))
        return arrays


def check_truth(what: str, array: np.ndarray, samples: int, categories: int) -> None:
    """Raise unless an array of the truth is boolean, of shape (sample, ..., category)."""
    if array.dtype != bool or array.ndim < 2 or (array.shape[0], array.shape[-1]) != (samples, categories):
        raise BadInputError(
            f"{what} is {array.dtype} {array.shape}: it must be boolean, its first dimension the {samples} samples, "
            f"its last the {categories} categories"
        )
