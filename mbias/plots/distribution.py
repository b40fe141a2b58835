"""How the attention of one category is distributed: over segments by epoch, and over samples at one epoch."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mbias.plots.drawing.lines import label_ends, leave_room, line_ends
from mbias.plots.drawing.style import (
    JOINT,
    NEUTRAL,
    UNKNOWN,
    WIDTH,
    ink,
    mark_simulated,
    modality_colours,
    plain,
    style,
    symbol,
)
from mbias.tables.names import subscript
from mbias.tables.words import words_of

_SCOPES = {"all": "all {}", "present": "{} in which it is present"}


def draw(rows: pd.DataFrame, ax: Axes, epoch: int) -> Axes:
    """Draw the weights of a category by epoch.

    A pale area spans 5 to 95 % of the weights, a darker one 25 to 75 %, and a line marks the median. For two
    modalities, only the weight of the first one is drawn, with its median at the epoch; the weight of the second one is
    1 minus it. For more, each one is drawn in its own colour.

    Parameters
    ----------
    rows
        Rows of `mbias.analysis.attention.categories` of one run, category and scope, for several epochs.
    ax
        The axes.
    epoch
        The epoch to mark.

    Returns
    -------
    matplotlib.axes.Axes
        ``ax``.
    """
    modalities = list(dict.fromkeys(rows["modality"]))
    colours, several = modality_colours(modalities), len(modalities) > 2
    for modality in modalities if several else modalities[:1]:
        line, colour = rows[rows["modality"] == modality], colours[modality]
        ax.fill_between(line["epoch"], line["q05"], line["q95"], color=colour, alpha=0.22, lw=0)
        ax.fill_between(line["epoch"], line["q25"], line["q75"], color=colour, alpha=0.4, lw=0)
        marker = "o" if len(line) == 1 else None
        dark = ink(colour) if several else JOINT
        ax.plot(line["epoch"], line["q50"], color=dark, lw=1.3, marker=marker, label=plain(modality))
        for row in line[line["epoch"] == epoch].itertuples():
            ax.plot([epoch], [row.q50], "o", color=dark, ms=5, gid="marked")
            if several:
                continue
            ax.annotate(f"{row.q50:.2f}", (epoch, row.q50), (0, 5), textcoords="offset points", ha="center", fontsize=7)
    ax.axvline(epoch, color=JOINT, lw=0.6, ls=":")
    ax.axhline(1 / len(modalities), color=NEUTRAL, lw=0.6, zorder=0)
    ax.set_ylim(-0.03, 1.12)
    ax.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    ax.set_xlabel("epoch")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    return ax


def figure(table: pd.DataFrame, epoch: int) -> Figure:
    """Draw one panel per scope.

    Parameters
    ----------
    table
        Rows as for `draw`, of all scopes.
    epoch
        The epoch to mark.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    scopes = list(dict.fromkeys(table["scope"]))
    modalities = list(dict.fromkeys(table["modality"]))
    units = words_of(table).units
    with style():
        fig, axes = plt.subplots(1, len(scopes), sharex=True, sharey=True, squeeze=False, figsize=(WIDTH, 1.9))
        for ax, scope in zip(axes[0], scopes, strict=True):
            draw(table[table["scope"] == scope], ax, epoch)
            ax.set_title(_SCOPES[scope].format(units), loc="left")
        axes[0, 0].set_ylabel(symbol("W", subscript(modalities[0])) if len(modalities) == 2 else "attention weight")
        category = plain(str(table["category"].iloc[0]).replace("_", " "))
        fig.suptitle(f"{category}: median, 25 to 75 %, 5 to 95 % of the weights", fontsize=8, x=0.01, ha="left")
        mark_simulated(fig, table)
        if len(modalities) > 2:
            leave_room(fig, right=0.1)
            fig.canvas.draw()
            label_ends(axes[0, -1], line_ends(axes[0, -1]), size=6.5)
    return fig


def figure_of_samples(table: pd.DataFrame) -> Figure:
    """Draw the distribution over samples of the mean attention on one modality.

    Parameters
    ----------
    table
        One row per sample: ``attention`` in [0, 1]; ``present``, whether the sample has the category (None where this
        is not known); and, the same in all rows, ``modality``, ``category``, ``epoch`` and ``simulated``.

    Returns
    -------
    matplotlib.figure.Figure
        A histogram per group of samples, with or without the category, each with the same total area.
    """
    import seaborn as sns

    first = table.iloc[0]
    known = table["present"].notna().all()
    groups = table["present"].map({True: "with the category", False: "without it"}) if known else None
    colour = modality_colours([first["modality"]])[first["modality"]]
    with style():
        figure, ax = plt.subplots(figsize=(WIDTH, 1.7))
        sns.histplot(
            x=table["attention"],
            hue=groups,
            hue_order=["without it", "with the category"] if known else None,
            palette=[UNKNOWN, colour] if known else None,
            color=None if known else colour,
            binrange=(0, 1),
            bins=25,
            stat="density",
            common_norm=False,
            element="step",
            linewidth=1,
            ax=ax,
        )
        weight = symbol("W", subscript(first["modality"]))
        ax.set(xlim=(0, 1), xlabel=f"mean {weight} of a sample", ylabel="density")
        if known:
            sns.move_legend(ax, "upper right", title=None, frameon=False)
        category = plain(str(first["category"]).replace("_", " "))
        figure.suptitle(
            f"{category}, epoch {first['epoch']}: {len(table):,} samples, each group with the same area",
            fontsize=8,
            x=0.01,
            ha="left",
        )
        mark_simulated(figure, table)
    return figure
