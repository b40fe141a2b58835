"""Table 2 as a figure: what smoothing does to the F-scores of each variant."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mbias.plots.drawing.lines import label_ends, leave_room, line_ends
from mbias.plots.drawing.style import MARKERS, VARIANTS, WIDTH, ends, mark_simulated, mathtext, style
from mbias.tables.names import display_name


def draw(table: pd.DataFrame, ax: Axes) -> Axes:
    """F-scores of one metric and level across smoothings, a line a variant; published ones dotted, with rings.

    Parameters
    ----------
    table
        Rows of `mbias.analysis.smoothing.scores` of one metric and level.
    """
    settings = list(dict.fromkeys(table["smoothing"]))
    for (variant, source), rows in table.groupby(["variant", "source"], sort=False):
        x = [settings.index(name) for name in rows["smoothing"]]
        colour, marker = VARIANTS.get(variant, "#60656e"), MARKERS.get(variant, "o")
        if source == "measured":
            name = mathtext(display_name("variant", variant))
            ax.plot(x, rows["f_score"], color=colour, marker=marker, ms=3.8, label=name)
            ax.errorbar(x, rows["f_score"], yerr=ends(rows), fmt="none", ecolor=colour, elinewidth=0.9)
        else:
            ax.plot(x, rows["f_score"], color=colour, marker=marker, ms=3.8, mfc="white", ls=":", lw=0.9)
    ax.set_xticks(range(len(settings)), [display_name("smoothing", name) for name in settings], rotation=40, ha="right")
    ax.tick_params(axis="x", labelsize=6.5, pad=1)
    ax.set_xlim(-0.35, len(settings) - 0.65)
    ax.grid(axis="y")
    return ax


def figure(table: pd.DataFrame) -> Figure:
    """A row of panels a level, a column a metric."""
    levels, metrics = list(dict.fromkeys(table["level"])), list(dict.fromkeys(table["metric"]))
    with style():
        fig, axes = plt.subplots(
            len(levels),
            len(metrics),
            sharex=True,
            sharey=True,
            squeeze=False,
            figsize=(WIDTH, 1.55 * len(levels) + 0.5),
        )
        for line, level in zip(axes, levels, strict=True):
            for ax, metric in zip(line, metrics, strict=True):
                draw(table[(table["level"] == level) & (table["metric"] == metric)], ax)
            line[0].set_ylabel(f"{level}-level F-score (%)")
        for ax, metric in zip(axes[0], metrics, strict=True):
            ax.set_title(display_name("metric", metric))
        mark_simulated(fig, table)
        leave_room(fig, bottom=0.03, right=0.12)
        fig.canvas.draw()
        for line in axes:
            label_ends(line[-1], line_ends(line[-1]), size=6.5)
        if (table["source"] == "published").any():
            fig.text(0.005, 0.006, "dotted, hollow: published", fontsize=6.5, va="bottom")
    return fig
