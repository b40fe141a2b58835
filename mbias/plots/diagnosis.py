"""The verdict on every setting: the balance with its interval, the margin, and the attention."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mbias.analysis.diagnosis import QUESTION
from mbias.analysis.measures.verdict import MARGIN, UNDETERMINED
from mbias.plots.drawing.heatmap import draw_heatmap
from mbias.plots.drawing.inputs import SETTING, Drawable, Drawn, table_to_draw
from mbias.plots.drawing.lines import leave_room
from mbias.plots.drawing.style import (
    BALANCED,
    BAND,
    JOINT,
    NEUTRAL,
    UNKNOWN,
    WIDTH,
    ink,
    mark_simulated,
    mathtext,
    modality_colours,
    plain,
    style,
)
from mbias.tables.names import setting_name


def plot_diagnosis(data: Drawable, *, ax: Axes | None = None) -> Drawn:
    """Draw the verdict on every setting.

    Parameters
    ----------
    data
        A probed study, or the table ``mbias.diagnosis(study)``.
    ax
        Axes to draw into; without them, a figure.

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The figure, or ``ax`` where it is given.

    Raises
    ------
    BadInputError
        If the table is another one.
    NotApplicableError
        If a run is not probed.

    Examples
    --------
    >>> figure = mbias.plot_diagnosis("models/demo")
    >>> len(figure.axes)
    1
    """
    interval = ("balance", "balance_low", "balance_high")
    columns = ("seeds", "samples", "first", "second", "verdict", "attention", "misleads", "discordant_number")
    needed = (*SETTING, *columns, *interval)
    table = table_to_draw(QUESTION, data, needed=needed, ax=ax)
    if ax is None:
        return figure(table)
    with style():
        return draw(table, ax)


def plot_heatmap(table: pd.DataFrame, modalities: Sequence[str]) -> Figure:
    """Draw the balance by category and setting.

    Parameters
    ----------
    table
        `mbias.analysis.diagnosis.categories`.
    modalities
        The two modalities; a positive balance is toward the first one.
    """
    named = table.assign(
        setting=[setting_name(row.run, row.variant, row.smoothing, row.control) for row in table.itertuples()]
    )
    return draw_heatmap(
        named,
        "balance",
        modalities,
        (-1, 1),
        "balance of Shapley values",
        "mean over the samples that have the category",
    )


def draw(table: pd.DataFrame, ax: Axes) -> Axes:
    """Draw one line per setting: a dot and a 95 % interval for the balance, a cross for the attention, and the verdict.

    A ring around the cross marks attention that misleads: it names the modality opposite to a biased verdict.

    Parameters
    ----------
    table
        `mbias.analysis.diagnosis.verdicts`.
    ax
        The axes.

    Returns
    -------
    matplotlib.axes.Axes
        ``ax``.
    """
    modalities = [str(table[name].iloc[0]) for name in ("first", "second")]
    ax.axvspan(-MARGIN, MARGIN, color=BAND, zorder=0, lw=0)
    for y, row in enumerate(table.itertuples()):
        colour = _colour(str(row.verdict), modalities)
        ax.hlines(y, row.balance_low, row.balance_high, color=colour, lw=2.4)
        ax.scatter(row.balance, y, s=22, color=colour, zorder=3)
        # On the scale of the balance, all attention on the first modality is 1, and all on the second one is -1.
        attention = 2 * row.attention - 1
        ax.scatter(attention, y, s=22, marker="x", color=JOINT, linewidths=1.1, zorder=4)
        if row.misleads:
            ax.plot(attention, y, marker="o", markersize=9, markerfacecolor="none", color=JOINT, zorder=4)
        discordant = f"; {row.discordant_number} discordant" if row.discordant_number else ""
        verdict = ax.text(1.08, y, plain(f"{row.verdict}{discordant}"), color=ink(colour), fontsize=7, va="center")
        verdict.set_in_layout(False)
    ax.axvline(0, color=NEUTRAL, lw=0.8, zorder=1)
    ax.set_xlim(-1.04, 1.04)
    ax.set_ylim(len(table) - 0.4, -0.6)
    names = [setting_name(row.run, row.variant, row.smoothing, row.control) for row in table.itertuples()]
    ax.set_yticks(np.arange(len(names)), [_name(name) for name in names])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


def figure(table: pd.DataFrame) -> Figure:
    """Draw all settings in one panel.

    Parameters
    ----------
    table
        `mbias.analysis.diagnosis.verdicts`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    first, second = str(table["first"].iloc[0]), str(table["second"].iloc[0])
    with style():
        fig, ax = plt.subplots(figsize=(WIDTH, 0.24 * len(table) + 1.07))
        draw(table, ax)
        ax.set_xlabel(f"{plain(second)}  ←  balance of Shapley values  →  {plain(first)}")
        seeds = int(table["seeds"].max())
        over = (
            f"{seeds} seeds and {table['samples'].max():,} samples"
            if seeds > 1
            else f"{table['samples'].max():,} samples, one seed"
        )
        fig.suptitle(
            f"dot and bar: balance with its 95 % interval over {over}; grey band: balanced (within {MARGIN:g})\n"
            "cross: attention; ring: attention names the modality opposite to the verdict; "
            "discordant: categories biased in another direction",
            fontsize=7,
            x=0.01,
            ha="left",
        )
        mark_simulated(fig, table)
        leave_room(fig, bottom=0.02, right=0.3)
    return fig


def _colour(verdict: str, modalities: list[str]) -> str:
    if verdict == UNDETERMINED:
        return UNKNOWN
    return modality_colours(modalities).get(verdict.removeprefix("biased toward "), BALANCED)


def _name(setting: str) -> str:
    return ", ".join(mathtext(part) for part in setting.split(", ")) if "_" in setting else plain(setting)
