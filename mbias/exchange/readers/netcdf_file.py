"""Variables of netCDF-4 files. It runs in the sandbox (`mbias.exchange.sandbox`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mbias.errors import BadInputError
from mbias.exchange.export import METADATA_VARIABLE
from mbias.exchange.named_array import HINT, NamedArray
from mbias.untrusted import NUMBERS, check_unpacked

_MOST_NAMES = 10_000_000
"""The largest number of names along a dimension that is read."""


def read(path: Path) -> dict[str, NamedArray]:
    """Read the numeric variables of a file's root group, with their dimensions and the names along them.

    Parameters
    ----------
    path
        A netCDF-4 file, or any HDF5 file.

    Returns
    -------
    dict of str to NamedArray
        The variables by name. Coordinate variables become `NamedArray.coordinates`.

    Raises
    ------
    BadInputError
        If the file is damaged, refers to other files, or declares far more data than its size.
    """
    import h5netcdf
    import h5py

    try:
        with h5py.File(path, "r") as file:
            _check_self_contained(path, file)
        with h5netcdf.File(path, "r", phony_dims="sort") as file:
            variables = dict(file.variables)
            numbers = {name: v for name, v in variables.items() if v.dtype.kind in NUMBERS and name not in v.dimensions}
            size = path.stat().st_size
            check_unpacked(
                path, sum(int(np.prod(v.shape, dtype=object)) * v.dtype.itemsize for v in numbers.values()), size
            )
            arrays = {name: _named(path, v, variables, size) for name, v in numbers.items()}
            metadata = variables.get(METADATA_VARIABLE)
            if metadata is not None and metadata.shape == () and metadata.dtype.kind in "OSU":
                text = np.asarray(metadata[()]).item()
                arrays[METADATA_VARIABLE] = NamedArray(np.array(_decoded(text)), ())
            return arrays
    except BadInputError:
        raise
    # h5py raises the errors of its parts: OS, runtime, value, key and Unicode errors among them.
    except Exception as error:
        raise BadInputError(f"{path}: not a readable netCDF-4 file ({_line(error)}); {HINT}") from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _decoded(text: object) -> str:
    return text.decode() if isinstance(text, bytes) else str(text)


def _named(path: Path, variable: Any, variables: dict[str, Any], size: int) -> NamedArray:
    values = np.asarray(variable[...])
    if variable.attrs.get("dtype") == "bool":
        values = values.astype(bool)
    coordinates = {}
    for axis in variable.dimensions:
        names = variables.get(axis)
        if names is not None and names.dtype.kind in "OSU" and names.ndim == 1 and names.shape[0] <= _MOST_NAMES:
            check_unpacked(path, names.shape[0], size)
            coordinates[axis] = tuple(map(_decoded, names[...]))
    has_names = not any(axis.startswith("phony_dim_") for axis in variable.dimensions)
    return NamedArray(values, tuple(variable.dimensions) if has_names else None, coordinates)


def _check_self_contained(path: Path, file: Any) -> None:
    """Raise if the file takes data from elsewhere, by links or by virtual or external data sets."""
    import h5py

    for name in file:
        link = file.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise BadInputError(f"{path}: {name!r} is a link; {HINT}")
        item = file[name]
        if isinstance(item, h5py.Dataset) and (item.external or item.is_virtual):
            raise BadInputError(f"{path}: {name!r} takes its data from another file; {HINT}")
