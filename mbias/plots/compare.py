"""Two studies side by side: the differences with their intervals, a panel a quantity, a row a pair of settings."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mbias.plots.drawing.lines import leave_room
from mbias.plots.drawing.style import JOINT, WIDTH, mark_simulated, mathtext, plain, style
from mbias.tables.names import display_name


def draw(table: pd.DataFrame, ax: Axes, order: list[str], unit: float = 1.0) -> Axes:
    """Differences of one quantity, a row a pair, with 95 % intervals; filled where they hold after Holm's correction.

    Parameters
    ----------
    table
        Rows of `mbias.analysis.compare.comparison` of one quantity and level.
    order
        Names of the pairs (`pairs`) from top to bottom.
    unit
        What the differences are multiplied by.
    """
    y = [order.index(name) for name in pairs(table)]
    face = np.where(table["p_holm"] <= 0.05, JOINT, "white")
    ax.hlines(y, unit * table["difference_low"], unit * table["difference_high"], color=JOINT, lw=1.2)
    ax.scatter(unit * table["difference"], y, s=16, c=face, edgecolors=JOINT, linewidths=1.0, zorder=3)
    ax.axvline(0, color="#c9c9ce", lw=0.8, zorder=0)
    ax.set_ylim(len(order) - 0.4, -0.6)
    ax.grid(axis="y", lw=0.4)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


def figure(table: pd.DataFrame) -> Figure:
    """F-scores by metric and level on one scale, in points; attention and balance below, each on its own."""
    table = table.assign(level=table["level"].fillna(""))
    order = list(dict.fromkeys(pairs(table)))
    scores, others = table[table["level"] != ""], table[table["level"] == ""]
    levels, metrics = list(dict.fromkeys(scores["level"])), list(dict.fromkeys(scores["quantity"]))
    rest = list(dict.fromkeys(others["quantity"]))
    lines, columns = len(levels) + bool(rest), max(len(metrics), len(rest), 1)
    with style():
        size = (WIDTH, (0.16 * len(order) + 0.62) * lines + 0.4)
        fig, axes = plt.subplots(lines, columns, sharey=True, squeeze=False, figsize=size)
        for ax in axes.flat:
            ax.set_visible(False)
        reach = 105 * scores[["difference_low", "difference_high"]].abs().max().max() if levels else 1
        for line, level in zip(axes, levels, strict=False):
            for ax, metric in zip(line, metrics, strict=False):
                draw(scores[(scores["level"] == level) & (scores["quantity"] == metric)], ax, order, unit=100)
                _dress(ax, f"{display_name('metric', metric)}, {level}", "points", reach)
        for ax, quantity in zip(axes[-1], rest, strict=False):
            rows = others[others["quantity"] == quantity]
            draw(rows, ax, order)
            _dress(ax, quantity, "B − A", 1.05 * rows[["difference_low", "difference_high"]].abs().max().max())
        for line in axes:
            line[0].set_yticks(np.arange(len(order)), [_name(name) for name in order], fontsize=6.5)
        fig.suptitle(_title(table), fontsize=7, x=0.01, ha="left")
        mark_simulated(fig, table)
        leave_room(fig, bottom=0.02)
    return fig


def pairs(table: pd.DataFrame) -> list[str]:
    """What each row's pair is called: what both are, or B where all have the same A."""
    alone = len(set(table["a"])) == 1
    return [b if alone or a == b else f"{b} − {a}" for a, b in zip(table["a"], table["b"], strict=True)]


def _dress(ax: Axes, title: str, unit: str, reach: float) -> None:
    ax.set_visible(True)
    ax.set_title(plain(title), fontsize=7)
    ax.set_xlabel(unit, fontsize=7)
    ax.set_xlim(-reach or -1, reach or 1)


def _title(table: pd.DataFrame) -> str:
    seeds = int(table["seeds"].max())
    over = f"n = {seeds} paired seeds" if seeds > 1 else "one seed, samples paired"
    first = table["a"].iloc[0]
    what = f"B − A, A: {_name(first)}" if len(set(table["a"])) == 1 and (table["b"] != first).any() else "B − A"
    return f"{what}; bars: 95 % intervals, {over}; filled: holds at 5 % (Holm)"


def _name(setting: str) -> str:
    return ", ".join(
        mathtext(part) if "_cross" in part or "_self" in part else plain(part) for part in setting.split(", ")
    )
