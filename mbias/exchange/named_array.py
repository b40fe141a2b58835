"""An array from a file, with the names that the file gives to its axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

HINT = "save it as .npz or .safetensors with arrays of numbers"
"""What to do about a file that is refused, for the end of an error message."""

TRUTH_PREFIX = "truth_"
"""The prefix of the names of ground-truth arrays, as in ``truth_weak`` and ``truth_audio``."""


@dataclass(frozen=True)
class NamedArray:
    """An array and what its file says about it.

    Parameters
    ----------
    values
        The numbers, or a text array.
    axes
        Names of the dimensions, or None if the file does not name them.
    coordinates
        By axis, the names along it, or None if the file has none.
    """

    values: np.ndarray
    axes: tuple[str, ...] | None = None
    coordinates: dict[str, tuple[str, ...]] | None = None
