"""The attention that would minimise L_wsl, given p_a and p_v, and the trained attention."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mbias.analysis.mechanism import QUESTION
from mbias.analysis.settings import one_variant
from mbias.plots.drawing.inputs import SETTING, Drawable, Drawn, check_one_setting, table_to_draw
from mbias.plots.drawing.lines import leave_room, legend_below, legend_columns
from mbias.plots.drawing.style import NEUTRAL, WIDTH, mark_simulated, mathtext, modality_colours, plain, style, symbol
from mbias.tables.names import setting_names, subscript
from mbias.tables.words import words_of


def plot_mechanism(data: Drawable, *, ax: Axes | None = None, epoch: int | str | None = None) -> Drawn:
    """Draw the attention that minimises L_wsl, and the trained attention.

    Parameters
    ----------
    data
        A study, or the table ``mbias.mechanism(study)``.
    ax
        Axes for a single setting; without them, one panel per smoothing of one variant.
    epoch
        The epoch of a study (by default, the last one).

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The figure, or ``ax`` where it is given.

    Raises
    ------
    BadInputError
        If the table is another one, or has several settings and ``ax`` is given.

    Examples
    --------
    >>> figure = mbias.plot_mechanism(mbias.load_example())
    >>> [ax.get_title() for ax in figure.axes]
    ['No-LS', 'LS-V']
    """
    needed = (*SETTING, "first", "second", "optimum", "trained", "freedom")
    table = table_to_draw(QUESTION, data, needed=needed, ax=ax, epoch=epoch)
    if ax is None:
        return figure(table)
    check_one_setting(table)
    with style():
        return draw(table, ax)


def draw(table: pd.DataFrame, ax: Axes) -> Axes:
    """Draw one dot per category and run; its size shows how much L_wsl depends on the weight.

    The colour is that of the modality with the larger trained weight. Of more than two modalities, each has dots of its
    own colour, for its weight against the others.

    Parameters
    ----------
    table
        Rows of `mbias.analysis.mechanism.optima` of one setting.
    ax
        The axes.

    Returns
    -------
    matplotlib.axes.Axes
        ``ax``.
    """
    size = 5 + 220 * table["freedom"].clip(upper=0.3)
    if "modality" in table:
        colours = modality_colours(list(dict.fromkeys(table["modality"])))
        colour = [colours[name] for name in table["modality"]]
    else:
        first, second = modality_colours([str(table[name].iloc[0]) for name in ("first", "second")]).values()
        colour = [first if trained > 0.5 else second for trained in table["trained"]]
    ax.scatter(table["optimum"], table["trained"], s=size, c=colour, alpha=0.75, linewidths=0)
    ax.plot([0, 1], [0, 1], color=NEUTRAL, lw=0.8, zorder=0)
    ax.set_xlim(-0.06, 1.06)
    ax.set_ylim(-0.06, 1.06)
    ax.set_aspect("equal")
    ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    ax.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    return ax


def figure(table: pd.DataFrame) -> Figure:
    """Draw one panel per smoothing of one variant (`mbias.analysis.settings.one_variant`).

    Parameters
    ----------
    table
        `mbias.analysis.mechanism.optima`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    rows, variant = one_variant(table)
    names = setting_names(rows)
    panels = list(dict.fromkeys(names))
    modalities = list(dict.fromkeys(rows["modality"])) if "modality" in rows else []
    weight = "weight" if modalities else symbol("W", subscript(str(rows["first"].iloc[0])))
    loss = words_of(table).joint
    with style():
        width, height = min(WIDTH, 1.7 * len(panels) + 0.6), 2.35 if len(panels) > 3 else 2.6
        if modalities:
            height += 0.15 * -(-len(modalities) // legend_columns(modalities, width)) + 0.25 * (len(panels) > 1)
        fig, axes = plt.subplots(1, len(panels), sharey=True, squeeze=False, figsize=(width, height))
        for ax, panel in zip(axes[0], panels, strict=True):
            draw(rows[names == panel], ax)
            ax.set_title(plain(panel))
        axes[0, 0].set_ylabel(f"trained {weight}")
        axis = f"{weight} that minimises {symbol('L', loss)}"
        if modalities:
            axes[0, len(panels) // 2].set_xlabel(axis)
            marks = [Line2D([], [], ls="", marker="o", color=c) for c in modality_colours(modalities).values()]
            legend_below(fig, marks, modalities)
        else:
            fig.supxlabel(axis, fontsize=8)
        between = "\n" if len(panels) == 1 else " "
        colour = f"colour: the modality with the{between}larger trained weight"
        legend = [
            f"{f'{mathtext(variant)}, ' if variant else ''}one dot per category{' and modality' * bool(modalities)}",
            "size: how much the loss depends on it",
            "weight: of a modality against the others" if modalities else colour,
        ]
        fig.suptitle(("; " if len(panels) > 3 else "\n").join(legend), fontsize=7, x=0.01, ha="left")
        mark_simulated(fig, rows)
        # The layout reserves too little room for a heading of three lines.
        leave_room(fig, bottom=0.02, top=0.02 if len(panels) <= 3 else 0)
    return fig
