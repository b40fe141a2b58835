"""How the attention of one category is spread over segments, epoch by epoch."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mbias.plots.drawing.style import JOINT, WIDTH, mark_simulated, mathtext, modality_colours, plain, style
from mbias.tables.names import subscript

_SCOPES = {"all": "all segments", "present": "segments in which it is present"}


def draw(rows: pd.DataFrame, ax: Axes, epoch: int) -> Axes:
    """The weights of a category by epoch: a pale area from 5 to 95 %, a darker one from 25 to 75 %, the median a line.

    Of two modalities only the first one's weight is drawn; the other is 1 less it.

    Parameters
    ----------
    rows
        Of `mbias.analysis.attention.categories`, of one run, category and scope, for several epochs.
    epoch
        The one to mark.
    """
    modalities = list(dict.fromkeys(rows["modality"]))
    colours = modality_colours(modalities)
    for modality in modalities[:1] if len(modalities) == 2 else modalities:
        line, colour = rows[rows["modality"] == modality], colours[modality]
        ax.fill_between(line["epoch"], line["q05"], line["q95"], color=colour, alpha=0.22, lw=0)
        ax.fill_between(line["epoch"], line["q25"], line["q75"], color=colour, alpha=0.4, lw=0)
        marker = "o" if len(line) == 1 else None
        ax.plot(line["epoch"], line["q50"], color=JOINT, lw=1.3, marker=marker, label=modality)
        for row in line[line["epoch"] == epoch].itertuples():
            ax.plot([epoch], [row.q50], "o", color=JOINT, ms=5, gid="marked")
            ax.annotate(f"{row.q50:.2f}", (epoch, row.q50), (0, 5), textcoords="offset points", ha="center", fontsize=7)
    ax.axvline(epoch, color=JOINT, lw=0.6, ls=":")
    ax.axhline(0.5, color="#c9c9ce", lw=0.6, zorder=0)
    ax.set_ylim(-0.03, 1.12)
    ax.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    ax.set_xlabel("epoch")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    return ax


def figure(table: pd.DataFrame, epoch: int) -> Figure:
    """A panel a scope.

    Parameters
    ----------
    table
        As for `draw`, with all scopes.
    epoch
        The one to mark.
    """
    scopes = list(dict.fromkeys(table["scope"]))
    modalities = list(dict.fromkeys(table["modality"]))
    name = "W_a" if modalities == ["audio", "visual"] else f"W_{subscript(modalities[0])}"
    with style():
        fig, axes = plt.subplots(1, len(scopes), sharex=True, sharey=True, squeeze=False, figsize=(WIDTH, 1.9))
        for ax, scope in zip(axes[0], scopes, strict=True):
            draw(table[table["scope"] == scope], ax, epoch)
            ax.set_title(_SCOPES[scope], loc="left")
        axes[0, 0].set_ylabel(mathtext(name) if len(modalities) == 2 else "attention weight")
        category = plain(str(table["category"].iloc[0]).replace("_", " "))
        fig.suptitle(f"{category}: median, 25 to 75 %, 5 to 95 % of the weights", fontsize=8, x=0.01, ha="left")
        mark_simulated(fig, table)
    return fig
