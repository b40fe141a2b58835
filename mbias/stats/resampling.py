"""Bootstrap resamples of samples, and sums over them."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable

import numpy as np

RESAMPLES = 2_000
"""Number of bootstrap resamples."""

UNITS_AT_ONCE = 1_000
"""Number of units at least that are added to the sums of resamples at a time."""


@functools.lru_cache(maxsize=4)
def common_draws(samples: int, resamples: int = RESAMPLES) -> np.ndarray:
    """Draw the bootstrap resamples that all estimates of a study share, so that comparisons are paired.

    Parameters
    ----------
    samples
        Number of samples.
    resamples
        Number of resamples.

    Returns
    -------
    numpy.ndarray
        How often each resample holds each sample, uint8, of shape (resample, sample). Every call returns the same
        draws.
    """
    rng = np.random.default_rng(0)
    shares = np.full(samples, 1 / samples)
    # A resample at a time, since they are drawn as int64. No sample is drawn more than a hundred times.
    return np.stack([rng.multinomial(samples, shares).astype(np.uint8) for _ in range(resamples)])


def resampled_sums(draws: np.ndarray, blocks: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Sum parts over all units and over the units of each resample.

    Parameters
    ----------
    draws
        How often each resample holds each unit, (resample, unit).
    blocks
        The parts of the units in blocks, (unit, *cells).

    Returns
    -------
    whole : numpy.ndarray
        The sums over all units, (*cells).
    resampled : numpy.ndarray
        The sums over the units of each resample, (resample, *cells).

    Examples
    --------
    >>> import numpy as np
    >>> from mbias.stats.resampling import resampled_sums
    >>> whole, resampled = resampled_sums(np.array([[2, 0], [1, 1]]), [np.array([[1.0]]), np.array([[3.0]])])
    >>> whole, resampled.ravel()
    (array([4.]), array([2., 4.]))
    """
    begin, whole, sums = 0, np.zeros(()), np.zeros((len(draws), 1))
    waiting: list[np.ndarray] = []
    for parts in itertools.chain(blocks, [None]):
        if parts is not None:
            whole = whole + parts.sum(axis=0)
            # Single precision is twice as fast, and its error is a ten-thousandth of a resample's noise.
            waiting.append(parts.reshape(len(parts), -1).astype(np.float32))
        rows = sum(map(len, waiting))
        # Adding to the sums of all resamples takes as long for few units as for many.
        if rows >= UNITS_AT_ONCE or (rows and parts is None):
            columns = np.ascontiguousarray(np.concatenate(waiting).T)
            # Many cells often share a denominator; equal columns are summed once.
            numbering: dict[bytes, int] = {}
            cells = [numbering.setdefault(column.tobytes(), len(numbering)) for column in columns]
            distinct = columns[np.unique(cells, return_index=True)[1]]
            sums = sums if begin else np.zeros((len(draws), len(cells)))
            sums += (draws[:, begin : begin + rows].astype(np.float32) @ distinct.T)[:, cells]
            begin, waiting = begin + rows, []
    return whole, sums.reshape(len(draws), *whole.shape)
