"""A line over epochs, in the band of its interval where it is known."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes


def draw_line(rows: pd.DataFrame, value: str, ax: Axes, **look: Any) -> None:
    """Draw a value over epochs, in its band.

    Parameters
    ----------
    rows
        A row an ``epoch``, with the value and the ends of its interval, ``_low`` and ``_high``.
    look
        Of the line, as matplotlib has it.
    """
    ax.plot(rows["epoch"], rows[value], marker="o" if len(rows) == 1 else None, **look)
    ax.fill_between(rows["epoch"], rows[f"{value}_low"], rows[f"{value}_high"], color=look["color"], alpha=0.18, lw=0)
