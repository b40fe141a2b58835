"""How often a verdict is right, by the size of the true effect and the number of seeds."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from mbias.analysis.diagnosis import MARGIN
from mbias.plots.drawing.lines import label_ends, leave_room, line_ends
from mbias.plots.drawing.style import WIDTH, mark_simulated, style

_PANELS = {
    "toward_first": "called biased",
    "balanced": "called balanced",
    "covered": "interval holds the truth",
}
_GREYS = ("#a9adb5", "#7d828b", "#50555d", "#1f2328")
"""Darker the more seeds: colours are for modalities and smoothings."""


def draw(table: pd.DataFrame, share: str, ax: Axes) -> Axes:
    """A line a number of seeds and their spread, dashed where they do not differ: a share of verdicts by true balance.

    Parameters
    ----------
    table
        `mbias.analysis.power.power`.
    share
        One of its columns of shares.
    """
    ax.axvspan(0, MARGIN, color="#eeeef0", zorder=0, lw=0)
    greys = dict(zip(sorted(set(table["seeds"])), _GREYS, strict=False))
    for (seeds, spread), rows in table.groupby(["seeds", "spread"]):
        name = f"{seeds} seed{'s' if seeds > 1 else ''}{f', spread {spread:g}' if spread else ''}"
        look = {"color": greys[seeds], "linestyle": "-" if spread else (0, (3, 1.5))}
        ax.plot(rows["effect"], rows[share], **look, marker="o", ms=2.5, label=name)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.set_title(_PANELS[share])
    return ax


def figure(table: pd.DataFrame) -> Figure:
    """Power and false alarms, balanced verdicts, and coverage."""
    with style():
        fig, axes = plt.subplots(1, 3, figsize=(WIDTH, 2.2), sharex=True)
        for share, ax in zip(_PANELS, axes, strict=True):
            draw(table, share, ax)
        axes[0].axhline(0.05, color="#c9c9ce", lw=0.8)
        axes[2].axhline(0.95, color="#c9c9ce", lw=0.8)
        axes[2].set_ylim(0.9, 1)
        axes[1].set_xlabel("true balance; grey: balanced")
        leave_room(fig, bottom=0.03, right=0.14)
        fig.canvas.draw()
        label_ends(axes[2], line_ends(axes[2]), size=6)
        mark_simulated(fig, table)
    return fig
