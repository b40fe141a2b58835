"""Random draws of a probe: which sample's features replace those of another."""

from __future__ import annotations

import numpy as np

_TRIES = 100


def derangement(size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a permutation that moves every element.

    Parameters
    ----------
    size
        Number of elements. A single element cannot be moved, and keeps its index.
    rng
        Source of randomness.

    Returns
    -------
    ndarray
        A permutation of ``range(size)``, int64, shape (size,).

    Examples
    --------
    >>> moved = derangement(5, np.random.default_rng(0))
    >>> sorted(moved.tolist())
    [0, 1, 2, 3, 4]
    >>> bool((moved == np.arange(5)).any())
    False
    """
    order = rng.permutation(size)
    moved = np.empty(size, dtype=np.int64)
    # A single cycle through all elements.
    moved[order] = np.roll(order, 1)
    return moved


def donors(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw for each sample another one that has labels and shares none of them.

    Parameters
    ----------
    labels
        bool, shape (sample, category).
    rng
        Source of randomness.

    Returns
    -------
    ndarray
        The index of each sample's donor, int64, shape (sample,); -1 where none was found in 100 draws.

    Examples
    --------
    >>> labels = np.array([[True, False], [False, True], [True, True]])
    >>> donors(labels, np.random.default_rng(0)).tolist()
    [1, 0, -1]
    """
    rows = np.full(len(labels), -1, dtype=np.int64)
    for _ in range(_TRIES):
        missing = np.flatnonzero(rows < 0)
        drawn = rng.integers(len(labels), size=len(missing))
        fits = labels[drawn].any(axis=1) & ~(labels[drawn] & labels[missing]).any(axis=1)
        rows[missing[fits]] = drawn[fits]
    return rows
