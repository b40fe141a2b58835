"""What the predictions depend on, by measure, and the attention."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mbias.analysis.reliance import QUESTION
from mbias.plots.drawing.inputs import SETTING, Drawable, Drawn, check_one_setting, table_to_draw
from mbias.plots.drawing.lines import leave_room
from mbias.plots.drawing.style import NEUTRAL, WIDTH, mark_simulated, mathtext, modality_colours, plain, style
from mbias.tables.names import setting_name


def plot_reliance(data: Drawable, *, ax: Axes | None = None) -> Drawn:
    """Draw the balance of every measure of reliance.

    Parameters
    ----------
    data
        A probed study, or the table ``mbias.reliance(study)``.
    ax
        Axes for a single setting; without them, one panel per setting.

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The figure, or ``ax`` where it is given.

    Raises
    ------
    BadInputError
        If the table is another one, or has several settings and ``ax`` is given.
    NotApplicableError
        If a run is not probed.

    Examples
    --------
    >>> figure = mbias.plot_reliance("models/demo")
    >>> len(figure.axes)
    2
    """
    interval = ("balance", "balance_low", "balance_high")
    needed = (*SETTING, "seeds", "samples", "measure", "modality", "causal", *interval)
    table = table_to_draw(QUESTION, data, needed=needed, ax=ax)
    if ax is None:
        return figure(table)
    check_one_setting(table)
    order = _by_kind(table)
    with style():
        draw(table, ax, order)
        ax.set_yticks(np.arange(len(order)), [plain(name) for name in order])
    return ax


def draw(table: pd.DataFrame, ax: Axes, order: list[str]) -> Axes:
    """Draw the balances of one setting: one dot per measure with its 95 % interval.

    A dot is hollow where the measure does not change inputs.

    Parameters
    ----------
    table
        Rows of `mbias.analysis.reliance.measures` of one setting.
    ax
        The axes.
    order
        The names of the measures from top to bottom.

    Returns
    -------
    matplotlib.axes.Axes
        ``ax``.
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
        ax.scatter(row["balance"], y, s=16, facecolors=face, edgecolors=colour, linewidths=1.1, zorder=3, clip_on=False)
    ax.axvline(0, color=NEUTRAL, lw=0.8, zorder=0)
    ax.set_xlim(-1.06, 1.06)
    ax.set_ylim(len(order) - 0.4, -0.6)
    ax.set_xticks([-1, 0, 1], ["-1", "0", "1"])
    ax.grid(axis="y", lw=0.4)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


def figure(table: pd.DataFrame) -> Figure:
    """Draw one panel per setting, at most four side by side.

    Parameters
    ----------
    table
        `mbias.analysis.reliance.measures`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    table = table.assign(setting=_settings(table))
    panels = list(dict.fromkeys(table["setting"]))
    order = _by_kind(table)
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
        if len(panels) % columns:
            # The last row is not full; above its empty places, the lowest panels are those of the row before.
            for ax in axes[-2, len(panels) % columns :]:
                ax.tick_params(labelbottom=True)
        for ax in axes[:, 0]:
            ax.set_yticks(np.arange(len(order)), [plain(name) for name in order], fontsize=6.5)
        fig.supxlabel(f"{plain(modalities[1])}  ←  balance  →  {plain(modalities[0])}", fontsize=8)
        fig.suptitle(_title(table), fontsize=7, x=0.01, ha="left")
        mark_simulated(fig, table)
        leave_room(fig, bottom=0.01)
    return fig


def _by_kind(table: pd.DataFrame) -> list[str]:
    """The names of the measures that have a balance, those that change inputs first."""
    known = table.dropna(subset=["balance"])
    return list(dict.fromkeys(known.sort_values("causal", ascending=False, kind="stable")["measure"]))


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
