"""The differences between two studies: one panel per quantity, one row per pair of settings."""

from __future__ import annotations

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mbias.analysis.compare import QUESTION
from mbias.errors import BadInputError
from mbias.plots.drawing.inputs import Drawable, Drawn, choose, table_to_draw
from mbias.plots.drawing.lines import leave_room
from mbias.plots.drawing.style import JOINT, NEUTRAL, WIDTH, mark_simulated, plain, setting_label, style
from mbias.records.study import StudyLike
from mbias.tables.names import display_name, subscript
from mbias.terms import Level, Metric

_MODALITIES = {subscript(modality): modality for modality in ("audio", "visual")}


_IN_A_LINE = 5
"""The number of panels that fit side by side."""


def plot_compare(
    a: Drawable,
    b: StudyLike | None = None,
    *,
    ax: Axes | None = None,
    quantity: str | None = None,
    level: str | None = None,
) -> Drawn:
    """Draw the differences between two studies, B - A.

    Parameters
    ----------
    a
        The first study, or the table ``mbias.compare(a, b)``.
    b
        The second study; None where a table is given.
    ax
        Axes for a single quantity; without them, one panel per quantity.
    quantity, level
        Those drawn into ``ax`` (by default, Type@AV at segment level, or the first one of the table).

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The figure, or ``ax`` where it is given.

    Raises
    ------
    BadInputError
        If the table is another one, or the studies cannot be paired.

    Examples
    --------
    >>> figure = mbias.plot_compare("models/demo/across_vcross-ls_a-seed0", "models/demo/across_vcross-ls_v-seed0")
    >>> figure.axes[0].get_title().split()
    ['Audio,', 'segment']
    """
    if isinstance(a, pd.DataFrame) and b is not None:
        raise BadInputError("plot_compare: a table already compares two studies; give it alone")
    inputs = (a,) if b is None else (a, b)
    needed = ("a", "b", "quantity", "level", "seeds", "difference", "difference_low", "difference_high", "p_holm")
    table = table_to_draw(QUESTION, *inputs, needed=needed, ax=ax)
    if ax is None:
        if quantity is not None or level is not None:
            raise BadInputError("plot_compare: quantity and level select what is drawn into ax; give ax")
        return figure(table)
    rows = choose(table.assign(level=table["level"].fillna("")), "quantity", quantity, Metric.TYPE_AVERAGE)
    rows = choose(rows, "level", level, Level.SEGMENT)
    order = list(dict.fromkeys(pairs(rows)))
    with style():
        draw(rows, ax, order, 100 if rows["level"].iloc[0] else 1)
        ax.set_yticks(np.arange(len(order)), [setting_label(name) for name in order])
    return ax


def draw(table: pd.DataFrame, ax: Axes, order: list[str], unit: float = 1.0) -> Axes:
    """Draw the differences of one quantity, one row per pair, with their 95 % intervals.

    A dot is filled where the difference is significant at 5 % after Holm's correction.

    Parameters
    ----------
    table
        Rows of `mbias.analysis.compare.comparison` of one quantity and level.
    ax
        The axes.
    order
        The names of the pairs (`pairs`) from top to bottom.
    unit
        The factor by which the differences are multiplied.

    Returns
    -------
    matplotlib.axes.Axes
        ``ax``.
    """
    y = [order.index(name) for name in pairs(table)]
    face = np.where(table["p_holm"] <= 0.05, JOINT, "white")
    ax.hlines(y, unit * table["difference_low"], unit * table["difference_high"], color=JOINT, lw=1.2)
    ax.scatter(unit * table["difference"], y, s=16, c=face, edgecolors=JOINT, linewidths=1.0, zorder=3, clip_on=False)
    ax.axvline(0, color=NEUTRAL, lw=0.8, zorder=0)
    ax.set_ylim(len(order) - 0.4, -0.6)
    ax.grid(axis="y", lw=0.4)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


def figure(table: pd.DataFrame) -> Figure:
    """Draw F-scores by metric and level on one scale, in points, and below them attention and use on other scales.

    Parameters
    ----------
    table
        `mbias.analysis.compare.comparison`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    table = table.assign(level=table["level"].fillna(""))
    order = list(dict.fromkeys(pairs(table)))
    scores, others = table[table["level"] != ""], table[table["level"] == ""]
    panels = _panels(scores)
    rest = _lines(list(dict.fromkeys(others["quantity"])))
    lines, columns = len(panels) + len(rest), max([*map(len, panels), *map(len, rest)])
    with style():
        size = (WIDTH, (0.16 * len(order) + 0.74) * lines + 0.4)
        fig, axes = plt.subplots(lines, columns, sharey=True, squeeze=False, figsize=size)
        for ax in axes.flat:
            ax.set_visible(False)
        reach = 105 * scores[["difference_low", "difference_high"]].abs().max().max() if panels else 1
        for line, of_line in zip(axes, panels, strict=False):
            for ax, (metric, level) in zip(line, of_line, strict=False):
                draw(scores[(scores["level"] == level) & (scores["quantity"] == metric)], ax, order, unit=100)
                _dress(ax, f"{display_name('metric', metric)},\n{level}", "points", reach)
        for line, quantities in zip(axes[len(panels) :], rest, strict=True):
            shown = others[others["quantity"].isin(quantities)]
            for ax, quantity in zip(line, quantities, strict=False):
                rows = others[others["quantity"] == quantity]
                # Shares of one kind are on one scale.
                scale = rows if len(rest) < 2 else shown
                draw(rows, ax, order)
                reach = 1.05 * scale[["difference_low", "difference_high"]].abs().max().max()
                _dress(ax, _title_of(quantity), "B − A", reach)
                if len(rest) > 1:
                    ax.xaxis.set_major_locator(MaxNLocator(4))
        for line in axes:
            line[0].set_yticks(np.arange(len(order)), [setting_label(name) for name in order], fontsize=6.5)
        fig.suptitle(_title(table), fontsize=7, x=0.01, ha="left")
        mark_simulated(fig, table)
        leave_room(fig, bottom=0.02)
    return fig


def pairs(table: pd.DataFrame) -> list[str]:
    """The name of each row's pair: that of B where all rows have the same A, and otherwise both."""
    same_first = len(set(table["a"])) == 1
    return [b if same_first or a == b else f"{b} − {a}" for a, b in zip(table["a"], table["b"], strict=True)]


def _panels(scores: pd.DataFrame) -> list[list[tuple[str, str]]]:
    """The metrics and levels of every line of panels: one line per level, and one for metrics that do not fit there."""
    levels, metrics = list(dict.fromkeys(scores["level"])), list(dict.fromkeys(scores["quantity"]))
    lines = [[(metric, level) for metric in metrics[:_IN_A_LINE]] for level in levels]
    further = [(metric, level) for level in levels for metric in metrics[_IN_A_LINE:]]
    return [line for line in (*lines, further) if line]


def _lines(quantities: list[str]) -> list[list[str]]:
    """The quantities of every line of panels without levels: all in one or, where they are too many, by kind."""
    if len(quantities) <= _IN_A_LINE:
        return [quantities] * bool(quantities)
    lines = []
    for _, kind in itertools.groupby(quantities, key=lambda quantity: quantity.partition(" ")[0]):
        of_kind = list(kind)
        length = -(-len(of_kind) // -(-len(of_kind) // _IN_A_LINE))
        lines += [of_kind[start : start + length] for start in range(0, len(of_kind), length)]
    return lines


def _dress(ax: Axes, title: str, unit: str, reach: float) -> None:
    ax.set_visible(True)
    ax.set_title(plain(title), fontsize=7)
    ax.set_xlabel(unit, fontsize=7)
    ax.set_xlim(-reach or -1, reach or 1)


def _title_of(quantity: str) -> str:
    """The title of a panel without levels: "attention on" and a modality, in two lines, or the quantity itself."""
    what, _, modality = quantity.partition(" ")
    return (
        f"{what} {'on' if what == 'attention' else 'of'}\n{_MODALITIES.get(modality, modality)}" if modality else what
    )


def _title(table: pd.DataFrame) -> str:
    seeds = int(table["seeds"].max())
    over = f"n = {seeds} paired seeds" if seeds > 1 else "one seed, samples paired"
    first = table["a"].iloc[0]
    what = f"B − A, A: {setting_label(first)}" if len(set(table["a"])) == 1 and (table["b"] != first).any() else "B − A"
    return f"{what}; bars: 95 % intervals, {over}; filled: significant at 5 % (Holm)"
