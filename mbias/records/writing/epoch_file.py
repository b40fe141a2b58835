"""The file of an epoch's arrays, with the summary of its attention: from whole arrays, or from blocks of samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from mbias.arguments import counted, require_mapping, shown
from mbias.errors import BadInputError
from mbias.records import summary
from mbias.records.header import Header
from mbias.records.summary import ATTENTION, aligned, attention_summary
from mbias.records.writing.array_file import ArrayFile, new_array_file
from mbias.records.writing.checks import as_numbers, check_arrays
from mbias.records.writing.columns_on_disk import columns_on_disk

SUMMARY = "wav_summary"

_KIND = np.dtype(np.float32)


@dataclass(frozen=True)
class Written:
    """The file: the names of its arrays, its size in bytes and its sha256."""

    arrays: tuple[str, ...]
    bytes: int
    sha256: str


def write_whole(path: Path, header: Header, arrays: Mapping[str, np.ndarray], present: np.ndarray | None) -> Written:
    """Write an epoch from whole arrays.

    Parameters
    ----------
    path
        The file.
    header
        The constants of the run.
    arrays
        The arrays, which `check_arrays` accepts.
    present
        Whether a category is present, from `mbias.records.summary.presence`.

    Returns
    -------
    Written
        What was written.
    """
    shapes = {name: array.shape for name, array in arrays.items()}
    with _new_file(path, header, shapes) as file, ThreadPoolExecutor(1) as background:
        if ATTENTION in arrays:
            weights, mask = aligned(arrays[ATTENTION], header.arrays[ATTENTION], present, len(header.categories))
            summarised = background.submit(attention_summary, weights, mask)
        # In the order of the file, which is digested on the way.
        for name in sorted(arrays):
            file.add(name, arrays[name])
        if ATTENTION in arrays:
            if not summarised.done():
                file.sync()
            file.add(SUMMARY, summarised.result())
        return Written(_names(shapes), *file.close())


def write_blocks(
    path: Path,
    header: Header,
    blocks: Iterable[Mapping[str, np.ndarray]],
    samples: int,
    present: np.ndarray | None,
    epoch: int,
) -> Written:
    """Write an epoch from blocks of samples, one of them at a time in memory.

    Parameters
    ----------
    path, header, present
        As for `write_whole`.
    blocks
        Each holds the next samples of every array.
    samples
        The number of samples of the run.
    epoch
        The number of the epoch, for error messages.

    Returns
    -------
    Written
        What was written.

    Raises
    ------
    BadInputError
        If a block does not hold the rows of every array, or the blocks do not hold the samples of the run. Nothing is
        written then.
    """
    if not isinstance(blocks, Iterable):
        raise BadInputError(f"arrays: {shown(blocks)} is not a dict; give the arrays by name, or an iterator of blocks")
    remaining = iter(blocks)
    first = next(remaining, {})
    _check_block(header, first, first, 1, epoch)
    shapes = {name: (samples, *np.shape(array)[1:]) for name, array in first.items()}
    with _new_file(path, header, shapes) as file:
        written = 0
        for number, block in enumerate(chain([first], remaining), start=1):
            rows = _check_block(header, block, first, number, epoch)
            if written + rows > samples:
                raise BadInputError(
                    f"arrays: block {number} ends with sample {written + rows:,}, but the run has "
                    f"{counted(samples, header.sample)}; give each sample once"
                )
            for name, array in block.items():
                file.append(name, np.asarray(array))
            written += rows
        if written < samples:
            raise BadInputError(
                f"arrays: the blocks end after {written:,} of {counted(samples, header.sample)}, so the epoch is not "
                "committed; give the rows of every sample"
            )
        if ATTENTION in shapes:
            file.add(SUMMARY, _summary_from_disk(file, header, shapes[ATTENTION], present, path.parent))
        return Written(_names(shapes), *file.close())


def _new_file(path: Path, header: Header, shapes: Mapping[str, tuple[int, ...]]) -> AbstractContextManager[ArrayFile]:
    kinds = {name: (_KIND, shape) for name, shape in shapes.items()}
    if ATTENTION in shapes:
        sizes = (len(summary.SCOPES), len(summary.STATISTICS), len(header.modalities), len(header.categories))
        kinds[SUMMARY] = (_KIND, sizes)
    return new_array_file(path, kinds)


def _names(shapes: Mapping[str, tuple[int, ...]]) -> tuple[str, ...]:
    return (*shapes, *[SUMMARY] * (ATTENTION in shapes))


def _check_block(
    header: Header, block: Mapping[str, np.ndarray], first: Mapping[str, np.ndarray], number: int, epoch: int
) -> int:
    """The number of samples in a block, which must hold the arrays of the first one."""
    what = f"block {number}"
    require_mapping(f"arrays: {what}", block, "give the next samples of each array by name")
    if block.keys() != first.keys() or not block:
        names, in_first = (", ".join(arrays) or "no array" for arrays in (block, first))
        raise BadInputError(f"arrays: {what} holds {names}, block 1 {in_first}; give the rows of every array")
    for name in block:
        dimensions = header.arrays.get(name, (header.sample,))
        if dimensions[:1] != (header.sample,):
            raise BadInputError(
                f"{what}: array {name!r} is {' x '.join(dimensions) or 'a number'}; blocks of samples need "
                f"{header.sample} first, so give whole arrays"
            )
    sizes = [0 if (rows := as_numbers(array)) is None or not rows.ndim else len(rows) for array in block.values()]
    check_arrays(header, block, min(sizes), epoch, f"{what}: ")
    for name, array in block.items():
        expected = np.shape(first[name])[1:]
        if np.shape(array)[1:] != expected:
            raise BadInputError(
                f"{what}: array {name!r} has shape {np.shape(array)}; as in block 1, it must be "
                f"{header.sample} x {' x '.join(map(str, expected))}"
            )
    return min(sizes)


def _summary_from_disk(
    file: ArrayFile, header: Header, shape: tuple[int, ...], present: np.ndarray | None, folder: Path
) -> np.ndarray:
    """The summary of the attention in a file."""
    dimensions, categories = header.arrays[ATTENTION], len(header.categories)

    def read(begin: int, end: int) -> np.ndarray:
        return aligned(file.read(ATTENTION, begin, end), dimensions, None, categories)[0]

    # Of the values of this array, which takes no memory, nothing is used.
    weights, mask = aligned(np.broadcast_to(np.float32(0), shape), dimensions, present, categories)
    with columns_on_disk(read, weights.shape, folder) as columns:
        return attention_summary(columns, mask)
