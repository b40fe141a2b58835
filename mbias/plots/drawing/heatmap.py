"""A heatmap of categories by settings, drawn with seaborn."""

from __future__ import annotations

import re
from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure

from mbias.plots.drawing.style import JOINT, WIDTH, mark_simulated, mathtext, modality_colours, plain, style
from mbias.plots.drawing.telling import telling

MOST_BESIDE = 12
"""The largest number of columns for which the name of a smoothing with its delta fits on one line."""


def draw_heatmap(
    table: pd.DataFrame,
    value: str,
    modalities: Sequence[str],
    bounds: tuple[float, float],
    bar: str,
    shown: str,
    discordant: pd.Series,
) -> Figure:
    """Draw one value by category and setting.

    The colours run from the second modality over white to the first one.

    Parameters
    ----------
    table
        One row per ``category`` and ``setting``, with the value and, where data are simulated, ``simulated``. The rows
        of the heatmap are sorted by their mean value.
    value
        The column to draw.
    modalities
        The two modalities between which the value lies.
    bounds
        The value in favour of the second modality alone, and of the first one alone.
    bar
        The title of the colour bar, as matplotlib reads it.
    shown
        What a cell shows, such as "mean over all segments"; written above the heatmap.
    discordant
        In how many settings each category is discordant; of many categories, it decides which are drawn.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    import seaborn as sns

    wide = table.pivot_table(index="category", columns="setting", values=value, sort=False)
    drawn = telling(wide.mean(axis=1), "mean", discordant)
    wide = wide.loc[drawn.names]
    width = min(WIDTH, 0.62 * wide.shape[1] + 2.4)
    notes = drawn.lines(width)
    with style():
        figure, ax = plt.subplots(figsize=(width, 0.155 * len(wide) + 1.4 + 0.12 * len(notes)))
        sns.heatmap(
            wide,
            ax=ax,
            vmin=bounds[0],
            vmax=bounds[1],
            cmap=_between(modalities),
            annot=True,
            fmt=".2f",
            annot_kws={"size": 6, "color": JOINT},
            linewidths=0.4,
            cbar_kws={"label": bar, "aspect": 40},
        )
        ax.set(xlabel="", ylabel="")
        title = [shown, "categories sorted by their mean", *notes]
        figure.suptitle("\n".join(title), fontsize=7, x=0.01, ha="left")
        ax.set_yticks(ax.get_yticks(), [plain(name.replace("_", " ")) for name in wide.index], fontsize=6.5, rotation=0)
        # "A_cross + V_self, LS-V" in three lines, so that neighbours do not overlap, and "LS-V 0.2" in two of many.
        names = ["\n".join(_set(line) for line in name.replace(" + ", ", + ").split(", ")) for name in wide.columns]
        if len(names) > MOST_BESIDE:
            names = [re.sub(r" (?=[\d./]+$)", "\n", name) for name in names]
        ax.set_xticks(ax.get_xticks(), names, fontsize=6, rotation=0)
        ax.tick_params(length=0)
        drawn.mark_breaks(ax, 0)
        mark_simulated(figure, table)
    return figure


def _between(modalities: Sequence[str]) -> Colormap:
    first, second = modality_colours(modalities).values()
    return LinearSegmentedColormap.from_list("modalities", [second, "#ffffff", first])


def _set(line: str) -> str:
    return mathtext(line) if line.endswith(("_cross", "_self")) else plain(line)
