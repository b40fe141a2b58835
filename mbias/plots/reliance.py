"""What the predictions depend on: the change by modality, and the balance of every measure."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mbias.analysis.reliance import QUESTION
from mbias.errors import NotApplicableError
from mbias.plots.drawing.inputs import SETTING, Drawable, Drawn, check_one_setting, table_to_draw
from mbias.plots.drawing.lines import leave_room, legend_below
from mbias.plots.drawing.style import NEUTRAL, WIDTH, mark_simulated, modality_colours, plain, setting_label, style
from mbias.tables.names import setting_name

_PANELS = {"change": "change of the output", "share": "share of the squared change", "help": "help"}
"""What `figure_of_use` draws: columns of `mbias.analysis.reliance.use` and the labels of their axes."""


def plot_reliance(data: Drawable, *, ax: Axes | None = None) -> Drawn:
    """Draw the balance of every measure of reliance; of more than two modalities, the share of each.

    Parameters
    ----------
    data
        A probed study, or a table: ``mbias.reliance(study, table="measures")`` for balances, ``mbias.reliance(study)``
        for shares.
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
    >>> figure = mbias.plot_reliance(mbias.load_example())
    >>> len(figure.axes)
    4
    """
    table = _table(data, ax)
    if ax is None:
        return figure_of_use(table) if "share" in table else figure(table)
    check_one_setting(table)
    if "share" in table:
        with style():
            return draw_use(table, "share", ax)
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
    rows = rows.assign(y=rows.index.map({name: y for y, name in enumerate(order)})).dropna(subset=["y"])
    edges = [colours[0 if balance > 0 else 1] for balance in rows["balance"]]
    faces = [edge if causal else "white" for edge, causal in zip(edges, rows["causal"], strict=True)]
    ax.hlines(rows["y"], rows["balance_low"], rows["balance_high"], color=edges, lw=1.8)
    ax.scatter(
        rows["balance"], rows["y"], s=16, facecolors=faces, edgecolors=edges, linewidths=1.1, zorder=3, clip_on=False
    )
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
            ax.set_title(setting_label(panel, "\n"))
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


def draw_use(table: pd.DataFrame, column: str, ax: Axes) -> Axes:
    """Draw one column of how much the outputs depend on each modality: one dot with a 95 % interval per modality.

    Parameters
    ----------
    table
        `mbias.analysis.reliance.use`.
    column
        ``change``, ``share``, ``help`` or ``help_log_loss``.
    ax
        The axes.

    Returns
    -------
    matplotlib.axes.Axes
        ``ax``.
    """
    names = list(dict.fromkeys(_settings(table)))
    colours = modality_colours(list(dict.fromkeys(table["modality"])))
    reach = 0.2 if len(colours) == 2 else 0.32
    places = np.linspace(-reach, reach, len(colours)) if len(colours) > 1 else [0.0]
    for place, (modality, colour) in zip(places, colours.items(), strict=True):
        rows = table[table["modality"] == modality]
        at = np.array([names.index(name) for name in _settings(rows)]) + place
        ax.hlines(at, rows[f"{column}_low"], rows[f"{column}_high"], color=colour, lw=1.8)
        ax.scatter(rows[column], at, s=16, color=colour, zorder=3, clip_on=False, label=plain(modality))
    if column.startswith("help"):
        ax.axvline(0, color=NEUTRAL, lw=0.8, zorder=0)
    elif column == "share":
        ax.set_xlim(-0.03, 1.03)
        ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    else:
        ax.set_xlim(left=0)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_yticks(np.arange(len(names)), [setting_label(name) for name in names])
    ax.set_xlabel(_PANELS.get(column, column))
    ax.grid(axis="y", lw=0.4)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


def figure_of_use(table: pd.DataFrame) -> Figure:
    """Draw how much the outputs depend on each modality and whether that helps, for every setting.

    Parameters
    ----------
    table
        `mbias.analysis.reliance.use`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    columns = [column for column in _PANELS if table[column].notna().any()] or ["share"]
    lines = 0.075 * table["modality"].nunique() + 0.1
    with style():
        several = table["modality"].nunique() > 2
        size = (WIDTH, lines * len(set(_settings(table))) + (1.3 if several else 1.1))
        fig, axes = plt.subplots(1, len(columns), sharey=True, squeeze=False, figsize=size)
        for column, ax in zip(columns, axes[0], strict=True):
            draw_use(table, column, ax)
        fig.suptitle(
            f"bars: {_over(table)}; each modality replaced by that of other samples\n"
            "help: increase of the squared error; below 0, the modality harms",
            fontsize=7,
            x=0.01,
            ha="left",
        )
        handles, labels = axes[0, 0].get_legend_handles_labels()
        if several:
            legend_below(fig, handles, list(dict.fromkeys(table["modality"])))
        else:
            fig.legend(handles, labels, loc="outside upper right", ncols=len(labels), frameon=False)
        mark_simulated(fig, table)
        leave_room(fig, bottom=0.02)
    return fig


def _table(data: Drawable, ax: Axes | None) -> pd.DataFrame:
    """The table of measures or, where that is given or no measure of two modalities applies, that of use."""
    shares = ("share", "share_low", "share_high")
    if isinstance(data, pd.DataFrame) and {"help", *shares} <= set(data):
        return table_to_draw(QUESTION, data, needed=(*SETTING, "modality", *shares), ax=ax)
    interval = ("balance", "balance_low", "balance_high")
    needed = (*SETTING, "seeds", "samples", "measure", "modality", "causal", *interval)
    try:
        return table_to_draw(QUESTION, data, needed=needed, ax=ax)
    except NotApplicableError:
        return QUESTION(data)


def _by_kind(table: pd.DataFrame) -> list[str]:
    """The names of the measures that have a balance, those that change inputs first."""
    known = table.dropna(subset=["balance"])
    return list(dict.fromkeys(known.sort_values("causal", ascending=False, kind="stable")["measure"]))


def _title(table: pd.DataFrame) -> str:
    return f"bars: {_over(table)}\nfilled: inputs changed; hollow: read off the network"


def _over(table: pd.DataFrame) -> str:
    seeds, samples = int(table["seeds"].max()), f"{table['samples'].max():,} samples"
    return f"95 % intervals over {f'{seeds} seeds and {samples}' if seeds > 1 else f'{samples}, one seed'}"


def _settings(table: pd.DataFrame) -> list[str]:
    return [
        setting_name(row.run, row.variant, row.smoothing, row.mitigation, row.control) for row in table.itertuples()
    ]
