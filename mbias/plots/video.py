"""The event roll of one sample: truth, prediction, W_av and W_tp of every modality on one time axis."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mbias.analysis.video import QUESTION
from mbias.errors import BadInputError
from mbias.plots.drawing.inputs import SETTING, Drawable, Drawn, choose, table_to_draw
from mbias.plots.drawing.style import (
    JOINT,
    SECONDARY,
    WIDTH,
    ink,
    mark_simulated,
    mathtext,
    modality_colours,
    plain,
    setting_label,
    style,
)
from mbias.plots.drawing.telling import MOST
from mbias.tables.names import setting_name
from mbias.tables.words import words_of

_LANE = 0.46
_APPEARANCES: dict[str, dict[str, Any]] = {
    "attention": {"lw": 1.5, "color": JOINT},
    "temporal": {"lw": 0.9, "color": JOINT, "ls": (0, (1, 1))},
}
_BAR = (1.09, 1.27)
"""The bottom and top of the bar of predictions, above the weights, which range from 0 to 1."""


def plot_video(
    data: Drawable,
    *,
    ax: Axes | None = None,
    sample: str | None = None,
    epoch: int | str | None = None,
    category: str | None = None,
    modality: str | None = None,
) -> Drawn:
    """Draw the event roll of one sample.

    Parameters
    ----------
    data
        A run, or the table ``mbias.video(run)``.
    ax
        Axes for a single lane; without them, one lane per category and modality.
    sample, epoch
        The sample (by default, the one that shows the bias best) and the epoch (by default, ``"best"``) of a run.
    category, modality
        The lane drawn into ``ax`` (by default, the first one). Without ``ax``, ``category`` is a category of a run
        that is drawn even where nothing of it occurs.

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The figure, or ``ax`` where it is given.

    Raises
    ------
    BadInputError
        If the table is another one, or the run does not have the sample, epoch or category.

    Examples
    --------
    >>> figure = mbias.plot_video("models/demo/across_vcross-ls_v-seed0", sample="v0003")
    >>> figure.axes[-1].get_xlabel()
    'time in segments (of LLP: seconds)'
    """
    options = {"sample": sample, "epoch": epoch}
    included = category if not isinstance(data, pd.DataFrame) else None
    shown = ("truth", "predicted", "attention", "temporal")
    needed = (*SETTING, "seed", "sample", "epoch", "category", "modality", "segment", *shown)
    table = table_to_draw(QUESTION, data, needed=needed, ax=ax, category=included, **options)
    if ax is None:
        if modality is not None or (category is not None and included is None):
            raise BadInputError("plot_video: category and modality select the lane that is drawn into ax; give ax")
        return figure(table)
    first = table.iloc[0]
    lane = choose(choose(table, "category", category, first["category"]), "modality", modality, first["modality"])
    colours = modality_colours(list(dict.fromkeys(table["modality"])))
    with style():
        return draw(lane, ax, colours[lane["modality"].iloc[0]], table["temporal"].max())


def draw(lane: pd.DataFrame, ax: Axes, colour: str, largest: float) -> Axes:
    """Draw one lane: a category in one modality.

    The truth is a pale area, predictions are a bar above it, W_av is a solid line on a scale from 0 to 1, and W_tp is a
    dotted line on a scale from 0 to ``largest``. What is unknown is not drawn.

    Parameters
    ----------
    lane
        Rows of `mbias.analysis.video.roll` of one category and modality.
    ax
        The axes.
    colour
        The colour of the modality.
    largest
        The largest W_tp of the roll.

    Returns
    -------
    matplotlib.axes.Axes
        ``ax``.
    """
    onsets = lane["segment"].to_numpy(dtype=float)
    edges = np.append(onsets, onsets[-1] + 1)
    for onset in onsets[lane["truth"].fillna(False).to_numpy(dtype=bool)]:
        ax.axvspan(onset, onset + 1, color=colour, alpha=0.28, lw=0, gid="truth")
    for onset in onsets[lane["predicted"].fillna(False).to_numpy(dtype=bool)]:
        ax.fill_between([onset, onset + 1], *_BAR, color=ink(colour), lw=0, gid="predicted")
    for name, scale in (("attention", 1.0), ("temporal", largest)):
        if lane[name].notna().all():
            ax.stairs(lane[name].to_numpy() / scale, edges, baseline=None, label=name, **_APPEARANCES[name])
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(-0.06, _BAR[1] + 0.05)
    return ax


def figure(table: pd.DataFrame) -> Figure:
    """Draw the event roll: one lane per category and modality.

    Of more than `mbias.plots.drawing.telling.MOST` categories, those that occur come first, then those of the largest
    probability.

    Parameters
    ----------
    table
        `mbias.analysis.video.roll`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    table, note = _telling(table)
    lanes = [(key, lane) for key, lane in table.groupby(["category", "modality"], sort=False)]
    modalities = list(dict.fromkeys(table["modality"]))
    colours, largest = modality_colours(modalities), table["temporal"].max()
    with style():
        size = (WIDTH, _LANE * len(lanes) + 0.95 + 0.14 * bool(note))
        fig, axes = plt.subplots(len(lanes), 1, sharex=True, sharey=True, squeeze=False, figsize=size)
        for ax, ((category, modality), lane) in zip(axes[:, 0], lanes, strict=True):
            draw(lane, ax, colours[modality], largest)
            _dress(ax, category if modality == modalities[0] else "", modality, colours[modality])
        axes[-1, 0].set_xlabel(f"time in segments{' (of LLP: seconds)' * (words_of(table).paper)}")
        axes[-1, 0].tick_params(axis="x", length=2.5)
        fig.suptitle("\n".join([_title(table.iloc[0]), *note]), fontsize=8, x=0.01, ha="left")
        fig.legend(handles=_legend(table, largest), loc="outside lower left", ncols=5, frameon=False, handlelength=1.6)
        mark_simulated(fig, table)
    return fig


def _telling(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The rows of the categories to draw, and a note where these are not all."""
    known = table.assign(truth=table["truth"].fillna(False).astype(bool))
    categories = known.groupby("category", sort=False).agg(truth=("truth", "any"), p=("p_joint", "first"))
    if len(categories) <= MOST:
        return table, []
    drawn = categories.sort_values(["truth", "p"], ascending=False, kind="stable").index[:MOST]
    which = f"those that occur, then those of the largest {mathtext(words_of(table).probability)}"
    note = f"{MOST} of {len(categories)} categories: {which}; all are in the table"
    return table[table["category"].isin(drawn)], [note]


def _dress(ax: Axes, category: str, modality: str, colour: str) -> None:
    ax.set_yticks([0, 1], ["0", "1"], fontsize=5.5)
    ax.tick_params(axis="both", length=0)
    ax.set_ylabel(plain(modality), rotation=0, ha="right", va="center", color=ink(colour), fontsize=7)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x", lw=0.4)
    if category:
        ax.set_title(plain(category.replace("_", " ")), loc="left", fontsize=7, pad=2)


def _title(row: pd.Series) -> str:
    run = setting_name(row["run"], row["variant"], row["smoothing"], row.get("mitigation"), row.get("control"))
    seed = "" if pd.isna(row["seed"]) else f", seed {row['seed']:.0f}"
    return f"{plain(row['sample'])}: {setting_label(run)}{seed}, epoch {row['epoch']}"


def _legend(table: pd.DataFrame, largest: float) -> list[Artist]:
    """What is drawn, and what is not recorded."""
    weight = words_of(table).weight
    handles = {
        "truth": Patch(color=SECONDARY, alpha=0.4, lw=0, label="truth"),
        "predicted": Patch(color=ink(SECONDARY), label="predicted"),
        "attention": Line2D([], [], label=mathtext(weight), **_APPEARANCES["attention"]),
        "temporal": Line2D([], [], label=f"{mathtext('W_tp')} (1: {largest:.2f})", **_APPEARANCES["temporal"]),
    }
    names = {"truth": "truth", "predicted": "predictions", "attention": weight, "temporal": "W_tp"}
    unknown = [mathtext(names[column]) for column in handles if table[column].isna().all()]
    shown: list[Artist] = [handle for column, handle in handles.items() if table[column].notna().any()]
    return shown + ([Line2D([], [], lw=0, label=f"not recorded: {', '.join(unknown)}")] if unknown else [])
