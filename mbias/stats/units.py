"""Sums by independent unit, block by block, so that what is summed need not be in memory as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

Rows = slice | np.ndarray
"""The numbers of some samples."""

BLOCK = 2**24
"""The size in bytes of a block of values: few enough for the processor's cache, many enough for NumPy's overhead."""


def rows_of_block(bytes_of_row: int) -> int:
    """The number of rows of a block."""
    return max(1, BLOCK // max(1, bytes_of_row))


def unit_sums(
    values: Callable[[Rows], np.ndarray], samples: int, groups: np.ndarray | None, at_once: int
) -> Iterator[np.ndarray]:
    """Sum values over the samples of each independent unit: a sample or, with groups, a group of samples.

    Parameters
    ----------
    values
        From samples to their values, (sample, ...).
    samples
        The number of all samples.
    groups
        The group of each sample; None where every sample is a unit.
    at_once
        The number of samples of a block.

    Yields
    ------
    numpy.ndarray
        The sums of the next units, (unit, ...); in all, one per unit, in the order of the sorted groups.

    Examples
    --------
    >>> import numpy as np
    >>> from mbias.stats.units import unit_sums
    >>> values = np.array([1.0, 2.0, 4.0])
    >>> list(unit_sums(lambda rows: values[rows], 3, np.array(["b", "a", "b"]), 2))
    [array([2.]), array([5.])]
    """
    if groups is None:
        for begin in range(0, samples, at_once):
            yield values(slice(begin, min(begin + at_once, samples)))
        return
    unit = np.unique(groups, return_inverse=True)[1]
    order = np.argsort(unit, kind="stable")
    open_unit, open_sum = -1, np.zeros(0)
    for begin in range(0, samples, at_once):
        rows = order[begin : begin + at_once]
        units = unit[rows]
        starts = np.flatnonzero(np.diff(units, prepend=-1))
        sums = np.add.reduceat(values(rows), starts, axis=0)
        if units[0] == open_unit:
            sums[0] += open_sum
        elif open_unit >= 0:
            sums = np.concatenate([open_sum[None], sums])
        # The last unit may go on in the next block.
        open_unit, open_sum = units[-1], sums[-1]
        if len(sums) > 1:
            yield sums[:-1]
    yield open_sum[None]
