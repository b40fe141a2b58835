"""A file of arrays that is written piece by piece, so that the arrays need not be in memory."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from mbias.files import new_file
from mbias.records.shards import PIECE, PREFIX, TYPES, pieces

_NAMES = {kind: name for name, kind in reversed(TYPES.items())} | {np.dtype(bool).str: "BOOL"}


@dataclass
class _Entry:
    """An array of the file: its type and shape, the offset of its bytes, and how many of its rows are written."""

    kind: np.dtype[Any]
    shape: tuple[int, ...]
    begin: int
    rows: int = 0

    @property
    def row_bytes(self) -> int:
        return math.prod(self.shape[1:]) * self.kind.itemsize


class ArrayFile:
    """A file of arrays that is being written; see `new_array_file`."""

    def __init__(self, file: IO[bytes], arrays: Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]]) -> None:
        self._file = file
        entries: dict[str, dict[str, Any]] = {}
        end = 0
        # In the order of safetensors, which keeps larger numbers aligned.
        for name, (kind, shape) in sorted(arrays.items(), key=lambda item: (-item[1][0].itemsize, item[0])):
            begin, end = end, end + math.prod(shape) * kind.itemsize
            entries[name] = {"dtype": _NAMES[kind.str], "shape": list(shape), "data_offsets": [begin, end]}
        header = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
        header += b" " * (-len(header) % PREFIX)
        start = PREFIX + len(header)
        # A single number counts as one row.
        self._entries = {
            name: _Entry(kind, shape or (1,), start + entries[name]["data_offsets"][0])
            for name, (kind, shape) in arrays.items()
        }
        self._digest = hashlib.sha256()
        self._digested = 0
        self._write(0, len(header).to_bytes(PREFIX, "little") + header)

    def add(self, name: str, array: np.ndarray) -> None:
        """Write one of the arrays, which must have the shape that the file expects; it is converted to its type."""
        for rows in pieces(np.atleast_1d(array)):
            self.append(name, rows)
        assert self._is_whole(name)

    def append(self, name: str, rows: np.ndarray) -> None:
        """Write the next rows of one of the arrays, converted to its type."""
        entry = self._entries[name]
        assert rows.shape[1:] == entry.shape[1:]
        offset = entry.begin + entry.rows * entry.row_bytes
        entry.rows += len(rows)
        assert entry.rows <= entry.shape[0]
        self._write(offset, np.ascontiguousarray(rows, dtype=entry.kind).reshape(-1).data)

    def read(self, name: str, begin: int, end: int) -> np.ndarray:
        """The rows of one of the arrays from ``begin`` up to ``end``, which must be written already."""
        entry = self._entries[name]
        self._file.seek(entry.begin + begin * entry.row_bytes)
        content = self._file.read((end - begin) * entry.row_bytes)
        return np.frombuffer(content, entry.kind).reshape(end - begin, *entry.shape[1:])

    def sync(self) -> None:
        """Sync to disk what is written so far."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> tuple[int, str]:
        """The size of the file and its sha256; no array may be missing."""
        assert all(map(self._is_whole, self._entries))
        # What was written in the order of the file has been digested on the way.
        self._file.flush()
        self._file.seek(self._digested)
        while piece := self._file.read(PIECE):
            self._digest.update(piece)
        return self._file.tell(), self._digest.hexdigest()

    def _is_whole(self, name: str) -> bool:
        return self._entries[name].rows == self._entries[name].shape[0]

    def _write(self, offset: int, content: bytes | memoryview) -> None:
        self._file.seek(offset)
        self._file.write(content)
        if offset == self._digested:
            self._digest.update(content)
            self._digested = self._file.tell()


@contextmanager
def new_array_file(path: Path, arrays: Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]]) -> Iterator[ArrayFile]:
    """Write a file of arrays atomically, piece by piece.

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
