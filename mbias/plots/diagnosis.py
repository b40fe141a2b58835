"""The verdict on every setting: the balance of use with its interval, the margin, and the attention."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mbias.analysis.diagnosis import QUESTION
from mbias.analysis.measures.verdict import BALANCED as BALANCED_WORDS
from mbias.analysis.measures.verdict import DEPENDS, MARGIN, NOTHING, favoured
from mbias.errors import NotApplicableError
from mbias.plots.drawing.heatmap import draw_heatmap
from mbias.plots.drawing.inputs import SETTING, Drawable, Drawn, table_to_draw
from mbias.plots.drawing.lines import leave_room
from mbias.plots.drawing.style import (
    BALANCED,
    BAND,
    JOINT,
    NEUTRAL,
    NOTE,
    UNKNOWN,
    WIDTH,
    ink,
    mark_simulated,
    modality_colours,
    plain,
    setting_label,
    style,
)
from mbias.tables.names import setting_name
from mbias.tables.words import words_of


def plot_diagnosis(data: Drawable, *, ax: Axes | None = None) -> Drawn:
    """Draw the verdict on every setting.

    Parameters
    ----------
    data
        A probed study, or the table ``mbias.diagnosis(study)``.
    ax
        Axes to draw into; without them, a figure.

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The figure, or ``ax`` where it is given.

    Raises
    ------
    BadInputError
        If the table is another one.
    NotApplicableError
        If no run is probed with permuted inputs.

    Examples
    --------
    >>> figure = mbias.plot_diagnosis(mbias.load_example())
    >>> len(figure.axes)
    1
    """
    interval = ("balance", "balance_low", "balance_high", "level")
    columns = ("seeds", "samples", "first", "second", "verdict", "flags", "attention", "misleads")
    needed = (*SETTING, *columns, "discordant_number", *interval)
    table = table_to_draw(QUESTION, data, needed=needed, ax=ax)
    if ax is None:
        return figure(table)
    with style():
        return draw(table, ax)


def plot_heatmap(table: pd.DataFrame) -> Figure:
    """Draw the balance of use by category and setting.

    Parameters
    ----------
    table
        `mbias.analysis.diagnosis.categories`; a positive balance is toward the first of the two modalities.

    Raises
    ------
    NotApplicableError
        If there are more than two modalities, since a balance is then of two that differ by category.
    """
    pairs = table[["first", "second"]].drop_duplicates()
    if len(pairs) > 1 or len(words_of(table).modalities) > 2:
        raise NotApplicableError(
            "a heatmap of balances is of two modalities; with more, each category has its own two largest shares"
        )
    named = table.assign(
        setting=[
            setting_name(row.run, row.variant, row.smoothing, row.mitigation, row.control) for row in table.itertuples()
        ]
    )
    return draw_heatmap(
        named,
        "balance",
        list(pairs.iloc[0]),
        (-1, 1),
        "balance of use",
        "from how much the output of the category changes",
        table.groupby("category")["discordant"].sum(),
    )


def draw(table: pd.DataFrame, ax: Axes) -> Axes:
    """Draw one line per setting: a dot and an interval for the balance, a cross for the attention, and the verdict.

    The interval is the one that the verdict rests on. A setting with nothing to attribute has none, and its dot is
    hollow. A ring around the cross marks attention that misleads: it favours another modality than the verdict.

    Parameters
    ----------
    table
        `mbias.analysis.diagnosis.verdicts`.
    ax
        The axes.

    Returns
    -------
    matplotlib.axes.Axes
        ``ax``.
    """
    modalities = _modalities(table)
    ax.axvspan(-MARGIN, MARGIN, color=BAND, zorder=0, lw=0)
    for y, row in enumerate(table.itertuples()):
        colour = _colour(str(row.verdict), modalities)
        if row.verdict == NOTHING:
            ax.scatter(row.balance, y, s=18, facecolors="white", edgecolors=colour, linewidths=1.1, zorder=3)
        else:
            ax.hlines(y, row.balance_low, row.balance_high, color=colour, lw=2.4)
            ax.scatter(row.balance, y, s=22, color=colour, zorder=3)
        # On the scale of the balance, all attention on the first modality is 1, and all on the second one is -1.
        attention = 2 * row.attention - 1
        ax.scatter(attention, y, s=22, marker="x", color=JOINT, linewidths=1.1, zorder=4)
        if row.misleads:
            ax.plot(attention, y, marker="o", markersize=9, markerfacecolor="none", color=JOINT, zorder=4)
        beside = _beside(row, named=_pair(table) is None)
        _write(ax, y, 3 * len(beside), str(row.verdict), fontsize=7, color=ink(colour))
        _write(ax, y, -5, "\n".join(beside), fontsize=5.5, color=NOTE)
    ax.axvline(0, color=NEUTRAL, lw=0.8, zorder=1)
    ax.set_xlim(-1.04, 1.04)
    ax.set_xticks([-1, -0.5, 0, 0.5, 1], ["-1", "-0.5", "0", "0.5", "1"])
    ax.set_ylim(len(table) - 0.4, -0.6)
    names = [
        setting_name(row.run, row.variant, row.smoothing, row.mitigation, row.control) for row in table.itertuples()
    ]
    ax.set_yticks(np.arange(len(names)), [setting_label(name) for name in names])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


def figure(table: pd.DataFrame) -> Figure:
    """Draw all settings in one panel.

    Parameters
    ----------
    table
        `mbias.analysis.diagnosis.verdicts`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    pair = _pair(table)
    legend = _legend(table)
    wrapped = max(len(_beside(row, named=pair is None)) for row in table.itertuples()) > 1
    with style():
        height = (0.36 if wrapped else 0.28) * len(table) + 0.75 + 0.13 * len(legend)
        fig, ax = plt.subplots(figsize=(WIDTH, height))
        draw(table, ax)
        ax.set_xlabel(
            f"{plain(pair[1])}  ←  balance of use  →  {plain(pair[0])}"
            if pair
            else "second  ←  balance of use  →  first"
        )
        fig.suptitle("\n".join(legend), fontsize=7, x=0.01, ha="left")
        mark_simulated(fig, table)
        leave_room(fig, bottom=0.02, right=0.3)
    return fig


def _write(ax: Axes, y: int, above: int, text: str, **appearance: Any) -> None:
    """Write a text to the right of a line, some points above it."""
    ax.annotate(
        plain(text),
        (1.08, y),
        (0, above),
        textcoords="offset points",
        annotation_clip=False,
        va="center",
        **appearance,
    ).set_in_layout(False)


def _modalities(table: pd.DataFrame) -> list[str]:
    """The modalities in the order of the record, so that each has the colour that it has in other figures."""
    compared = list(dict.fromkeys([*table["first"], *table["second"]]))
    known = words_of(table).modalities
    return list(known) if set(compared) <= set(known) else compared


def _pair(table: pd.DataFrame) -> tuple[str, str] | None:
    """The two modalities that every balance of a table compares; None where they differ by row."""
    pairs = set(zip(table["first"], table["second"], strict=True))
    return pairs.pop() if len(pairs) == 1 else None


def _legend(table: pd.DataFrame) -> list[str]:
    """How to read the figure, with the marks that it has."""
    seeds, samples = int(table["seeds"].max()), f"{table['samples'].max():,} samples"
    over = f"{seeds} seeds and {samples}" if seeds > 1 else f"{samples}, one seed"
    kinds = set(table["verdict"]) - {NOTHING}
    level = "90 %" if kinds == {BALANCED_WORDS} else f"95 %{' (balanced: 90 %)' * (BALANCED_WORDS in kinds)}"
    what = f"dot and bar: balance with its {level} interval" if kinds else "dot: balance"
    lines = [f"{what} over {over}; grey band: within {MARGIN:g} of 0"]
    if len(_modalities(table)) > 2:
        lines.append("balance: of the two modalities with the largest shares of the change")
    marks = []
    if (table["verdict"] == NOTHING).any():
        marks.append("hollow dot: nothing to attribute")
    if table["attention"].notna().any():
        marks.append("cross: attention")
    if table["misleads"].any():
        marks.append("ring: attention favours another modality than the verdict")
    words = []
    if table["flags"].str.contains(DEPENDS, regex=False).any():
        words.append(f"{DEPENDS}: another measure with real inputs contradicts")
    if table["discordant_number"].any():
        words.append("discordant: categories that name another modality")
    return [*lines, *("; ".join(part) for part in (marks, words) if part)]


def _beside(row: Any, named: bool) -> list[str]:
    """The lines below a verdict: its two modalities if they differ by row, and its flags."""
    parts = [f"first {row.first}, second {row.second}"] * named
    parts += [flag for flag in row.flags.split("|") if flag]
    parts += [f"{row.discordant_number} discordant"] * bool(row.discordant_number)
    return textwrap.wrap("; ".join(parts), 44)


def _colour(verdict: str, modalities: Sequence[str]) -> str:
    if verdict == BALANCED_WORDS:
        return BALANCED
    return modality_colours(modalities).get(favoured(verdict) or "", UNKNOWN)
