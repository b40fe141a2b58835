"""Reading a run, including one that is still being written."""

from __future__ import annotations

import functools
import os
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mbias.arguments import GROUP, check_column, counted
from mbias.errors import BadInputError, NotApplicableError
from mbias.records import summary
from mbias.records.commits import Commit, read_commits
from mbias.records.failure import Failure, read_failure
from mbias.records.header import Header
from mbias.records.paths import record_file, run_folder
from mbias.records.shards import is_finite, read_arrays, stored_array
from mbias.tasks import TARGET, Task, check_truth
from mbias.terms import Variant, smoothing_name

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
        The folder of the run, or its address in remote storage, such as ``s3://bucket/models/demo/RUN``.

    Attributes
    ----------
    path : pathlib.Path
        The folder of the run.
    header : Header
        The constants of the run.
    commits : tuple of Commit
        The committed epochs.

    Raises
    ------
    BadInputError
        If the folder does not hold a readable run.

    Examples
    --------
    >>> run = mbias.Run("models/demo/across_vcross-ls_v-seed0")
    >>> run
    <Run across_vcross-ls_v-seed0: A_cross + V_cross, LS-V, seed 0; 3 of 3 epochs; simulated data>
    >>> run.array("wav").dims
    ('video', 'segment', 'modality', 'category')
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = run_folder(path)
        self.header = Header.read(record_file(self.path, "run.json"))
        self.commits = tuple(read_commits(self.path)[0])

    def __getstate__(self) -> dict[str, Any]:
        # What is read when it is needed is neither copied nor sent to workers.
        return {name: vars(self)[name] for name in ("path", "header", "commits")}

    def __repr__(self) -> str:
        planned = max(self._trained("epochs") or len(self.commits), len(self.commits))
        parts = [
            f"{self.name}: {self.display_name}" if self.display_name != self.name else f"{self.name}: external model",
            f"{len(self.commits)} of {planned} epochs",
        ]
        return f"<Run {'; '.join(parts + ['simulated data'] * self.header.simulated)}>"

    @property
    def name(self) -> str:
        """The name of the run's folder."""
        return self.path.resolve().name

    @property
    def variant(self) -> str | None:
        """The variant that was trained; of an external model, the setting in its header, or None."""
        variant: str | None = self._trained("variant") or self.header.setting
        return variant

    @property
    def smoothing(self) -> str | None:
        """The name of the label smoothing used in training; None for an external model."""
        smoothing: str | None = self._trained("smoothing")
        return smoothing

    @property
    def mitigation(self) -> str | None:
        """The mitigation of modality bias that the run was trained with, such as ``ogm_ge alpha=0.5``, or None."""
        mitigation: str | None = self._trained("mitigation")
        return mitigation

    @property
    def control(self) -> str | None:
        """The name of the negative control (`mbias.terms.Control`) that the run is, or None."""
        control: str | None = self._trained("control")
        return control

    @property
    def seed(self) -> int | None:
        """The training seed; None where it is not known."""
        seed: int | None = self.header.seed if self.header.training is None else self._trained("seed")
        return seed

    @property
    def task(self) -> Task:
        """What the model is asked for."""
        return Task(self.header.task)

    @property
    def labels(self) -> np.ndarray | None:
        """What is true of each sample, float64 (sample, category): 0 or 1, or numbers; None if it is not recorded."""
        known = self.truth.get(TARGET if self.task == Task.REGRESSION else "weak")
        return None if known is None else known.astype(np.float64)

    def _trained(self, field: str) -> Any:
        return (self.header.training or {}).get(field)

    @property
    def display_name(self) -> str:
        """The run's name on screen, such as ``A_cross + V_cross, LS-V, seed 0``."""
        if self.header.setting is not None:
            return self.header.setting + (f", seed {self.seed}" if self.seed is not None else "")
        if self.variant not in set(Variant) or self.smoothing is None:
            return self.name
        names = (Variant(self.variant).display_name, smoothing_name(self.smoothing), self.mitigation, self.control)
        return ", ".join([*filter(None, names), f"seed {self.seed}"])

    @property
    def complete(self) -> bool:
        """Whether all planned epochs are committed; True for an external model with at least one epoch."""
        return len(self.commits) >= max(1, self._trained("epochs") or 1)

    @property
    def failure(self) -> Failure | None:
        """Why training failed, or None."""
        return read_failure(self.path)

    def commit(self, epoch: int | str = "last") -> Commit:
        """The commit of an epoch.

        Parameters
        ----------
        epoch
            A number from 1, ``"last"``, or ``"best"``: the epoch whose model was kept (the last one where none is
            marked as best).

        Returns
        -------
        Commit
            What the commit log says about the epoch.

        Raises
        ------
        BadInputError
            If no epoch is committed, or the run does not have that epoch.
        """
        if not self.commits:
            raise BadInputError(f"{self.path}: no epoch is committed yet; train the run further, or leave it out")
        if epoch == "last":
            return self.commits[-1]
        if epoch == "best":
            marked = [commit for commit in self.commits if commit.best]
            return marked[-1] if marked else self.commits[-1]
        if not isinstance(epoch, Integral) or not 1 <= epoch <= len(self.commits):
            raise BadInputError(f"{self.path}: no epoch {epoch!r}; take 1 to {len(self.commits)}, 'last' or 'best'")
        return self.commits[epoch - 1]

    def values(
        self,
        name: str,
        epoch: int | str = "last",
        dimensions: tuple[str, ...] | None = None,
        rows: slice | np.ndarray = slice(None),
    ) -> np.ndarray:
        """Read one array of one epoch.

        Parameters
        ----------
        name
            The name of the array, one of ``header.arrays``.
        epoch
            As in `commit`.
        dimensions
            The dimensions that the array must have, in the order in which they are returned; ``sample`` stands for
            the samples of the run, whatever the header calls them. By default, ``header.arrays[name]``.
        rows
            Which samples: a slice without a step, or their numbers. Where samples are the first dimension of the array,
            only their values are read.

        Returns
        -------
        numpy.ndarray
            float32, with the dimensions asked for.

        Raises
        ------
        NotApplicableError
            If the epoch does not hold the array (the message says which epochs do), or the array has other
            dimensions than those asked for.
        BadInputError
            If the run does not have the epoch, or the array on disk is damaged.
        """
        commit = self.commit(epoch)
        if name not in commit.arrays:
            holders = [str(c.epoch) for c in self.commits if name in c.arrays]
            hint = f"take epoch {', '.join(holders)}" if holders else "record it with the run"
            raise NotApplicableError(f"{self.path}: epoch {commit.epoch} does not hold the array {name!r}; {hint}")
        shard = record_file(self.path, commit.shard, None)
        stored = stored_array(shard, name)
        held = self.check_array(name, shard, stored.dtype, stored.shape, finite=True)
        values = stored.read(rows, held.index(self.header.sample) if self.header.sample in held else 0)
        # The summary of a category that is not present anywhere is NaN.
        finite = name.endswith("_summary") or is_finite(values)
        self.check_array(name, shard, stored.dtype, stored.shape, finite)
        if dimensions is None:
            return values
        wanted = [self.header.sample if d == "sample" else d for d in dimensions]
        if sorted(wanted) != sorted(held):
            raise NotApplicableError(
                f"{self.path}: {name!r} has the dimensions {', '.join(held)}; this needs {', '.join(wanted)}"
            )
        return values.transpose([held.index(d) for d in wanted])

    def check_array(
        self, name: str, shard: Path, kind: np.dtype[Any], shape: tuple[int, ...], finite: bool
    ) -> tuple[str, ...]:
        """The dimensions of an array of an epoch; BadInputError if its type, shape or numbers are not those of one."""
        held = self._dimensions(name)
        if len(held) == len(shape) and self.header.sample in held:
            self._check_samples(f"array {name!r} in {shard}", shape[held.index(self.header.sample)])
        expected = tuple(self._sizes.get(d, n) for d, n in zip(held, shape, strict=False))
        if kind != np.float32 or shape != expected or len(held) != len(shape):
            raise BadInputError(
                f"{shard}: array {name!r} is {kind} {shape}, not float32 {' x '.join(held)}; record the run again"
            )
        if not finite:
            raise BadInputError(f"{shard}: array {name!r} holds NaN or infinity; restore the file, or record again")
        return held

    def array(self, name: str, epoch: int | str = "last") -> xr.DataArray:
        """Read one array of one epoch with named dimensions and coordinates.

        Parameters
        ----------
        name, epoch
            As in `values`.

        Returns
        -------
        xarray.DataArray
            The values, with the names of samples, modalities and categories as coordinates.

        Raises
        ------
        BadInputError
            As `values`.
        """
        import xarray as xr

        values = self.values(name, epoch)
        dimensions = self._dimensions(name)
        coordinates = {d: self._coordinate(d, n) for d, n in zip(dimensions, values.shape, strict=True)}
        attributes = {"run": self.name, "epoch": self.commit(epoch).epoch}
        return xr.DataArray(values, coordinates, dimensions, name=name, attrs=attributes)

    def _check_samples(self, what: str, size: int) -> None:
        if size != len(self.samples):
            raise BadInputError(
                f"{self.path / SAMPLES} has {counted(len(self.samples), 'row')}, {what} {size}; "
                f"restore {SAMPLES}, or record the run again"
            )

    def _dimensions(self, name: str) -> tuple[str, ...]:
        if name.endswith("_summary"):
            return summary.DIMENSIONS
        if name not in self.header.arrays:
            raise BadInputError(f"{self.path / 'run.json'}: array {name!r} is not among 'arrays'; record the run again")
        return self.header.arrays[name]

    @functools.cached_property
    def _sizes(self) -> dict[str, int]:
        """Sizes of the dimensions that have the same size in all arrays."""
        return {
            self.header.sample: len(self.samples),
            "modality": len(self.header.modalities),
            "category": len(self.header.categories),
            "scope": len(summary.SCOPES),
            "statistic": len(summary.STATISTICS),
        }

    def _coordinate(self, dimension: str, size: int) -> list[Any]:
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
        """One row per recorded sample, in the order of the arrays; the first column identifies the sample."""
        import pandas as pd

        path = record_file(self.path, SAMPLES)
        try:
            samples = pd.read_csv(path, dtype={0: str, GROUP: str}, keep_default_na=False, index_col=False)
        except (OSError, ValueError, OverflowError) as error:
            raise BadInputError(f"{path}: not a readable table of samples ({error}); record the run again") from None
        if samples.columns.empty:
            raise BadInputError(f"{path}: not a readable table of samples (it has no columns); record the run again")
        return samples

    @property
    def groups(self) -> np.ndarray | None:
        """The column ``group`` of `samples`, as strings; None without it.

        Samples of one group are not independent: clips of one source, or recordings of one person.
        """
        if GROUP not in self.samples:
            return None
        check_column(self.path / SAMPLES, self.samples)
        groups: np.ndarray = self.samples[GROUP].astype(str).to_numpy()
        return groups

    @functools.cached_property
    def truth(self) -> dict[str, np.ndarray]:
        """The truth by name (see `RunWriter.create`); empty where it was not recorded."""
        path = record_file(self.path, "truth.safetensors", None)
        arrays = read_arrays(path) if path.exists() else {}
        for name, array in arrays.items():
            self._check_samples(f"array {name!r} in {path}", array.shape[0] if array.ndim else 0)
            check_truth(f"{path}: array {name!r}", name, array, len(self.samples), len(self.header.categories))
        return arrays
