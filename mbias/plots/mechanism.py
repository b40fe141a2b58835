"""The attention that would minimise L_wsl, given p_a and p_v, and the trained attention."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mbias.analysis.mechanism import QUESTION
from mbias.analysis.settings import one_variant
from mbias.plots.drawing.inputs import SETTING, Drawable, Drawn, check_one_setting, table_to_draw
from mbias.plots.drawing.lines import leave_room
from mbias.plots.drawing.style import NEUTRAL, WIDTH, mark_simulated, mathtext, modality_colours, plain, style
from mbias.tables.names import setting_names, subscript


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
    >>> figure = mbias.plot_mechanism("models/demo")
    >>> [ax.get_title() for ax in figure.axes]
    ['LS-A', 'LS-V']
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

    The colour is that of the modality with the larger trained weight.

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
    first, second = modality_colours([str(table[name].iloc[0]) for name in ("first", "second")]).values()
    colour = [first if trained > 0.5 else second for trained in table["trained"]]
    size = 5 + 220 * table["freedom"].clip(upper=0.3)
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
    first = subscript(str(rows["first"].iloc[0]))
    weight = mathtext(f"W_{first}") if len(first) == 1 else plain(f"weight of {first}")
    with style():
        width = min(WIDTH, 1.7 * len(panels) + 0.6)
        fig, axes = plt.subplots(
            1, len(panels), sharey=True, squeeze=False, figsize=(width, 2.35 if len(panels) > 3 else 2.6)
        )
        for ax, panel in zip(axes[0], panels, strict=True):
            draw(rows[names == panel], ax)
            ax.set_title(plain(panel))
        axes[0, 0].set_ylabel(f"trained {weight}")
        fig.supxlabel(f"{weight} that minimises {mathtext('L_wsl')}", fontsize=8)
        legend = [
            f"{f'{mathtext(variant)}, ' if variant else ''}one dot per category",
            "size: how much the loss depends on it",
            "colour: the modality with the larger trained weight",
        ]
        fig.suptitle(("; " if len(panels) > 3 else "\n").join(legend), fontsize=7, x=0.01, ha="left")
        mark_simulated(fig, rows)
        leave_room(fig, bottom=0.02)
    return fig
