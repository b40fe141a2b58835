"""Arrays in a safetensors file: written together, read one at a time or together, without pickle."""

from __future__ import annotations

import hashlib
import json
import math
import operator
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from mbias.errors import BadInputError
from mbias.files import write_bytes
from mbias.tasks import Extremes

PREFIX = 8
"""The size in bytes of the field before the header, which holds the length of the header."""

_LARGEST_HEADER = 2**24

TYPES = {"BOOL": "?", "U8": "u1", "I8": "i1", "F16": "<f2", "F32": "<f4", "F64": "<f8"} | {
    f"{kind.upper()}{8 * size}": f"<{kind}{size}" for kind in "ui" for size in (2, 4, 8)
}
"""The NumPy types by the names that the header has for them."""

_UNREADABLE = (SafetensorError, OSError, ArithmeticError, ValueError, TypeError, LookupError, AttributeError)
"""What reading a damaged file raises."""

PIECE = 2**20
"""The size in bytes of a piece of an array; see `pieces`."""


def pieces(array: np.ndarray) -> Iterator[np.ndarray]:
    """Split an array along its first dimension, so that what is computed of a piece stays in the processor's cache."""
    rows = max(1, len(array) * PIECE // max(1, array.nbytes))
    for begin in range(0, len(array), rows):
        yield array[begin : begin + rows]


def is_finite(array: np.ndarray) -> bool:
    """Whether no number of an array is NaN or infinite."""
    return all(np.isfinite(rows).all() for rows in pieces(np.atleast_1d(array)))


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


def check_header(path: Path) -> None:
    """Raise BadInputError if a file is missing, or safetensors finds its header damaged; no array is read."""
    with _reported(path), safe_open(path, framework="numpy"):
        pass


def array_names(path: Path) -> list[str]:
    """The names of the arrays in a file, sorted.

    Raises
    ------
    BadInputError
        If the file is missing or damaged.
    """
    with _reported(path), path.open("rb", buffering=0) as file:
        return sorted(_read_header(file)[1])


@dataclass(frozen=True)
class StoredArray:
    """An array in a file, of which some rows can be read.

    Parameters
    ----------
    path
        The file.
    dtype, shape
        The type and shape of the array.
    offset
        The position of its first byte in the file.
    """

    path: Path
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int

    def read(self, rows: slice | np.ndarray = slice(None), dimension: int = 0) -> np.ndarray:
        """Read some entries of a dimension, such as the rows of a table.

        Parameters
        ----------
        rows
            Which entries: a slice without a step, or their numbers, in any order.
        dimension
            The dimension.

        Raises
        ------
        BadInputError
            If the file is missing or cut short.
        """
        with _reported(self.path), self.path.open("rb", buffering=0) as file:
            if dimension or isinstance(rows, np.ndarray):
                # Unlike reads, a mapping costs nothing for bytes that are not next to each other. It is closed at once,
                # since its pages count as memory of this process.
                mapped: np.ndarray = np.memmap(file, self.dtype, "r", self.offset, self.shape)
                return np.array(mapped[(*[slice(None)] * dimension, rows)])
            begin, end, _ = rows.indices(self.shape[0] if self.shape else 1)
            inner = self.shape[1:]
            size = math.prod(inner)
            file.seek(self.offset + begin * size * self.dtype.itemsize)
            read = np.fromfile(file, self.dtype, (end - begin) * size)
            return read.reshape((end - begin, *inner) if self.shape else ())


def stored_array(path: Path, name: str) -> StoredArray:
    """Find an array in a file.

    safetensors maps the file into memory, which makes the system read ahead: up to the whole file where a hundredth of
    it is needed. What is returned reads only the bytes that are asked for.

    Parameters
    ----------
    path
        The file.
    name
        The name of the array.

    Returns
    -------
    StoredArray
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
        kind, shape, (begin, end) = (arrays[name][key] for key in ("dtype", "shape", "data_offsets"))
        dtype, sizes = np.dtype(TYPES[kind]), tuple(map(operator.index, shape))
        if begin < 0 or min(sizes, default=0) < 0 or math.prod(sizes) * dtype.itemsize != end - begin:
            raise ValueError(f"the bytes of {name!r} do not fit its shape")
        return StoredArray(path, dtype, sizes, start + begin)


def read_array(path: Path, name: str) -> np.ndarray:
    """Read one array of a file; see `stored_array`."""
    return stored_array(path, name).read()


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


@dataclass(frozen=True)
class Held:
    """What a file holds under a name: the type, shape and extremes of an array."""

    kind: np.dtype[Any]
    shape: tuple[int, ...]
    extremes: Extremes

    @classmethod
    def of(cls, array: np.ndarray, sums: bool) -> Held:
        """What an array in memory is; the extremes include those of sums over the last dimension, if asked for."""
        return cls(array.dtype, array.shape, Extremes.of(array, sums))


def inspect(path: Path, sums: bool = False) -> tuple[str, dict[str, Held] | None]:
    """Read a file once, piece by piece.

    Parameters
    ----------
    path
        The file.
    sums
        Whether the extremes include those of sums over the last dimension.

    Returns
    -------
    sha256 : str
        The digest of the file.
    held : dict of str to Held or None
        The arrays by name; None if the header does not describe the file, which the functions that read arrays report.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        start, entries = 0, None
        with suppress(*_UNREADABLE, RecursionError):
            start, entries = _layout(file)
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
        file.seek(0)
        digest.update(file.read(start))
        held = {}
        for name, kind, shape in entries or []:
            row = shape[-1] if shape else 1
            extremes, left = Extremes(), math.prod(shape)
            while left:
                content = file.read(kind.itemsize * min(left, row * max(1, PIECE // (row * kind.itemsize))))
                digest.update(content)
                values = np.frombuffer(content, kind)
                extremes = extremes.join(Extremes.of(values.reshape(-1, row), sums))
                left -= len(values)
            held[name] = Held(kind, shape, extremes)
        while content := file.read(PIECE):
            digest.update(content)
    return digest.hexdigest(), None if entries is None else held


def _layout(file: IO[bytes]) -> tuple[int, list[tuple[str, np.dtype[Any], tuple[int, ...]]]]:
    """The offset of the arrays of a file, and their names, types and shapes in the order of their bytes."""
    start, arrays = _read_header(file)
    entries, offset = [], 0
    for name, held in sorted(arrays.items(), key=lambda item: item[1]["data_offsets"]):
        kind, shape = np.dtype(TYPES[held["dtype"]]), tuple(map(operator.index, held["shape"]))
        begin, end = held["data_offsets"]
        if begin != offset or min(shape, default=0) < 0 or end - begin != math.prod(shape) * kind.itemsize:
            raise ValueError(f"the bytes of {name!r} do not fit its shape")
        entries.append((name, kind, shape))
        offset = end
    return start, entries


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    """Turn the errors of reading a file into a BadInputError that names the file."""
    try:
        yield
    except FileNotFoundError:
        raise BadInputError(f"{path}: the file is missing; record the run again") from None
    except _UNREADABLE as error:
        raise BadInputError(f"{path}: cut short or damaged ({error}); record the run again") from None
    except RecursionError:
        raise BadInputError(f"{path}: damaged (its header is nested too deep); record the run again") from None
