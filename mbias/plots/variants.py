"""Table 1 as a figure: F-scores of the variants, metric by metric."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mbias.analysis.variants import QUESTION
from mbias.plots.drawing.inputs import Drawable, Drawn, choose, table_to_draw
from mbias.plots.drawing.lines import leave_room
from mbias.plots.drawing.style import JOINT, SECONDARY, WIDTH, ends, ink, mark_simulated, setting_label, style
from mbias.tables.names import display_name
from mbias.terms import Metric

LEVELS = {"segment": (JOINT, "o", -0.14), "event": (SECONDARY, "s", 0.14)}
"""The colour, marker and vertical shift of each level."""


def plot_variants(
    data: Drawable,
    *,
    ax: Axes | None = None,
    metric: str | None = None,
    epoch: int | str | None = None,
    published: bool | None = None,
) -> Drawn:
    """Draw the F-scores of the variants (Table 1).

    Parameters
    ----------
    data
        A study, or the table ``mbias.variants(study)``.
    ax
        Axes for a single metric; without them, one panel per metric.
    metric
        The metric drawn into ``ax`` (by default, Type@AV).
    epoch, published
        Options of the table, where a study is given.

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The figure, or ``ax`` where it is given.

    Raises
    ------
    BadInputError
        If the table is another one, or does not have the metric.
    NotApplicableError
        If the study does not have two variants with the same smoothing.

    Examples
    --------
    >>> study = mbias.load_example()
    >>> figure = mbias.plot_variants(study)
    >>> [ax.get_title() for ax in figure.axes][:2]
    ['Audio', 'Visual']
    """
    needed = ("variant", "smoothing", "metric", "level", "seeds", "f_score", "low", "high", "source")
    table = table_to_draw(QUESTION, data, needed=needed, ax=ax, epoch=epoch, published=published)
    if ax is None:
        return figure(table if metric is None else choose(table, "metric", metric, metric))
    with style():
        return draw(choose(table, "metric", metric, Metric.TYPE_AVERAGE), ax)


def draw(table: pd.DataFrame, ax: Axes) -> Axes:
    """Draw the F-scores of one metric, one row per variant and, where there are several, smoothing.

    Bars are 95 % intervals. Published scores are hollow.

    Parameters
    ----------
    table
        Rows of `mbias.analysis.variants.scores` of one metric.
    ax
        The axes.

    Returns
    -------
    matplotlib.axes.Axes
        ``ax``.
    """
    table = table.assign(setting=_settings(table))
    settings = list(dict.fromkeys(table["setting"]))
    for level, (colour, marker, shift) in LEVELS.items():
        rows = table[table["level"] == level]
        measured = rows[rows["source"] == "measured"]
        y = [settings.index(setting) + shift for setting in measured["setting"]]
        ax.errorbar(measured["f_score"], y, xerr=ends(measured), fmt=marker, color=colour, ms=4.5, elinewidth=0.9)
        published = rows[rows["source"] == "published"]
        y = [settings.index(setting) + shift for setting in published["setting"]]
        ax.plot(published["f_score"], y, marker, mfc="none", mec=colour, ms=4.5, mew=0.8)
    ax.set_yticks(range(len(settings)), map(setting_label, settings))
    ax.set_ylim(len(settings) - 0.5, -0.5)
    ax.grid(axis="x")
    return ax


def figure(table: pd.DataFrame) -> Figure:
    """Draw one panel per metric.

    Parameters
    ----------
    table
        `mbias.analysis.variants.scores`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    metrics = list(dict.fromkeys(table["metric"]))
    settings = _settings(table).nunique()
    with style():
        fig, axes = plt.subplots(
            1, len(metrics), sharex=True, sharey=True, squeeze=False, figsize=(WIDTH, 0.3 * settings + 0.95)
        )
        for ax, metric in zip(axes[0], metrics, strict=True):
            draw(table[table["metric"] == metric], ax)
            ax.set_title(display_name("metric", metric))
            ax.set_xlabel("F-score (%)")
        _legend(fig, table)
        leave_room(fig, bottom=0.08)
        mark_simulated(fig, table)
    return fig


def _settings(table: pd.DataFrame) -> pd.Series:
    """The name of the variant of each row, with its smoothing where these differ."""
    variants = table["variant"].map(lambda name: display_name("variant", name))
    if len(set(table["smoothing"])) < 2:
        return variants
    return variants + ", " + table["smoothing"].map(lambda name: display_name("smoothing", name))


def _legend(fig: Figure, table: pd.DataFrame) -> None:
    """The legend, in texts of the colours that they explain, below the panels."""
    seeds = table.loc[table["source"] == "measured", "seeds"]
    low, high = int(seeds.min()), int(seeds.max())
    count = f"{low}" if low == high else f"{low} to {high}"
    parts = [("● segment level", LEVELS["segment"][0]), ("■ event level", LEVELS["event"][0])]
    parts += [("○ □ published", JOINT)] * bool((table["source"] == "published").any())
    parts += [(f"n = {count} seed{'s' if high > 1 else ''}; bars: 95 %", JOINT)]
    for index, (text, colour) in enumerate(parts):
        fig.text(0.005 + 0.145 * index, 0.012, text, fontsize=6.5, color=ink(colour), va="bottom")
