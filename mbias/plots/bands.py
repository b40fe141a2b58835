"""A line over epochs: the mean over seeds, in the band of its 95 % interval where there are several."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from mbias.analysis.statistics import t_quantile


def draw_mean(rows: pd.DataFrame, value: str, ax: Axes, bounds: tuple[float, float], **look: Any) -> pd.Series:
    """Draw a line with its band; give the mean by epoch.

    Parameters
    ----------
    rows
        A row a seed and ``epoch``.
    bounds
        What the value can be; the band, of Student's t over seeds, is cut to it.
    look
        Of the line, as matplotlib has it.
    """
    by_epoch = rows.groupby("epoch")[value]
    mean, seeds = by_epoch.mean(), by_epoch.count()
    ax.plot(mean.index, mean.to_numpy(), marker="o" if len(mean) == 1 else None, **look)
    if (seeds > 1).any():
        half = t_quantile(seeds.clip(lower=2) - 1) * (by_epoch.std() / np.sqrt(seeds))
        low, high = np.clip([mean - half, mean + half], *bounds)
        ax.fill_between(mean.index, low, high, color=look["color"], alpha=0.18, lw=0)
    return mean
