"""Arrays in a safetensors file: written together, read one at a time or together, without pickle."""

from __future__ import annotations

import hashlib
import json
import math
import operator
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from mbias.errors import BadInputError
from mbias.files import new_file, write_bytes

_PREFIX = 8
"""The size in bytes of the field before the header, which holds the length of the header."""

_LARGEST_HEADER = 2**24
_TYPES = {"BOOL": "?", "U8": "u1", "I8": "i1", "F16": "<f2", "F32": "<f4", "F64": "<f8"} | {
    f"{kind.upper()}{8 * size}": f"<{kind}{size}" for kind in "ui" for size in (2, 4, 8)
}


_NAMES = {kind: name for name, kind in reversed(_TYPES.items())} | {np.dtype(bool).str: "BOOL"}


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


class ArrayFile:
    """A file of arrays that is being written, one array after the other; see `new_array_file`."""

    def __init__(self, file: IO[bytes], arrays: Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]]) -> None:
        self._file = file
        self._waiting = dict(arrays)
        entries: dict[str, dict[str, Any]] = {}
        end = 0
        # In the order of safetensors, which keeps larger numbers aligned.
        for name, (kind, shape) in sorted(arrays.items(), key=lambda item: (-item[1][0].itemsize, item[0])):
            begin, end = end, end + math.prod(shape) * kind.itemsize
            entries[name] = {"dtype": _NAMES[kind.str], "shape": list(shape), "data_offsets": [begin, end]}
        header = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
        header += b" " * (-len(header) % _PREFIX)
        self._start = _PREFIX + len(header)
        self._begins = {name: entry["data_offsets"][0] for name, entry in entries.items()}
        file.write(len(header).to_bytes(_PREFIX, "little") + header)

    def add(self, name: str, array: np.ndarray) -> None:
        """Write one of the arrays; its type and shape must be the ones that the file expects."""
        assert self._waiting.pop(name) == (array.dtype, array.shape)
        self._file.seek(self._start + self._begins[name])
        self._file.write(np.ascontiguousarray(array).data)

    def close(self) -> tuple[int, str]:
        """The size of the file and its sha256; no array may be missing."""
        assert not self._waiting
        self._file.flush()
        self._file.seek(0)
        digest = hashlib.file_digest(self._file, "sha256").hexdigest()  # type: ignore[arg-type]
        return self._file.tell(), digest


@contextmanager
def new_array_file(path: Path, arrays: Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]]) -> Iterator[ArrayFile]:
    """Write a file of arrays atomically, one array at a time in memory.

    Parameters
    ----------
    path
        The file to write or replace.
    arrays
        The type and shape of each array, by name.

    Yields
    ------
    ArrayFile
        Takes the arrays in any order. The file appears in the end; if anything fails before, the old one stays.
    """
    with new_file(path) as file:
        yield ArrayFile(file, arrays)


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
        dtype, sizes = np.dtype(_TYPES[kind]), tuple(map(operator.index, shape))
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
    start = _PREFIX + int.from_bytes(file.read(_PREFIX), "little")
    if not _PREFIX < start <= min(size, _LARGEST_HEADER):
        raise ValueError("it does not have a header")
    header: dict[str, dict[str, Any]] = json.loads(file.read(start - _PREFIX))
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
