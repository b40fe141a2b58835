"""The columns of attention weights that are larger than memory: a second, temporary copy of them on disk."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

_BLOCK = 2**26
"""The size in bytes of the weights that are read at a time."""


class ColumnsOnDisk:
    """The columns in a temporary file; see `columns_on_disk`."""

    fewest = 1

    def __init__(self, file: IO[bytes], shape: tuple[int, ...]) -> None:
        self._file = file
        self.shape = shape
        *between, modalities, categories = shape
        self._stored = (modalities, categories, math.prod(between))

    def read(self, begin: int, end: int) -> np.ndarray:
        """The columns of the categories from ``begin`` up to ``end``: float32, (modality, category, weight), a copy."""
        stored: np.ndarray[Any, np.dtype[np.float32]] = np.memmap(self._file, np.float32, "r", 0, self._stored)
        return np.array(stored[:, begin:end])


@contextmanager
def columns_on_disk(
    read: Callable[[int, int], np.ndarray], shape: tuple[int, ...], folder: Path
) -> Iterator[ColumnsOnDisk]:
    """Write the columns of attention weights to a temporary file, in one pass over the weights.

    A category at a time would otherwise be read by as many passes as there are categories.

    Parameters
    ----------
    read
        The weights of the samples from one position up to another, (sample, ..., modality, category).
    shape
        The shape of all weights.
    folder
        The folder of the file. The file has no name, where the system can do that; its bytes are those of the weights.

    Yields
    ------
    ColumnsOnDisk
        The columns, until the end of the block.
    """
    samples, *between, modalities, categories = shape
    number = math.prod((samples, *between))
    at_once = max(1, _BLOCK * samples // max(1, 4 * math.prod(shape)))
    with tempfile.TemporaryFile(dir=folder, prefix=".columns.", suffix=".tmp") as file:
        first = 0
        for begin in range(0, samples, at_once):
            weights = read(begin, min(begin + at_once, samples)).reshape(-1, modalities * categories)
            for column, values in enumerate(np.ascontiguousarray(weights.T, dtype=np.float32)):
                file.seek(4 * (column * number + first))
                file.write(values.data)
            first += len(weights)
        file.flush()
        yield ColumnsOnDisk(file, shape)
