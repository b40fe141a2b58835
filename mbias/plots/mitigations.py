"""What mitigations change: the score against the use of the modality that is used least without them, and the time."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mbias.analysis.mitigations import LEAST_USE, QUESTION, TIME
from mbias.errors import NotApplicableError
from mbias.plots.drawing.inputs import Drawable, Drawn, table_to_draw
from mbias.plots.drawing.lines import leave_room
from mbias.plots.drawing.style import JOINT, NEUTRAL, WIDTH, mark_simulated, setting_label, style
from mbias.tables.names import display_name
from mbias.terms import Metric

SCORE = str(Metric.TYPE_AVERAGE)
"""The score that is drawn."""

_SIZE = 130


def plot_mitigations(data: Drawable, *, ax: Axes | None = None) -> Drawn:
    """Draw what each mitigation changes in Type@AV against what it changes in the least use, and the time it takes.

    Parameters
    ----------
    data
        A study, or the table ``mbias.mitigations(study)``.
    ax
        Axes for the scores against the use, of one variant and smoothing; without them, a new figure with the time too.

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The figure, or ``ax`` if it is given.

    Raises
    ------
    BadInputError
        If the table is another one.
    NotApplicableError
        If no setting has both the score and the use, or the study has no mitigation.

    Examples
    --------
    >>> figure = mbias.plot_mitigations(mbias.load_example())
    >>> len(figure.axes)
    2
    """
    needed = ("variant", "smoothing", "mitigation", "quantity", "of", "difference", "difference_low", "difference_high")
    table = table_to_draw(QUESTION, data, needed=needed, ax=ax)
    if ax is None:
        return figure(table)
    with style():
        draw(_first(_both(table)), ax)
        return ax


def draw(both: pd.DataFrame, ax: Axes) -> None:
    """Draw one numbered dot per mitigation; bars are 95 % intervals.

    Parameters
    ----------
    both
        One row per mitigation with the change of the use and of the score, ``use`` and ``score``, with their ends.
    ax
        The axes.
    """
    ax.axhline(0, color=NEUTRAL, lw=0.8, zorder=0)
    ax.axvline(0, color=NEUTRAL, lw=0.8, zorder=0)
    x, y = both["use"], 100 * both["score"]
    ax.errorbar(
        x,
        y,
        xerr=np.abs([x - both["use_low"], both["use_high"] - x]),
        yerr=np.abs([y - 100 * both["score_low"], 100 * both["score_high"] - y]),
        fmt="none",
        ecolor=NEUTRAL,
        lw=1,
    )
    ax.scatter(x, y, s=_SIZE, color="white", edgecolor=JOINT, lw=0.8, zorder=2)
    for number, (across, up) in enumerate(zip(x, y, strict=True), start=1):
        ax.annotate(str(number), (across, up), ha="center", va="center", fontsize=7, zorder=3)
    ax.set_xlabel(f"change of the share of {both['of'].iloc[0]}")
    ax.set_ylabel(f"change of {display_name('metric', SCORE)}, points")


def figure(table: pd.DataFrame) -> Figure:
    """Draw one row of panels per variant and smoothing: the score against the use, and the time."""
    both = _both(table)
    parts = [part for _, part in both.groupby(["variant", "smoothing"], sort=False, dropna=False)]
    with style():
        fig, rows = plt.subplots(len(parts), 2, figsize=(WIDTH, 3.2 * len(parts)), squeeze=False, width_ratios=(3, 2))
        for part, (left, right) in zip(parts, rows, strict=True):
            draw(part, left)
            first = part.iloc[0]
            setting = ", ".join(display_name(name, first[name]) for name in ("variant", "smoothing"))
            left.set_title(setting_label(setting))
            _draw_time(part, right)
        leave_room(fig, bottom=0.03)
        mark_simulated(fig, table)
    return fig


def _draw_time(part: pd.DataFrame, ax: Axes) -> None:
    places = range(len(part))
    ax.hlines(places, 1 + part["time_low"], 1 + part["time_high"], color=NEUTRAL, lw=1.2)
    ax.scatter(1 + part["time"], places, color=JOINT, s=14, zorder=2)
    ax.axvline(1, color=NEUTRAL, lw=0.8, zorder=0)
    ax.set_yticks(places, [f"{name}  {number}" for number, name in enumerate(part["mitigation"], start=1)])
    ax.set_ylim(len(part) - 0.5, -0.5)
    ax.set_xlabel("time of an epoch, relative to none")


def _both(table: pd.DataFrame) -> pd.DataFrame:
    """One row per mitigated setting that has the score and the use: their changes, and that of the time."""
    keys = ["variant", "smoothing", "control", "mitigation"]
    columns = {"": "difference", "_low": "difference_low", "_high": "difference_high"}
    both: pd.DataFrame | None = None
    for name, quantity in (("use", LEAST_USE), ("score", SCORE), ("time", TIME)):
        of_quantity = table[table["quantity"] == quantity]
        renamed = of_quantity.rename(columns={column: f"{name}{end}" for end, column in columns.items()})
        kept = renamed[[*keys, *(f"{name}{end}" for end in columns), *(["of"] if name == "use" else [])]]
        both = kept if both is None else both.merge(kept, on=keys)
    assert both is not None
    if both.empty:
        raise NotApplicableError("no setting has both the score and the use of modalities; probe the runs, mbias probe")
    return both


def _first(both: pd.DataFrame) -> pd.DataFrame:
    first = both.iloc[0]
    return both[(both["variant"] == first["variant"]) & (both["smoothing"] == first["smoothing"])]
