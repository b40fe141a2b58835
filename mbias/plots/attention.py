"""Fig. 3: which modality the attention favours, category by category, for every smoothing side by side."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mbias.analysis.settings import one_variant
from mbias.errors import BadInputError
from mbias.plots.drawing.lines import draw_line, label_ends, leave_room, line_ends
from mbias.plots.drawing.style import WIDTH, mark_simulated, mathtext, modality_colours, plain, smoothing_look, style
from mbias.tables.names import display_name, setting_names, subscript

_MIDDLE = "#c9c9ce"
_QUANTILES = ["q05", "q25", "q50", "q75", "q95"]


def draw(table: pd.DataFrame, ax: Axes, order: list[str]) -> Axes:
    """Attention by category, of one setting.

    A thin line spans 5 to 95 % of the weights, a thick one 25 to 75 %, a dot marks the median. Of two modalities only
    the first one's weight is drawn (the other is 1 less it), in the colour of the modality it favours; of more, each
    in its own.

    Parameters
    ----------
    table
        Rows of `mbias.analysis.attention.categories` of one setting and scope; of several seeds the quantiles' means
        are drawn.
    order
        Categories from top to bottom.
    """
    modalities = list(dict.fromkeys(table["modality"]))
    colours = modality_colours(modalities)
    drawn = modalities[:1] if len(modalities) == 2 else modalities
    step = 0.8 / len(drawn)
    for place, modality in enumerate(drawn):
        means = table[table["modality"] == modality].groupby("category")[_QUANTILES].mean().reindex(order)
        y = np.arange(len(order)) + (place - (len(drawn) - 1) / 2) * step
        favoured = [modality if len(drawn) > 1 or not median <= 0.5 else modalities[1] for median in means["q50"]]
        colour = [colours[name] for name in favoured]
        ax.hlines(y, means["q05"], means["q95"], color=colour, lw=0.9)
        ax.hlines(y, means["q25"], means["q75"], color=colour, lw=2.8)
        ax.scatter(means["q50"], y, c=colour, s=13, edgecolors="white", linewidths=0.6, zorder=3, label=modality)
    ax.set_xlim(-0.03, 1.03)
    ax.set_ylim(len(order) - 0.4, -0.6)
    return ax


def figure(table: pd.DataFrame, scope: str = "all") -> Figure:
    """Fig. 3 of one variant (`mbias.analysis.settings.one_variant`), categories in the order of their mean weight."""
    rows, variant = one_variant(table[table["scope"] == scope])
    if rows.empty:
        raise BadInputError("the runs do not say where a category is present; record their truth")
    titles = setting_names(rows)
    panels = list(dict.fromkeys(titles))
    modalities = list(dict.fromkeys(rows["modality"]))
    first = rows[rows["modality"] == modalities[0]]
    order = list(first.groupby("category", sort=False)["q50"].mean().sort_values(ascending=False, kind="stable").index)
    with style():
        size = (WIDTH if len(panels) > 1 else WIDTH / 2, 0.145 * len(order) + 1.05)
        fig, axes = plt.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False, figsize=size)
        for ax, panel in zip(axes[0], panels, strict=True):
            draw(rows[titles == panel], ax, order)
            _dress(ax, panel, rows[titles == panel], modalities)
        axes[0, 0].set_yticks(range(len(order)), [plain(name.replace("_", " ")) for name in order], fontsize=6.5)
        fig.suptitle(_title(rows, variant), fontsize=7, x=0.01, ha="left")
        if len(modalities) == 2:
            fig.supxlabel(_axis(modalities), fontsize=8)
        else:
            axes[0, 0].set_xlabel("attention weight")
            handles, names = axes[0, 0].get_legend_handles_labels()
            fig.legend(handles, map(plain, names), loc="outside lower left", ncols=len(names), frameon=False)
        mark_simulated(fig, rows)
    return fig


def movement(table: pd.DataFrame, scope: str = "all") -> Figure:
    """How the first modality's mean attention moves over epochs: a line a smoothing, a panel a variant.

    Parameters
    ----------
    table
        `mbias.analysis.attention.movement`.
    """
    rows = table[table["scope"] == scope]
    modality = rows["modality"].iloc[0]
    rows = rows[rows["modality"] == modality]
    rows = rows.assign(line=setting_names(rows), panel=rows["variant"].fillna(""))
    panels = list(dict.fromkeys(rows["panel"]))
    with style():
        size = (min(WIDTH, 1.75 * len(panels) + 1.2), 2.2)
        fig, axes = plt.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False, figsize=size)
        for ax, panel in zip(axes[0], panels, strict=True):
            _draw_movement(rows[rows["panel"] == panel], ax)
            ax.set_title(mathtext(display_name("variant", panel)))
        axes[0, 0].set_ylabel(f"mean {mathtext('W_' + subscript(modality))}")
        few, most = rows["seeds"].min(), rows["seeds"].max()
        count = f"n = {few if few == most else f'{few} to {most}'} seed{'s' * bool(most > 1)}"
        fig.suptitle(f"{count}{': mean and 95 % interval' * bool(most > 1)}", fontsize=7, x=0.01, ha="left")
        mark_simulated(fig, rows)
        leave_room(fig, bottom=0.03, right=0.05, between=0.2)
        fig.canvas.draw()
        for ax in axes[0]:
            label_ends(ax, line_ends(ax), size=6.5)
    return fig


def _draw_movement(rows: pd.DataFrame, ax: Axes) -> None:
    for name, line in rows.groupby("line", sort=False):
        colour, dashes = smoothing_look(line["smoothing"].iloc[0])
        draw_line(line, "attention", ax, color=colour, ls=dashes, label=plain(name))
    ax.axhline(0.5, color=_MIDDLE, lw=0.6, zorder=0)
    ax.set_ylim(-0.02, 1.02)
    ax.set_xlabel("epoch")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))


def _dress(ax: Axes, title: str, rows: pd.DataFrame, modalities: list[str]) -> None:
    first = rows[rows["modality"] == modalities[0]]
    ax.set_title(f"{plain(title)}\n", fontsize=8)
    ax.text(
        0.5,
        1.012,
        f"mean {mathtext('W_' + subscript(modalities[0]))} = {first['mean'].mean():.3f}",
        fontsize=7,
        ha="center",
        transform=ax.transAxes,
    )
    ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    ax.axvline(0.5, color=_MIDDLE, lw=0.7, zorder=0)
    ax.grid(axis="y", lw=0.4)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def _axis(modalities: list[str]) -> str:
    left, right = plain(modalities[1]), plain(modalities[0])
    weight = mathtext("W_a") if modalities == ["audio", "visual"] else "attention weight"
    return f"{left}  ←  {weight}  →  {right}"


def _title(rows: pd.DataFrame, variant: str) -> str:
    seeds = int(rows.groupby("smoothing")["seed"].nunique().max()) if variant else 0
    what = "all segments" if rows["scope"].iloc[0] == "all" else "segments in which the category is present"
    parts = [mathtext(variant)] * bool(variant) + [f"{what} (n = {rows['samples'].max():,} samples)"]
    parts += [f"mean of {seeds} seeds"] * (seeds > 1)
    between = "\n" if rows["smoothing"].nunique() < 2 else "; "
    return f"{', '.join(parts)}{between}dot: median, thick: 25-75 %, thin: 5-95 %"
