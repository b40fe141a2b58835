"""Fig. 2: the losses of the modalities and their joint loss, epoch by epoch."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mbias.analysis.losses import KINDS, QUESTION
from mbias.analysis.settings import one_variant
from mbias.errors import BadInputError, NotApplicableError
from mbias.plots.drawing.inputs import SETTING, Drawable, Drawn, check_one_setting, table_to_draw
from mbias.plots.drawing.lines import draw_line, label_ends, leave_label_room, line_ends
from mbias.plots.drawing.style import JOINT, WIDTH, mark_simulated, mathtext, modality_colours, plain, style, symbol
from mbias.tables.names import setting_names, subscript
from mbias.tables.words import words_of

COLUMNS = 4
"""The number of panels in a row."""


def plot_losses(data: Drawable, *, ax: Axes | None = None, kind: str = "optimised") -> Drawn:
    """Draw the losses by epoch (Fig. 2).

    Parameters
    ----------
    data
        A study, or the table ``mbias.losses(study, table="curves")``.
    ax
        Axes for a single setting; without them, one panel per setting of one variant.
    kind
        ``optimised``, ``excess`` (without the floor of smoothing) or ``hard`` (against labels without smoothing).

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The figure, or ``ax`` where it is given.

    Raises
    ------
    BadInputError
        If the table is another one, or has several settings and ``ax`` is given.
    NotApplicableError
        If the runs do not have losses of that kind.

    Examples
    --------
    >>> figure = mbias.plot_losses(mbias.load_example())
    >>> [ax.get_title() for ax in figure.axes]
    ['No-LS', 'LS-V']
    """
    needed = (*SETTING, "seeds", "epoch", "loss", "joint", "kind", "value", "value_low", "value_high")
    table = table_to_draw(QUESTION, data, needed=needed, ax=ax)
    if kind not in KINDS:
        raise BadInputError(f"plot_losses: unknown kind {kind!r}; take {', '.join(KINDS)}")
    if ax is None:
        return figure(table, kind)
    check_one_setting(table)
    with style():
        return draw(table, ax, kind)


def draw(table: pd.DataFrame, ax: Axes, kind: str = "optimised") -> Axes:
    """Draw Fig. 2 of one setting.

    Parameters
    ----------
    table
        Rows of `mbias.analysis.losses.curves` of one setting.
    ax
        The axes.
    kind
        The kind of loss: ``optimised``, ``excess`` or ``hard``.

    Returns
    -------
    matplotlib.axes.Axes
        ``ax``.
    """
    shown = table[table["kind"] == kind]
    losses = list(dict.fromkeys(shown["loss"]))
    joint = set(shown.loc[shown["joint"], "loss"])
    single = [loss for loss in losses if loss not in joint]
    # In the order of the modalities, so that each has the colour that it has in other figures.
    colours = modality_colours(list(dict.fromkeys([*filter(single.__contains__, words_of(table).modalities), *single])))
    # So that lines that coincide stay visible, each one is narrower than the one below it; the joint loss is on top.
    width = 3.6
    for loss in sorted(losses, key=lambda loss: loss in joint):
        width = max(width - 1.2, 1.1)
        appearance = {"color": JOINT, "ls": (0, (3, 1.5))} if loss in joint else {"color": colours[loss]}
        rows = shown[shown["loss"] == loss]
        draw_line(rows, "value", ax, label=symbol("L", subscript(loss)), lw=width, **appearance)
    ax.set_xlim(left=shown["epoch"].min())
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    ax.set_ylim(bottom=0)
    ax.grid(axis="y")
    return ax


def figure(table: pd.DataFrame, kind: str = "optimised") -> Figure:
    """Draw Fig. 2 of one variant (`mbias.analysis.settings.one_variant`), one panel per smoothing.

    Parameters
    ----------
    table
        `mbias.analysis.losses.curves`.
    kind
        The kind of loss: ``optimised``, ``excess`` or ``hard``.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    rows, variant = one_variant(table)
    if kind not in set(rows["kind"]):
        raise NotApplicableError(f"the runs have no losses of the kind {kind!r}; record them at every epoch")
    titles = setting_names(rows)
    panels = list(dict.fromkeys(titles))
    lines = -(-len(panels) // COLUMNS)
    columns = min(len(panels), COLUMNS)
    with style():
        size = (WIDTH if columns > 1 else WIDTH / 2, 1.9 * lines + 0.25)
        fig, axes = plt.subplots(lines, columns, sharex=True, sharey=True, squeeze=False, figsize=size)
        for ax, panel in zip(axes.flat, panels, strict=False):
            draw(rows[titles == panel], ax, kind)
            ax.set_title(plain(panel))
        axes[0, 0].set_ylim(0, 1.05 * rows.loc[rows["kind"] == kind, "value"].max())
        for ax in axes.flat[len(panels) :]:
            ax.remove()
        for ax in axes[-1]:
            ax.set_xlabel("epoch")
        for ax in axes[:, 0]:
            ax.set_ylabel(_unit(kind))
        fig.suptitle(_title(rows, variant), fontsize=7, x=0.01, ha="left")
        mark_simulated(fig, rows)
        leave_label_room(fig, axes[0], right=0.03, between=0.14)
        fig.canvas.draw()
        for ax in axes.flat[: len(panels)]:
            label_ends(ax, line_ends(ax))
    return fig


def _unit(kind: str) -> str:
    return {"optimised": "loss (nats)", "excess": "loss minus floor (nats)", "hard": "loss, hard labels (nats)"}[kind]


def _title(rows: pd.DataFrame, variant: str) -> str:
    if not variant:
        return ""
    seeds = rows["seeds"].max()
    return f"{mathtext(variant)}, {f'n = {seeds} seeds: mean and 95 % interval' if seeds > 1 else 'n = 1 seed'}"
