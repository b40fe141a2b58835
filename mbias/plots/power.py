"""How often a verdict is right, by the size of the true effect and the number of seeds."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from mbias.analysis.measures.verdict import MARGIN
from mbias.plots.drawing.lines import label_ends, leave_room, line_ends
from mbias.plots.drawing.style import BAND, NEUTRAL, SEEDS, WIDTH, mark_simulated, style

_PANELS = {
    "toward_first": "called biased",
    "balanced": "called balanced",
    "covered": "interval holds the truth",
}


def draw(table: pd.DataFrame, share: str, ax: Axes) -> Axes:
    """Draw a share of verdicts by true balance: one line per number of seeds and spread, dashed without spread.

    Parameters
    ----------
    table
        `mbias.analysis.power.power`.
    share
        One of its columns of shares.
    ax
        The axes.

    Returns
    -------
    matplotlib.axes.Axes
        ``ax``.
    """
    ax.axvspan(0, MARGIN, color=BAND, zorder=0, lw=0)
    greys = dict(zip(sorted(set(table["seeds"])), SEEDS, strict=False))
    for (seeds, spread), rows in table.groupby(["seeds", "spread"]):
        name = f"{seeds} seed{'s' if seeds > 1 else ''}{f', spread {spread:g}' if spread else ''}"
        appearance = {"color": greys[seeds], "linestyle": "-" if spread else (0, (3, 1.5))}
        ax.plot(rows["effect"], rows[share], **appearance, marker="o", ms=2.5, label=name)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.set_title(_PANELS[share])
    return ax


def figure(table: pd.DataFrame) -> Figure:
    """Draw power and false alarms, balanced verdicts, and coverage.

    Parameters
    ----------
    table
        `mbias.analysis.power.power`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    with style():
        fig, axes = plt.subplots(1, 3, figsize=(WIDTH, 2.2), sharex=True)
        for share, ax in zip(_PANELS, axes, strict=True):
            draw(table, share, ax)
        axes[0].axhline(0.05, color=NEUTRAL, lw=0.8)
        axes[2].axhline(0.95, color=NEUTRAL, lw=0.8)
        axes[2].set_ylim(0.9, 1)
        axes[1].set_xlabel("true balance; grey: balanced")
        leave_room(fig, bottom=0.03, right=0.14)
        fig.canvas.draw()
        label_ends(axes[2], line_ends(axes[2]), size=6)
        mark_simulated(fig, table)
    return fig
