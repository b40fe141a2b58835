"""Random draws of a probe: which sample's features replace those of another."""

from __future__ import annotations

import numpy as np

_TRIES = 100


def derangement(size: int, rng: np.random.Generator, groups: np.ndarray | None = None) -> np.ndarray:
    """Draw a permutation that moves every element, into another group if there are groups.

    Parameters
    ----------
    size
        Number of elements. A single element cannot be moved, and keeps its index.
    rng
        Source of randomness.
    groups
        The group of each element, shape (size,). If one group holds more than half of the elements, no permutation
        moves all of them into another group. Then as few as possible stay within their group, though not in place.

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
    >>> derangement(4, np.random.default_rng(0), np.array(["x", "x", "y", "y"])).tolist()
    [2, 3, 0, 1]
    """
    order = rng.permutation(size)
    moved = np.empty(size, dtype=np.int64)
    # A single cycle through all elements.
    moved[order] = np.roll(order, 1)
    if groups is None:
        return moved
    for index in np.flatnonzero(groups[moved] == groups):
        # Exchanging with an element outside the group, to which nothing of the group is moved, harms no other element.
        # There is always one, unless the group holds more than half of the elements.
        group = groups[index]
        partners = np.flatnonzero((groups != group) & (groups[moved] != group))
        if groups[moved[index]] == group and partners.size:
            partner = rng.choice(partners)
            moved[[index, partner]] = moved[[partner, index]]
    return moved


def donors(labels: np.ndarray, rng: np.random.Generator, groups: np.ndarray | None = None) -> np.ndarray:
    """Draw for each sample another one that has labels and shares none of them, from another group if there are groups.

    Parameters
    ----------
    labels
        bool, shape (sample, category).
    rng
        Source of randomness.
    groups
        The group of each sample, shape (sample,).

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
        if groups is not None:
            fits &= groups[drawn] != groups[missing]
        rows[missing[fits]] = drawn[fits]
    return rows
