"""Arrays in a safetensors file: written together, read one at a time or together, without pickle."""

from __future__ import annotations

import json
import math
import operator
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from mbias.errors import BadInputError
from mbias.files import write_bytes

PREFIX = 8
"""The size in bytes of the field before the header, which holds the length of the header."""

_LARGEST_HEADER = 2**24

TYPES = {"BOOL": "?", "U8": "u1", "I8": "i1", "F16": "<f2", "F32": "<f4", "F64": "<f8"} | {
    f"{kind.upper()}{8 * size}": f"<{kind}{size}" for kind in "ui" for size in (2, 4, 8)
}
"""The NumPy types by the names that the header has for them."""

PIECE = 2**20
"""The size in bytes of a piece of an array; see `pieces`."""


def pieces(array: np.ndarray) -> Iterator[np.ndarray]:
    """Split an array along its first dimension, so that what is computed of a piece stays in the processor's cache."""
    rows = max(1, len(array) * PIECE // max(1, array.nbytes))
    for begin in range(0, len(array), rows):
        yield array[begin : begin + rows]


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> bytes:
    """Write arrays to a file atomically.

    Parameters
    ----------
    path
        The file to write or replace.
    arrays
        The arrays by name.

    Returns
    -------
    bytes
        The content of the file.
    """
    # safetensors' save_file does not sync to disk, and creates files that only their owner can read.
    content: bytes = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    write_bytes(path, content)
    return content


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays of a file, sorted by name.

    Raises
    ------
    BadInputError
        If the file is missing or damaged.
    """
    with _reported(path), safe_open(path, framework="numpy") as file:
        return {name: file.get_tensor(name) for name in sorted(file.keys())}


def array_names(path: Path) -> list[str]:
    """The names of the arrays in a file, sorted.

    Raises
    ------
    BadInputError
        If the file is missing or damaged.
    """
    with _reported(path), path.open("rb", buffering=0) as file:
        return sorted(_read_header(file)[1])


def read_array(path: Path, name: str) -> np.ndarray:
    """Read one array of a file.

    safetensors maps the file into memory, which makes the system read ahead: up to the whole file where a hundredth of
    it is needed. This function reads only the bytes of the array.

    Parameters
    ----------
    path
        The file.
    name
        The name of the array.

    Returns
    -------
    numpy.ndarray
        The array.

    Raises
    ------
    BadInputError
        If the file is missing or damaged, or does not hold an array of that name.
    """
    with _reported(path), path.open("rb", buffering=0) as file:
        start, arrays = _read_header(file)
        if name not in arrays:
            raise BadInputError(f"{path}: does not hold the array {name!r}; it holds {', '.join(sorted(arrays))}")
        dtype, shape, (begin, end) = (arrays[name][key] for key in ("dtype", "shape", "data_offsets"))
        number, kind = math.prod(map(operator.index, shape)), np.dtype(TYPES[dtype])
        if begin < 0 or min(shape, default=0) < 0 or number * kind.itemsize != end - begin:
            raise ValueError(f"the bytes of {name!r} do not fit its shape")
        file.seek(start + begin)
        return np.fromfile(file, kind, number).reshape(shape)


def _read_header(file: IO[bytes]) -> tuple[int, dict[str, dict[str, Any]]]:
    """The offset of the arrays of an open file, and the header's entry for each array."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
    size = os.fstat(file.fileno()).st_size
    start = PREFIX + int.from_bytes(file.read(PREFIX), "little")
    if not PREFIX < start <= min(size, _LARGEST_HEADER):
        raise ValueError("it does not have a header")
    header: dict[str, dict[str, Any]] = json.loads(file.read(start - PREFIX))
    arrays = {name: held for name, held in header.items() if name != "__metadata__"}
    if start + max(held["data_offsets"][1] for held in arrays.values()) != size:
        raise ValueError("the header does not match the size of the file")
    return start, arrays


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    """Turn the errors of reading a file into a BadInputError that names the file."""
    try:
        yield
    except FileNotFoundError:
        raise BadInputError(f"{path}: the file is missing; record the run again") from None
    except (SafetensorError, OSError, ArithmeticError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise BadInputError(f"{path}: cut short or damaged ({error}); record the run again") from None
    except RecursionError:
        raise BadInputError(f"{path}: damaged (its header is nested too deep); record the run again") from None
