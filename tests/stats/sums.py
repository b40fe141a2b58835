"""The sums of a mean over samples."""

from __future__ import annotations

import numpy as np


def mean_parts(values):
    """What each sample adds to the sums of a mean: its value and 1, on a new last axis."""
    return np.stack([values, np.ones_like(values)], axis=-1)
