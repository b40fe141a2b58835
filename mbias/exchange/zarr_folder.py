"""Arrays of a Zarr folder; run apart (`mbias.exchange.sandbox`)."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mbias.errors import BadInputError
from mbias.exchange.export import WHOLE
from mbias.exchange.named import HINT, Named
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
"""Codecs that are run: others may unpickle."""

_LARGEST_METADATA = 2**24


def read(path: Path) -> dict[str, Named]:
    """The arrays of numbers in a folder's root group, with their dimensions and the names along them.

    Raises
    ------
    BadInputError
        If the folder is damaged, holds links or objects, or promises far more than it weighs.
    """
    import zarr

    files = [file for file in path.rglob("*") if not file.is_dir() or file.is_symlink()]
    for file in files:
        if file.is_symlink() or not file.is_file():
            raise BadInputError(f"{file}: a symbolic link; {HINT}")
    size = sum(file.stat().st_size for file in files)
    for file in files:
        if file.name in ("zarr.json", ".zarray", ".zmetadata"):
            _check_metadata(path, file, size)
    try:
        group = zarr.open_group(path, mode="r", use_consolidated=False)
        arrays = dict(itertools.islice(group.arrays(), 1000))
        found = {
            name: _named(array, arrays)
            for name, array in arrays.items()
            if np.dtype(array.dtype).kind in NUMBERS and name not in (_axes(array) or ())
        }
        if WHOLE in arrays and arrays[WHOLE].shape == ():
            found[WHOLE] = Named(np.array(str(np.asarray(arrays[WHOLE][()]).item())), ())
        return found
    # Zarr raises what it meets: value, key, type and codec errors among them.
    except Exception as error:
        raise BadInputError(
            f"{path}: not a readable Zarr folder ({' '.join(str(error).split())[:200]}); {HINT}"
        ) from None


def _named(array: Any, arrays: dict[str, Any]) -> Named:
    axes = _axes(array)
    values = np.asarray(array[...])
    labels = {
        axis: tuple(map(str, arrays[axis][...]))
        for axis in axes or ()
        if axis in arrays and np.dtype(arrays[axis].dtype).kind not in NUMBERS and arrays[axis].ndim == 1
    }
    return Named(values.astype(bool) if array.attrs.get("dtype") == "bool" else values, axes, labels)


def _axes(array: Any) -> tuple[str, ...] | None:
    named = getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS")
    return tuple(map(str, named)) if named and all(named) else None


def _check_metadata(path: Path, file: Path, size: int) -> None:
    try:
        if file.stat().st_size > _LARGEST_METADATA:
            raise ValueError("too large")
        content = json.loads(file.read_text(encoding="utf-8"))
        found = list(_dictionaries(content))
        for part in found:
            for codec in _codecs(part):
                if codec not in CODECS:
                    raise BadInputError(f"{file}: the codec {codec!r} is not run; {HINT}")
            # A chunk is unpacked whole.
            for shape in (part.get("shape"), part.get("chunks"), part.get("chunk_shape")):
                if isinstance(shape, list) and all(isinstance(n, int) for n in shape):
                    check_unpacked(path, math.prod(shape), size)
    except (OSError, ValueError, RecursionError) as error:
        raise BadInputError(f"{file}: not readable metadata ({error}); {HINT}") from None


def _dictionaries(content: Any) -> Iterator[dict[str, Any]]:
    if isinstance(content, dict):
        yield content
    for below in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from _dictionaries(below)


def _codecs(part: dict[str, Any]) -> Iterator[str]:
    """Names of the codecs that a part of the metadata calls for: Zarr 2 calls them ``id``, Zarr 3 ``name``."""
    for field in ("filters", "compressor", "codecs", "index_codecs", "object_codec"):
        listed = part.get(field)
        for codec in listed if isinstance(listed, list) else [listed] if listed else []:
            name = codec.get("id", codec.get("name")) if isinstance(codec, dict) else codec
            yield str(name)
