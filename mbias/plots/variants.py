"""Table 1 as a figure: F-scores of the variants, metric by metric."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mbias.plots.drawing.lines import leave_room
from mbias.plots.drawing.style import JOINT, WIDTH, ends, ink, mark_simulated, mathtext, style
from mbias.tables.names import display_name

LEVELS = {"segment": (JOINT, "o", -0.14), "event": ("#8a8f98", "s", 0.14)}
"""Colour, marker and place of a level."""


def draw(table: pd.DataFrame, ax: Axes) -> Axes:
    """F-scores of one metric, a row a variant; bars are 95 % intervals, rings are published.

    Parameters
    ----------
    table
        Rows of `mbias.analysis.variants.scores` of one metric.
    """
    variants = list(dict.fromkeys(table["variant"]))
    for level, (colour, marker, shift) in LEVELS.items():
        rows = table[table["level"] == level]
        measured = rows[rows["source"] == "measured"]
        y = [variants.index(variant) + shift for variant in measured["variant"]]
        ax.errorbar(measured["f_score"], y, xerr=ends(measured), fmt=marker, color=colour, ms=4.5, elinewidth=0.9)
        published = rows[rows["source"] == "published"]
        y = [variants.index(variant) + shift for variant in published["variant"]]
        ax.plot(published["f_score"], y, marker, mfc="none", mec=colour, ms=4.5, mew=0.8)
    ax.set_yticks(range(len(variants)), [mathtext(display_name("variant", variant)) for variant in variants])
    ax.set_ylim(len(variants) - 0.5, -0.5)
    ax.grid(axis="x")
    return ax


def figure(table: pd.DataFrame) -> Figure:
    """Every metric side by side."""
    metrics = list(dict.fromkeys(table["metric"]))
    variants = table["variant"].nunique()
    with style():
        fig, axes = plt.subplots(
            1, len(metrics), sharex=True, sharey=True, squeeze=False, figsize=(WIDTH, 0.3 * variants + 0.95)
        )
        for ax, metric in zip(axes[0], metrics, strict=True):
            draw(table[table["metric"] == metric], ax)
            ax.set_title(display_name("metric", metric))
            ax.set_xlabel("F-score (%)")
        _key(fig, table)
        leave_room(fig, bottom=0.08)
        mark_simulated(fig, table)
    return fig


def _key(fig: Figure, table: pd.DataFrame) -> None:
    """What colours and rings mean, in words of their colours, below the panels."""
    seeds = table.loc[table["source"] == "measured", "seeds"]
    low, high = int(seeds.min()), int(seeds.max())
    count = f"{low}" if low == high else f"{low} to {high}"
    parts = [("● segment level", LEVELS["segment"][0]), ("■ event level", LEVELS["event"][0])]
    parts += [("○ □ published", JOINT)] * bool((table["source"] == "published").any())
    parts += [(f"n = {count} seed{'s' if high > 1 else ''}; bars: 95 %", JOINT)]
    for place, (text, colour) in enumerate(parts):
        fig.text(0.005 + 0.145 * place, 0.012, text, fontsize=6.5, color=ink(colour), va="bottom")
