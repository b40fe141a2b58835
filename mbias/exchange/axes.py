"""The axes of an imported array: checked if they are named, otherwise guessed from the shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mbias.errors import BadInputError

NAME_AXES = "name its axes (--axes, or axes= in Python)"
"""What to do about axes that are unknown, for the end of an error message."""

_USUAL = {
    3: ("sample", "modality", "category"),
    4: ("sample", "segment", "modality", "category"),
    5: ("epoch", "sample", "segment", "modality", "category"),
}
"""The usual axes by number of dimensions."""


def check_axes(name: str, axes: Sequence[str], shape: Sequence[int]) -> None:
    """Check that named axes fit an array.

    Parameters
    ----------
    name
        Name of the array, for the error message.
    axes
        Names of its axes.
    shape
        Its shape.

    Raises
    ------
    BadInputError
        If there is not one axis per dimension, an axis is named twice, or ``sample`` is missing.

    Examples
    --------
    >>> check_axes("wav", ("sample", "modality"), (8, 2))
    """
    if len(axes) != len(shape):
        raise BadInputError(
            f"array {name!r} has shape {tuple(shape)}, but {len(axes)} axes are named: {', '.join(axes)}"
        )
    if len(set(axes)) < len(axes) or "sample" not in axes:
        raise BadInputError(f"array {name!r} has axes {', '.join(axes)}; name each axis once, and one of them sample")


def guess_axes(name: str, shape: Sequence[int], sizes: Mapping[str, int], attention: bool = False) -> tuple[str, ...]:
    """Guess the axes of an array from its shape.

    The axes are those that arrays of this many dimensions usually have. They are in the usual order, unless the
    known sizes of modality and category identify other positions for these two.

    Parameters
    ----------
    name
        Name of the array, for the error message.
    shape
        Its shape.
    sizes
        The known sizes of ``modality`` and ``category``.
    attention
        Whether the array holds attention weights. Two axes are (sample, modality) then, otherwise (sample, category).

    Returns
    -------
    tuple of str
        One name per dimension.

    Raises
    ------
    BadInputError
        If the number of dimensions is not 2 to 5, or the sizes do not identify the axes.

    Examples
    --------
    >>> guess_axes("wav", (2, 8, 5), {"modality": 2, "category": 5})
    ('modality', 'sample', 'category')
    """
    usual = ("sample", "modality" if attention else "category") if len(shape) == 2 else _USUAL.get(len(shape))
    if usual is None:
        raise BadInputError(f"array {name!r} has shape {tuple(shape)}, whose axes cannot be guessed; {NAME_AXES}")
    known = {axis: size for axis, size in sizes.items() if axis in usual}
    if all(shape[usual.index(axis)] == size for axis, size in known.items()):
        return usual
    candidates = {axis: [index for index, n in enumerate(shape) if n == size] for axis, size in known.items()}
    free = [index for index in range(len(shape)) if [index] not in candidates.values()]
    remaining = [axis for axis in usual if axis not in known]
    if any(len(indices) != 1 for indices in candidates.values()) or len(free) != len(remaining):
        raise BadInputError(f"array {name!r} has shape {tuple(shape)}, which fits several axes or none; {NAME_AXES}")
    axes = {indices[0]: axis for axis, indices in candidates.items()} | dict(zip(free, remaining, strict=True))
    return tuple(axes[index] for index in range(len(shape)))


def record_order(axes: Sequence[str]) -> tuple[str, ...]:
    """Return axes in the order of run records: sample first, modality and category last.

    Parameters
    ----------
    axes
        Names of axes, ``sample`` among them.

    Returns
    -------
    tuple of str
        The same names in the order of records.

    Examples
    --------
    >>> record_order(("modality", "sample", "segment"))
    ('sample', 'segment', 'modality')
    """
    last = [axis for axis in ("modality", "category") if axis in axes]
    return ("sample", *(axis for axis in axes if axis not in ("sample", *last)), *last)


def to_record_order(values: np.ndarray, axes: Sequence[str]) -> np.ndarray:
    """Transpose an array to the order of run records.

    Parameters
    ----------
    values
        The array.
    axes
        Names of its axes.

    Returns
    -------
    numpy.ndarray
        The array with the axes of `record_order`, as float32.

    Examples
    --------
    >>> to_record_order(np.zeros((2, 8)), ("modality", "sample")).shape
    (8, 2)
    """
    return np.transpose(values, [axes.index(axis) for axis in record_order(axes)]).astype(np.float32)


def sums_to_one(values: np.ndarray, axes: Sequence[str]) -> bool:
    """Whether an array sums to 1 over its axis ``modality``, as attention weights do.

    Parameters
    ----------
    values
        The array.
    axes
        Names of its axes, ``modality`` among them.

    Returns
    -------
    bool
        True if all sums are within 0.01 of 1.

    Examples
    --------
    >>> sums_to_one(np.array([[0.3, 0.7], [0.5, 0.5]]), ("sample", "modality"))
    True
    """
    return np.allclose(values.sum(axis=axes.index("modality")), 1, atol=0.01)
