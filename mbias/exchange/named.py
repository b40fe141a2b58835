"""An array from a file, with what the file says of its dimensions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

HINT = "save it as .npz or .safetensors with arrays of numbers"


@dataclass(frozen=True)
class Named:
    """An array, and what the file says of it.

    Parameters
    ----------
    values
        Numbers.
    axes
        Names of its dimensions, or None where the file has none.
    labels
        Names along a dimension, by dimension, where the file has them.
    """

    values: np.ndarray
    axes: tuple[str, ...] | None = None
    labels: dict[str, tuple[str, ...]] | None = None
