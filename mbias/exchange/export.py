"""Export a run to one file for other tools, netCDF or Zarr. `mbias.import_run` restores the run from it."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mbias.arguments import checked_path
from mbias.errors import BadInputError
from mbias.exchange.named_array import TRUTH_PREFIX
from mbias.records.run import Run

if TYPE_CHECKING:
    import xarray as xr

METADATA_VARIABLE = "mbias"
"""Name of the text variable that holds what is not an array: the run's header, samples and commits, as JSON."""

_PACKAGES = {".nc": "h5py", ".zarr": "zarr"}
"""The package that each format needs, by file suffix."""


def export_run(run: Run | str | Path, path: str | Path) -> Path:
    """Write a run to a new netCDF-4 file (.nc) or Zarr 2 folder (.zarr).

    The file appears as a whole or not at all. Weights and probes are not part of it.

    Parameters
    ----------
    run
        The run or its folder.
    path
        The file or folder to write. Its suffix selects the format.

    Returns
    -------
    pathlib.Path
        The path written.

    Raises
    ------
    BadInputError
        If ``path`` exists, its parent folder does not, its suffix is not .nc or .zarr, or the package for the format
        is not installed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export_run("models/demo/across_vcross-ls_v-seed0", f"{folder}/run.nc").name
    'run.nc'
    """
    run = run if isinstance(run, Run) else Run(run)
    path = checked_path(path, "a path of a file", "give the file to write, as .nc or .zarr")
    if path.suffix not in _PACKAGES:
        raise BadInputError(f"{path}: a run is exported as .nc or .zarr; end the name with one of them")
    if path.exists() or not path.parent.is_dir():
        reason = "it exists already" if path.exists() else f"there is no folder {path.parent}"
        raise BadInputError(f"{path}: {reason}; choose another path")
    package = _PACKAGES[path.suffix]
    if importlib.util.find_spec(package) is None:
        raise BadInputError(f"{path}: this needs {package}, which is not installed: pip install 'mbias[import]'")
    dataset = to_dataset(run)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    # Compression saves only a tenth of attention arrays, and every tool can read uncompressed ones.
    uncompressed = {name: {"compressors": None} for name in (*dataset.data_vars, *dataset.coords)}
    write: dict[str, Callable[[], object]] = {
        ".nc": lambda: dataset.to_netcdf(temporary, engine="h5netcdf"),
        ".zarr": lambda: dataset.to_zarr(temporary, mode="w", zarr_format=2, consolidated=True, encoding=uncompressed),
    }
    try:
        write[path.suffix]()
        temporary.rename(path)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        temporary.unlink(missing_ok=True)
    return path


def to_dataset(run: Run) -> xr.Dataset:
    """Return all of a run as one labelled dataset.

    Parameters
    ----------
    run
        A run with at least one epoch.

    Returns
    -------
    xarray.Dataset
        Each array with its dimensions after ``epoch``. An array that only some epochs hold has the dimension
        ``epoch_NAME`` instead, whose coordinate lists these epochs. The ground truth is in ``truth_NAME``, the losses
        in ``loss_NAME_KIND`` (epoch), and everything else in `METADATA_VARIABLE`.

    Raises
    ------
    BadInputError
        If the run has no epoch or is damaged.

    Examples
    --------
    >>> dataset = to_dataset(Run("models/demo/across_vcross-ls_v-seed0"))
    >>> dataset["wav"].dims
    ('epoch', 'video', 'segment', 'modality', 'category')
    """
    import xarray as xr

    run.commit()
    epochs = [commit.epoch for commit in run.commits]
    variables: dict[str, xr.DataArray] = {}
    for name in run.header.arrays:
        holding = [commit.epoch for commit in run.commits if name in commit.arrays]
        if holding:
            epoch_axis = "epoch" if holding == epochs else f"epoch_{name}"
            first = run.array(name, holding[0])
            values = np.stack([run.values(name, epoch) for epoch in holding])
            variables[name] = xr.DataArray(
                values, {**first.coords, epoch_axis: holding}, (epoch_axis, *first.dims), attrs={"record": run.name}
            )
    for name, truth in run.truth.items():
        axes = (run.header.sample, *(["segment"] if truth.ndim == 3 else []), "category")
        # A truth with another number of segments than the arrays needs a dimension of its own.
        sizes = {size for v in variables.values() for axis, size in v.sizes.items() if axis == "segment"}
        if truth.ndim == 3 and sizes - {truth.shape[1]}:
            axes = (run.header.sample, "segment_of_truth", "category")
        variables[TRUTH_PREFIX + name] = xr.DataArray(truth, dims=axes)
    for loss in run.header.losses:
        for kind in ("optimised", "hard", "floor"):
            curve = [commit.losses.get(loss, {}).get(kind, np.nan) for commit in run.commits]
            if np.isfinite(curve).any():
                variables[f"loss_{loss}_{kind}"] = xr.DataArray(curve, {"epoch": epochs}, ("epoch",))
    variables[METADATA_VARIABLE] = xr.DataArray(_metadata(run))
    return xr.Dataset(variables)


def _metadata(run: Run) -> str:
    commits = [dataclasses.asdict(commit) for commit in run.commits]
    samples = run.samples.to_csv(index=False, lineterminator="\n")
    return json.dumps({"run": run.header.to_json(), "samples": samples, "commits": commits}, allow_nan=False)
