"""Arrays of Zarr folders. It runs in the sandbox (`mbias.exchange.sandbox`)."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mbias.errors import BadInputError
from mbias.exchange.export import METADATA_VARIABLE
from mbias.exchange.named_array import HINT, NamedArray
from mbias.untrusted import NUMBERS, check_unpacked

CODECS = {
    "bytes",
    "vlen-utf8",
    "zstd",
    "blosc",
    "gzip",
    "zlib",
    "lz4",
    "crc32c",
    "crc32",
    "transpose",
    "shuffle",
    "sharding_indexed",
}
"""Codecs that are allowed to run. Others may unpickle objects."""

_LARGEST_METADATA = 2**24
"""Bytes of the largest metadata file that is read."""

_MOST_ARRAYS = 1000


def read(path: Path) -> dict[str, NamedArray]:
    """Read the numeric arrays of a folder's root group, with their dimensions and the names along them.

    Parameters
    ----------
    path
        A folder in the format Zarr 2 or Zarr 3.

    Returns
    -------
    dict of str to NamedArray
        The arrays by name. Coordinate arrays become `NamedArray.coordinates`.

    Raises
    ------
    BadInputError
        If the folder is damaged, holds links or objects, or declares far more data than its size.
    """
    import zarr

    files = [file for file in path.rglob("*") if not file.is_dir() or file.is_symlink()]
    for file in files:
        if file.is_symlink() or not file.is_file():
            raise BadInputError(f"{file}: a symbolic link or a special file; {HINT}")
    size = sum(file.stat().st_size for file in files)
    for file in files:
        if file.name in ("zarr.json", ".zarray", ".zmetadata"):
            _check_metadata(path, file, size)
    try:
        group = zarr.open_group(path, mode="r", use_consolidated=False)
        arrays = dict(itertools.islice(group.arrays(), _MOST_ARRAYS))
        numeric = {
            name: _named(array, arrays)
            for name, array in arrays.items()
            if np.dtype(array.dtype).kind in NUMBERS and name not in (_axes(array) or ())
        }
        if METADATA_VARIABLE in arrays and arrays[METADATA_VARIABLE].shape == ():
            text = str(np.asarray(arrays[METADATA_VARIABLE][()]).item())
            numeric[METADATA_VARIABLE] = NamedArray(np.array(text), ())
        return numeric
    # Zarr raises the errors of its parts: value, key, type and codec errors among them.
    except Exception as error:
        raise BadInputError(
            f"{path}: not a readable Zarr folder ({' '.join(str(error).split())[:200]}); {HINT}"
        ) from None


def _named(array: Any, arrays: dict[str, Any]) -> NamedArray:
    axes = _axes(array)
    values = np.asarray(array[...])
    coordinates = {
        axis: tuple(map(str, arrays[axis][...]))
        for axis in axes or ()
        if axis in arrays and np.dtype(arrays[axis].dtype).kind not in NUMBERS and arrays[axis].ndim == 1
    }
    return NamedArray(values.astype(bool) if array.attrs.get("dtype") == "bool" else values, axes, coordinates)


def _axes(array: Any) -> tuple[str, ...] | None:
    names = getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS")
    return tuple(map(str, names)) if names and all(names) else None


def _check_metadata(path: Path, file: Path, size: int) -> None:
    """Raise if a metadata file calls for a codec that may unpickle, or declares far more data than ``size`` bytes."""
    try:
        if file.stat().st_size > _LARGEST_METADATA:
            raise ValueError("too large")
        content = json.loads(file.read_text(encoding="utf-8"))
        for entry in _dictionaries(content):
            for codec in _codecs(entry):
                if codec not in CODECS:
                    raise BadInputError(f"{file}: the codec {codec!r} is not allowed; {HINT}")
            # A chunk is unpacked as a whole.
            for shape in (entry.get("shape"), entry.get("chunks"), entry.get("chunk_shape")):
                if isinstance(shape, list) and all(isinstance(n, int) for n in shape):
                    check_unpacked(path, math.prod(shape), size)
    except (OSError, ValueError, RecursionError) as error:
        raise BadInputError(f"{file}: not readable metadata ({error}); {HINT}") from None


def _dictionaries(content: Any) -> Iterator[dict[str, Any]]:
    """Every dictionary in JSON content, at any depth."""
    if isinstance(content, dict):
        yield content
    for nested in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from _dictionaries(nested)


def _codecs(entry: dict[str, Any]) -> Iterator[str]:
    """Names of the codecs in an entry of the metadata. Zarr 2 calls the name ``id``, Zarr 3 ``name``."""
    for field in ("filters", "compressor", "codecs", "index_codecs", "object_codec"):
        listed = entry.get(field)
        for codec in listed if isinstance(listed, list) else [listed] if listed else []:
            name = codec.get("id", codec.get("name")) if isinstance(codec, dict) else codec
            yield str(name)
