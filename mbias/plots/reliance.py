"""What the predictions depend on, by measure, beside where the attention looks."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mbias.analysis.settings import setting_name
from mbias.plots.drawing.lines import leave_room
from mbias.plots.drawing.style import WIDTH, mark_simulated, mathtext, modality_colours, plain, style

_MIDDLE = "#c9c9ce"


def draw(table: pd.DataFrame, ax: Axes, order: list[str]) -> Axes:
    """Balances of one setting: a dot a measure with its 95 % interval, rings for measures that change no input.

    Parameters
    ----------
    table
        Rows of `mbias.analysis.reliance.measures` of one setting.
    order
        Names of the measures from top to bottom.
    """
    modalities = [name for name in dict.fromkeys(table["modality"]) if name != "both"]
    colours = list(modality_colours(modalities).values())
    rows = table[table["modality"] == modalities[0]].dropna(subset=["balance"]).set_index("measure")
    for y, name in enumerate(order):
        if name not in rows.index:
            continue
        row = rows.loc[name]
        colour = colours[0 if row["balance"] > 0 else 1]
        ax.hlines(y, row["balance_low"], row["balance_high"], color=colour, lw=1.8)
        face = colour if row["causal"] else "white"
        ax.scatter(row["balance"], y, s=16, facecolors=face, edgecolors=colour, linewidths=1.1, zorder=3)
    ax.axvline(0, color=_MIDDLE, lw=0.8, zorder=0)
    ax.set_xlim(-1.06, 1.06)
    ax.set_ylim(len(order) - 0.4, -0.6)
    ax.set_xticks([-1, 0, 1], ["-1", "0", "1"])
    ax.grid(axis="y", lw=0.4)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


def figure(table: pd.DataFrame) -> Figure:
    """A panel a setting, at most four side by side."""
    table = table.assign(setting=_settings(table))
    panels = list(dict.fromkeys(table["setting"]))
    known = table.dropna(subset=["balance"])
    order = list(dict.fromkeys(known.sort_values("causal", ascending=False, kind="stable")["measure"]))
    lines = -(-len(panels) // 4)
    columns = -(-len(panels) // lines)
    modalities = [name for name in dict.fromkeys(table["modality"]) if name != "both"]
    with style():
        size = (WIDTH if columns > 1 else 0.62 * WIDTH, (0.155 * len(order) + 0.42) * lines + 0.5)
        fig, axes = plt.subplots(lines, columns, sharex=True, sharey=True, squeeze=False, figsize=size)
        for ax, panel in zip(axes.flat, panels, strict=False):
            draw(table[table["setting"] == panel], ax, order)
            ax.set_title("\n".join(mathtext(part) for part in panel.split(", ")) if "_" in panel else plain(panel))
        for ax in axes.flat[len(panels) :]:
            ax.set_visible(False)
        for ax in axes[:, 0]:
            ax.set_yticks(np.arange(len(order)), [plain(name) for name in order], fontsize=6.5)
        fig.supxlabel(f"{plain(modalities[1])}  ←  balance  →  {plain(modalities[0])}", fontsize=8)
        fig.suptitle(_title(table), fontsize=7, x=0.01, ha="left")
        mark_simulated(fig, table)
        leave_room(fig, bottom=0.01)
    return fig


def _title(table: pd.DataFrame) -> str:
    seeds = int(table["seeds"].max())
    over = (
        f"{seeds} seeds and {table['samples'].max():,} samples"
        if seeds > 1
        else f"{table['samples'].max():,} samples, one seed"
    )
    return f"bars: 95 % intervals over {over}\nfilled: inputs changed; hollow: read off the network"


def _settings(table: pd.DataFrame) -> list[str]:
    return [setting_name(row.run, row.variant, row.smoothing, row.control) for row in table.itertuples()]
