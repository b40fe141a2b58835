"""How often a verdict is right, by the size of the true effect and the number of seeds."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from mbias.analysis.diagnosis import MARGIN
from mbias.plots.style import WIDTH, label_ends, leave_room, line_ends, mark_simulated, style

_PANELS = {
    "toward_first": "called biased",
    "balanced": "called balanced",
    "covered": "interval holds the truth",
}
_COLOURS = ("#9c9ca1", "#5790fc", "#964a8b", "#e42536", "#1f2328")


def draw(table: pd.DataFrame, share: str, ax: Axes) -> Axes:
    """A line a number of seeds and their spread: a share of verdicts by the true balance.

    Parameters
    ----------
    table
        `mbias.analysis.power.power`.
    share
        One of its columns of shares.
    """
    ax.axvspan(0, MARGIN, color="#eeeef0", zorder=0, lw=0)
    for colour, ((seeds, spread), rows) in zip(_COLOURS, table.groupby(["seeds", "spread"]), strict=False):
        name = f"{seeds} seed{'s' if seeds > 1 else ''}{f', spread {spread:g}' if spread else ''}"
        ax.plot(rows["effect"], rows[share], color=colour, marker="o", ms=2.5, label=name)
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
