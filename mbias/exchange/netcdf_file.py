"""Variables of a netCDF-4 file; run apart (`mbias.exchange.sandbox`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mbias.errors import BadInputError
from mbias.exchange.export import WHOLE
from mbias.exchange.named import HINT, Named
from mbias.untrusted import NUMBERS, check_unpacked

_LONGEST = 10_000_000
"""Names along a dimension, at most."""


def read(path: Path) -> dict[str, Named]:
    """The variables of numbers in a file's root group, with their dimensions and the names along them.

    Raises
    ------
    BadInputError
        If the file is damaged, refers to other files, or promises far more than it weighs.
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
            arrays = {name: _named(path, name, v, variables, size) for name, v in numbers.items()}
            if WHOLE in variables and variables[WHOLE].shape == () and variables[WHOLE].dtype.kind in "OSU":
                text = np.asarray(variables[WHOLE][()]).item()
                arrays[WHOLE] = Named(np.array(text.decode() if isinstance(text, bytes) else str(text)), ())
            return arrays
    except BadInputError:
        raise
    # h5py raises what it meets: OS, runtime, value, key and unicode errors among them.
    except Exception as error:
        raise BadInputError(f"{path}: not a readable netCDF-4 file ({_line(error)}); {HINT}") from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _named(path: Path, name: str, variable: Any, variables: dict[str, Any], size: int) -> Named:
    values = np.asarray(variable[...])
    if variable.attrs.get("dtype") == "bool":
        values = values.astype(bool)
    labels = {}
    for axis in variable.dimensions:
        names = variables.get(axis)
        if names is not None and names.dtype.kind in "OSU" and names.ndim == 1 and names.shape[0] <= _LONGEST:
            check_unpacked(path, names.shape[0], size)
            labels[axis] = tuple(n.decode() if isinstance(n, bytes) else str(n) for n in names[...])
    named = not any(axis.startswith("phony_dim_") for axis in variable.dimensions)
    return Named(values, tuple(variable.dimensions) if named else None, labels)


def _check_self_contained(path: Path, file: Any) -> None:
    """Raise where a file takes data from elsewhere: links, virtual and external data sets."""
    import h5py

    for name in file:
        link = file.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise BadInputError(f"{path}: {name!r} is a link; {HINT}")
        item = file[name]
        if isinstance(item, h5py.Dataset) and (item.external or item.is_virtual):
            raise BadInputError(f"{path}: {name!r} takes its data from another file; {HINT}")
