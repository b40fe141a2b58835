"""A run as one file for other tools: netCDF or Zarr, through xarray; `mbias import` takes it back as it was."""

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

from mbias.errors import BadInputError
from mbias.records.run import Run

if TYPE_CHECKING:
    import xarray as xr

WHOLE = "mbias"
"""The text variable that holds what of a run is no array: header, samples and commits, as JSON."""

NEEDED = {".nc": "h5py", ".zarr": "zarr"}
"""The package that each format needs, by the end of the file's name."""


def to_dataset(run: Run) -> xr.Dataset:
    """All of a run, labelled.

    Returns
    -------
    xarray.Dataset
        Every array with its dimensions, after ``epoch``; where only some epochs hold it, after ``epoch_NAME``, whose
        coordinate says which. The truth as ``truth_NAME``; the losses as ``loss_NAME_KIND`` (epoch); and `WHOLE`.
    """
    import xarray as xr

    run.commit()
    epochs = [commit.epoch for commit in run.commits]
    variables: dict[str, xr.DataArray] = {}
    for name in run.header.arrays:
        holding = [commit.epoch for commit in run.commits if name in commit.arrays]
        if holding:
            along = "epoch" if holding == epochs else f"epoch_{name}"
            first = run.array(name, holding[0])
            values = np.stack([run.values(name, epoch) for epoch in holding])
            variables[name] = xr.DataArray(
                values, {**first.coords, along: holding}, (along, *first.dims), attrs={"record": run.name}
            )
    for name, truth in run.truth.items():
        axes = (run.header.sample, *(["segment"] if truth.ndim == 3 else []), "category")
        # A truth of other segments than the arrays' has a dimension of its own.
        sizes = {size for v in variables.values() for axis, size in v.sizes.items() if axis == "segment"}
        if truth.ndim == 3 and sizes - {truth.shape[1]}:
            axes = (run.header.sample, "segment_of_truth", "category")
        variables[f"truth_{name}"] = xr.DataArray(truth, dims=axes)
    for loss in run.header.losses:
        for kind in ("optimised", "hard", "floor"):
            curve = [commit.losses.get(loss, {}).get(kind, np.nan) for commit in run.commits]
            if np.isfinite(curve).any():
                variables[f"loss_{loss}_{kind}"] = xr.DataArray(curve, {"epoch": epochs}, ("epoch",))
    variables[WHOLE] = xr.DataArray(_whole(run))
    return xr.Dataset(variables)


def _whole(run: Run) -> str:
    commits = [dataclasses.asdict(commit) for commit in run.commits]
    samples = run.samples.to_csv(index=False, lineterminator="\n")
    return json.dumps({"run": run.header.to_json(), "samples": samples, "commits": commits}, allow_nan=False)


def export(run: Run, path: Path) -> None:
    """Write a run to a new file ``path`` (.nc: netCDF-4) or folder (.zarr: Zarr 2), whole or not at all.

    Raises
    ------
    BadInputError
        If it exists, ends otherwise, or the package for the format is not installed.
    """
    if path.suffix not in NEEDED:
        raise BadInputError(f"{path}: a run is exported as .nc or .zarr; end its name in one of them")
    if path.exists() or not path.parent.is_dir():
        what = "there is something already" if path.exists() else f"there is no folder {path.parent}"
        raise BadInputError(f"{path}: {what}; choose another place")
    needed = NEEDED[path.suffix]
    if importlib.util.find_spec(needed) is None:
        raise BadInputError(f"{path}: this needs {needed}, which is not installed: pip install 'mbias[import]'")
    dataset = to_dataset(run)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    # Attention compresses by a tenth; what is not compressed every tool reads, and nothing unpacks it.
    plain = {name: {"compressors": None} for name in (*dataset.data_vars, *dataset.coords)}
    write: dict[str, Callable[[], object]] = {
        ".nc": lambda: dataset.to_netcdf(temporary, engine="h5netcdf"),
        ".zarr": lambda: dataset.to_zarr(temporary, mode="w", zarr_format=2, consolidated=True, encoding=plain),
    }
    try:
        write[path.suffix]()
        temporary.rename(path)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        temporary.unlink(missing_ok=True)
