"""The verdict on every setting: its balance with the interval, the margin, and where the attention points."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mbias.analysis.diagnosis import MARGIN, UNDETERMINED
from mbias.analysis.settings import setting_name
from mbias.plots.drawing.lines import leave_room
from mbias.plots.drawing.style import WIDTH, ink, mark_simulated, mathtext, modality_colours, plain, style

_NEUTRAL, _UNKNOWN, _BAND = "#4a4d55", "#9c9ca1", "#eeeef0"


def draw(table: pd.DataFrame, ax: Axes) -> Axes:
    """A line a setting: a dot and 95 % interval for the balance, a cross for attention on the same scale, the verdict.

    Parameters
    ----------
    table
        `mbias.analysis.diagnosis.verdicts`.
    """
    modalities = [str(table[name].iloc[0]) for name in ("first", "second")]
    ax.axvspan(-MARGIN, MARGIN, color=_BAND, zorder=0, lw=0)
    for y, row in enumerate(table.itertuples()):
        colour = _colour(str(row.verdict), modalities)
        ax.hlines(y, row.balance_low, row.balance_high, color=colour, lw=2.4)
        ax.scatter(row.balance, y, s=22, color=colour, zorder=3)
        # On the balance's scale: all attention on the first modality is 1, all on the second -1.
        ax.scatter(2 * row.attention - 1, y, s=22, marker="x", color="#1f2328", linewidths=1.1, zorder=4)
        discordant = (
            f" ({row.discordant_number} categor{'y' if row.discordant_number == 1 else 'ies'} not)"
            if row.discordant_number
            else ""
        )
        verdict = ax.text(1.08, y, plain(f"{row.verdict}{discordant}"), color=ink(colour), fontsize=7, va="center")
        verdict.set_in_layout(False)
    ax.axvline(0, color="#c9c9ce", lw=0.8, zorder=1)
    ax.set_xlim(-1.04, 1.04)
    ax.set_ylim(len(table) - 0.4, -0.6)
    names = [setting_name(row.run, row.variant, row.smoothing, row.control) for row in table.itertuples()]
    ax.set_yticks(np.arange(len(names)), [_name(name) for name in names])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


def figure(table: pd.DataFrame) -> Figure:
    """All settings in one panel."""
    first, second = str(table["first"].iloc[0]), str(table["second"].iloc[0])
    with style():
        fig, ax = plt.subplots(figsize=(WIDTH, 0.24 * len(table) + 0.95))
        draw(table, ax)
        ax.set_xlabel(f"{plain(second)}  ←  balance of Shapley values  →  {plain(first)}")
        seeds = int(table["seeds"].max())
        over = (
            f"{seeds} seeds and {table['samples'].max():,} samples"
            if seeds > 1
            else f"{table['samples'].max():,} samples, one seed"
        )
        fig.suptitle(
            f"dot and bar: balance, 95 % interval over {over}; cross: attention; grey: balanced (within {MARGIN:g})",
            fontsize=7,
            x=0.01,
            ha="left",
        )
        mark_simulated(fig, table)
        leave_room(fig, bottom=0.02, right=0.3)
    return fig


def _colour(verdict: str, modalities: list[str]) -> str:
    if verdict == UNDETERMINED:
        return _UNKNOWN
    return modality_colours(modalities).get(verdict.removeprefix("biased toward "), _NEUTRAL)


def _name(setting: str) -> str:
    return ", ".join(mathtext(part) for part in setting.split(", ")) if "_" in setting else plain(setting)
