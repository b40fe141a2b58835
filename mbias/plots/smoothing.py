"""Table 2 as a figure: the effect of label smoothing on the F-scores of each variant."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mbias.analysis.settings import smoothing_key, smoothing_strength
from mbias.analysis.smoothing import QUESTION
from mbias.plots.drawing.inputs import Drawable, Drawn, choose, table_to_draw
from mbias.plots.drawing.lines import label_ends, leave_room, line_ends
from mbias.plots.drawing.style import MARKERS, VARIANTS, WIDTH, ends, mark_simulated, mathtext, style
from mbias.tables.names import display_name
from mbias.terms import Level, Metric


def plot_smoothing(
    data: Drawable,
    *,
    ax: Axes | None = None,
    metric: str | None = None,
    level: str | None = None,
    epoch: int | str | None = None,
    published: bool | None = None,
) -> Drawn:
    """Draw the F-scores of the variants by label smoothing (Table 2).

    Parameters
    ----------
    data
        A study, or the table ``mbias.smoothing(study)``.
    ax
        Axes for a single metric and level; without them, one panel for each.
    metric, level
        Those drawn into ``ax`` (by default, Type@AV at segment level).
    epoch, published
        Options of the table, where a study is given.

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The figure, or ``ax`` where it is given.

    Raises
    ------
    BadInputError
        If the table is another one, or does not have the metric or level.
    NotApplicableError
        If the study does not have a variant with two smoothings.

    Examples
    --------
    >>> figure = mbias.plot_smoothing(mbias.load_example())
    >>> len(figure.axes)
    14
    """
    needed = ("variant", "smoothing", "metric", "level", "seeds", "f_score", "low", "high", "source")
    table = table_to_draw(QUESTION, data, needed=needed, ax=ax, epoch=epoch, published=published)
    if ax is None:
        for column, value in (("metric", metric), ("level", level)):
            table = table if value is None else choose(table, column, value, value)
        return figure(table)
    with style():
        return draw(choose(choose(table, "metric", metric, Metric.TYPE_AVERAGE), "level", level, Level.SEGMENT), ax)


def draw(table: pd.DataFrame, ax: Axes) -> Axes:
    """Draw the F-scores of one metric and level by smoothing: one line per variant and delta, dotted where published.

    Parameters
    ----------
    table
        Rows of `mbias.analysis.smoothing.scores` of one metric and level.
    ax
        The axes.

    Returns
    -------
    matplotlib.axes.Axes
        ``ax``.
    """
    settings = sorted(set(table["smoothing"]), key=smoothing_key)
    # No-LS belongs to every delta, and stands beside the first one.
    first = next(filter(None, map(smoothing_strength, settings)), "")
    table = table.assign(delta=[smoothing_strength(name) or first for name in table["smoothing"]])
    last = table[table["source"] == "measured"].groupby("variant")["delta"].last()
    for (variant, source, delta), rows in table.groupby(["variant", "source", "delta"], sort=False):
        x = [settings.index(name) for name in rows["smoothing"]]
        colour, marker = VARIANTS.get(variant, VARIANTS["across_vcross"]), MARKERS.get(variant, "o")
        if source == "measured":
            # One label per variant, at the end of its last line.
            name = mathtext(display_name("variant", variant)) if delta == last[variant] else None
            ax.plot(x, rows["f_score"], color=colour, marker=marker, ms=3.8, label=name)
            ax.errorbar(x, rows["f_score"], yerr=ends(rows), fmt="none", ecolor=colour, elinewidth=0.9)
        else:
            ax.plot(x, rows["f_score"], color=colour, marker=marker, ms=3.8, mfc="white", ls=":", lw=0.9)
    names = [display_name("smoothing", name) for name in settings]
    ax.set_xticks(range(len(settings)), names, rotation=40 if len(settings) < 6 else 60, ha="right")
    ax.tick_params(axis="x", labelsize=6.5, pad=1)
    ax.set_xlim(-0.35, len(settings) - 0.65)
    ax.grid(axis="y")
    return ax


def figure(table: pd.DataFrame) -> Figure:
    """Draw one row of panels per level, and one column per metric.

    Parameters
    ----------
    table
        `mbias.analysis.smoothing.scores`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    levels, metrics = list(dict.fromkeys(table["level"])), list(dict.fromkeys(table["metric"]))
    with style():
        fig, axes = plt.subplots(
            len(levels),
            len(metrics),
            sharex=True,
            sharey=True,
            squeeze=False,
            figsize=(WIDTH, 1.55 * len(levels) + 0.5),
        )
        for line, level in zip(axes, levels, strict=True):
            for ax, metric in zip(line, metrics, strict=True):
                draw(table[(table["level"] == level) & (table["metric"] == metric)], ax)
            line[0].set_ylabel(f"{level}-level F-score (%)")
        for ax, metric in zip(axes[0], metrics, strict=True):
            ax.set_title(display_name("metric", metric))
        mark_simulated(fig, table)
        leave_room(fig, bottom=0.03, right=0.12)
        fig.canvas.draw()
        for line in axes:
            label_ends(line[-1], line_ends(line[-1]), size=6.5)
        if (table["source"] == "published").any():
            fig.text(0.005, 0.006, "dotted, hollow: published", fontsize=6.5, va="bottom")
    return fig
