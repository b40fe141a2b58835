"""Two studies side by side: the differences with their intervals, a panel a pair of settings."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mbias.analysis.labels import label
from mbias.plots.style import JOINT, WIDTH, leave_room, mark_simulated, mathtext, plain, style

COLUMNS = 4
"""Panels in a row."""


def draw(table: pd.DataFrame, ax: Axes, order: list[str]) -> Axes:
    """Differences of one pair with their 95 % intervals; filled where they hold at 5 % after Holm's correction.

    Parameters
    ----------
    table
        Rows of `mbias.analysis.compare.comparison` of one pair.
    order
        Names of the quantities from top to bottom.
    """
    y = [order.index(name) for name in names(table)]
    held = table["p_holm"] <= 0.05
    ax.hlines(y, table["difference_low"], table["difference_high"], color=JOINT, lw=1.2)
    ax.scatter(
        table["difference"], y, s=16, c=np.where(held, JOINT, "white"), edgecolors=JOINT, linewidths=1.0, zorder=3
    )
    ax.axvline(0, color="#c9c9ce", lw=0.8, zorder=0)
    ax.set_ylim(len(order) - 0.4, -0.6)
    ax.grid(axis="y", lw=0.4)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


def figure(table: pd.DataFrame) -> Figure:
    """A panel a pair of settings, at most four side by side."""
    pairs = [(f"{a}" if a == b else f"{b} - {a}", rows) for (a, b), rows in table.groupby(["a", "b"], sort=False)]
    order = list(dict.fromkeys(names(table)))
    lines = -(-len(pairs) // COLUMNS)
    columns = -(-len(pairs) // lines)
    with style():
        size = (WIDTH if columns > 1 else 0.7 * WIDTH, (0.15 * len(order) + 0.42) * lines + 0.5)
        fig, axes = plt.subplots(lines, columns, sharex=True, sharey=True, squeeze=False, figsize=size)
        for ax, (title, rows) in zip(axes.flat, pairs, strict=False):
            draw(rows, ax, order)
            ax.set_title("\n".join(_part(part) for part in title.split(", ")), fontsize=7)
        for ax in axes.flat[len(pairs) :]:
            ax.set_visible(False)
        for ax in axes[:, 0]:
            ax.set_yticks(np.arange(len(order)), [plain(name) for name in order], fontsize=6.5)
        fig.supxlabel("B − A (F-scores in [0, 1], attention in [0, 1], balance in [−1, 1])", fontsize=8)
        seeds = int(table["seeds"].max())
        over = f"n = {seeds} paired seeds" if seeds > 1 else "one seed, samples paired"
        fig.suptitle(f"bars: 95 % intervals, {over}; filled: holds at 5 % (Holm)", fontsize=7, x=0.01, ha="left")
        mark_simulated(fig, table)
        leave_room(fig, bottom=0.02)
    return fig


def names(table: pd.DataFrame) -> list[str]:
    """What each row's quantity is called."""
    return [
        f"{label('metric', row.quantity)}, {row.level}"
        if isinstance(row.level, str) and row.level
        else str(row.quantity)
        for row in table.itertuples()
    ]


def _part(text: str) -> str:
    return mathtext(text) if "_cross" in text or "_self" in text else plain(text)
