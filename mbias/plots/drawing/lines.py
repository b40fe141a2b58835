"""Lines over epochs with the bands of their intervals, and labels at their ends."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from mbias.plots.drawing.style import ink, plain

_LETTER = 0.062
"""The width in inches of a letter of a label, at most."""


def draw_line(rows: pd.DataFrame, value: str, ax: Axes, **appearance: Any) -> None:
    """Draw a value over epochs, with the band of its interval where that is known.

    Parameters
    ----------
    rows
        One row per ``epoch``, with the value and the ends of its interval, ``_low`` and ``_high``.
    value
        The column to draw.
    ax
        The axes.
    **appearance
        ``color`` and other properties of the line, as in `matplotlib.axes.Axes.plot`.
    """
    ax.plot(rows["epoch"], rows[value], marker="o" if len(rows) == 1 else None, **appearance)
    ax.fill_between(
        rows["epoch"], rows[f"{value}_low"], rows[f"{value}_high"], color=appearance["color"], alpha=0.18, lw=0
    )


def spread(positions: Sequence[float], gap: float, floor: float = -math.inf) -> list[float]:
    """Move positions apart until neighbours are ``gap`` apart, in the same order and not below ``floor``.

    Examples
    --------
    >>> spread([0.0, 0.5, 5.0], gap=1.0)
    [-0.25, 0.75, 5.0]
    """
    order = sorted(range(len(positions)), key=positions.__getitem__)
    moved = list(positions)
    groups: list[list[int]] = []
    for index in order:
        groups.append([index])
        # A group is centred on the mean of its positions; groups that touch are merged.
        while len(groups) > 1 and _bottom(groups[-1], positions, gap) < _bottom(groups[-2], positions, gap) + gap * len(
            groups[-2]
        ):
            groups[-2:] = [groups[-2] + groups[-1]]
    for group in groups:
        bottom = _bottom(group, positions, gap)
        for step, index in enumerate(group):
            moved[index] = bottom + step * gap
    for step, index in enumerate(order):
        moved[index] = max(moved[index], floor + step * gap)
    return moved


def line_ends(ax: Axes) -> list[tuple[float, float, str, str]]:
    """The last points of the labelled lines of ``ax`` (x, y, label, colour), for `label_ends`."""
    named = [line for line in ax.lines if not str(line.get_label()).startswith("_")]
    return [(line.get_xdata()[-1], line.get_ydata()[-1], str(line.get_label()), line.get_color()) for line in named]  # type: ignore[index,misc]


def label_ends(ax: Axes, ends: Sequence[tuple[float, float, str, str]], size: float = 7) -> None:
    """Write labels (x, y, text, colour) to the right of the ends of lines, moved apart so that they do not overlap."""
    if not ends:
        return
    figure = ax.get_figure()
    height = ax.get_position().height * figure.get_figheight() * 72  # type: ignore[union-attr]
    transform = ax.transData.transform
    pixels = [transform((x, y))[1] for x, y, _, _ in ends]
    bottom, top = ax.transAxes.transform([(0, 0), (0, 1)])[:, 1]
    gap = (top - bottom) * 1.25 * size / max(height, 1)
    for (x, y, text, colour), height_at in zip(ends, spread(pixels, gap, bottom + gap / 2), strict=True):
        offset = (height_at - transform((x, y))[1]) / (top - bottom) * height
        ax.annotate(
            text,
            (x, y),
            (4, offset),
            textcoords="offset points",
            color=ink(colour),
            fontsize=size,
            va="center",
            clip_on=False,
        ).set_in_layout(False)


def legend_columns(names: Sequence[str], width: float) -> int:
    """How many of these names fit side by side into the legend of a figure of that width in inches."""
    return min(len(names), max(1, int(width / (_LETTER * max(map(len, names)) + 0.35))))


def legend_below(figure: Figure, handles: Sequence[Artist], names: Sequence[str]) -> None:
    """Name the colours of modalities below a figure, in as many columns as fit."""
    figure.legend(
        handles,
        [plain(name) for name in names],
        loc="outside lower left",
        ncols=legend_columns(names, figure.get_figwidth()),
        frameon=False,
        handletextpad=0.3,
        columnspacing=1.2,
    )


def leave_room(
    figure: Figure, bottom: float = 0.0, right: float = 0.0, between: float = 0.02, top: float = 0.0
) -> None:
    """Keep a fraction of the figure free for labels at its edges and between its panels."""
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0, bottom, 1 - right, 1 - bottom - top), wspace=between)


def leave_label_room(figure: Figure, panels: Sequence[Axes], right: float, between: float) -> None:
    """`leave_room` for labels of up to five letters beside the panels of a row, or more where they are longer."""
    labels = [text for ax in panels for _, _, text, _ in line_ends(ax)]
    longest = max((len(re.sub(r"[${}_^\\]", "", label)) for label in labels), default=0)
    if longest > 5:
        needed = (_LETTER * longest + 0.08) / figure.get_figwidth()
        right, between = max(right, needed - 0.02), max(between, needed * len(panels))
    leave_room(figure, bottom=0.03, right=right, between=between)


def _bottom(group: list[int], positions: Sequence[float], gap: float) -> float:
    return sum(positions[index] for index in group) / len(group) - gap * (len(group) - 1) / 2
