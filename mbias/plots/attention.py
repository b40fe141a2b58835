"""Fig. 3: which modality the attention favours, category by category, with the smoothings side by side."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mbias.analysis.attention import QUESTION
from mbias.analysis.settings import one_variant
from mbias.errors import BadInputError, NotApplicableError
from mbias.plots.drawing.heatmap import draw_heatmap
from mbias.plots.drawing.inputs import SETTING, Drawable, Drawn, check_one_setting, table_to_draw
from mbias.plots.drawing.lines import draw_line, label_ends, leave_label_room, legend_below, legend_columns, line_ends
from mbias.plots.drawing.style import (
    NEUTRAL,
    WIDTH,
    mark_simulated,
    mathtext,
    modality_colours,
    plain,
    setting_label,
    smoothing_look,
    style,
    symbol,
)
from mbias.plots.drawing.telling import telling
from mbias.records.summary import SCOPES
from mbias.tables.names import display_name, setting_name, setting_names, subscript
from mbias.tables.words import words_of

_QUANTILES = ["q05", "q25", "q50", "q75", "q95"]
_SHOWN = {"all": "mean over all {}", "present": "mean over the {} in which the category is present"}


def plot_attention(
    data: Drawable, *, ax: Axes | None = None, scope: str = "all", epoch: int | str | None = None
) -> Drawn:
    """Draw the attention by category (Fig. 3).

    Parameters
    ----------
    data
        A study, or the table ``mbias.attention(study, table="categories")``.
    ax
        Axes for a single setting, into which all categories are drawn; without them, a figure with one panel per
        setting of one variant, and with the telling categories of many (`mbias.plots.drawing.telling`).
    scope
        ``all`` segments, or those in which the category is ``present``.
    epoch
        The epoch of a study (by default, the last one).

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.axes.Axes
        The figure, or ``ax`` where it is given.

    Raises
    ------
    BadInputError
        If the table is another one, or has several settings and ``ax`` is given.
    NotApplicableError
        If no attention was recorded, or the scope is not known.

    Examples
    --------
    >>> figure = mbias.plot_attention(mbias.load_example())
    >>> len(figure.axes)
    2
    >>> study = mbias.load_example().select(variant="across_vcross")
    >>> mbias.plot_attention(study.select(smoothing="ls_v"), ax=figure.axes[0]) is figure.axes[0]
    True
    """
    needed = (*SETTING, "seed", "scope", "modality", "category", "samples", "mean", *_QUANTILES)
    table = table_to_draw(QUESTION, data, needed=needed, ax=ax, epoch=epoch)
    if scope not in SCOPES:
        raise BadInputError(f"plot_attention: unknown scope {scope!r}; take {', '.join(SCOPES)}")
    if ax is None:
        return figure(table, scope)
    check_one_setting(table)
    rows = _in_scope(table, scope)
    with style():
        return draw(rows, ax, list(_weights(rows).sort_values(ascending=False, kind="stable").index))


def draw(table: pd.DataFrame, ax: Axes, order: list[str]) -> Axes:
    """Draw the attention of one setting by category.

    A thin line spans 5 to 95 % of the weights, a thick line 25 to 75 %, and a dot marks the median. For two modalities,
    only the weight of the first one is drawn, in the colour of the modality it favours; the weight of the second one is
    1 minus it. For more modalities, each one is drawn in its own colour.

    Parameters
    ----------
    table
        Rows of `mbias.analysis.attention.categories` of one setting and scope. Quantiles are averaged over seeds.
    ax
        The axes.
    order
        The categories from top to bottom.

    Returns
    -------
    matplotlib.axes.Axes
        ``ax``.
    """
    modalities = list(dict.fromkeys(table["modality"]))
    colours = modality_colours(modalities)
    drawn = modalities[:1] if len(modalities) == 2 else modalities
    step = 0.8 / len(drawn)
    for index, modality in enumerate(drawn):
        means = table[table["modality"] == modality].groupby("category")[_QUANTILES].mean().reindex(order)
        y = np.arange(len(order)) + (index - (len(drawn) - 1) / 2) * step
        favoured = [modalities[1] if len(modalities) == 2 and median <= 0.5 else modality for median in means["q50"]]
        colour = [colours[name] for name in favoured]
        ax.hlines(y, means["q05"], means["q95"], color=colour, lw=0.9)
        ax.hlines(y, means["q25"], means["q75"], color=colour, lw=2.8)
        ax.scatter(means["q50"], y, c=colour, s=13, edgecolors="white", linewidths=0.6, zorder=3, label=modality)
    ax.set_xlim(-0.03, 1.03)
    ax.set_ylim(len(order) - 0.4, -0.6)
    return ax


def figure(table: pd.DataFrame, scope: str = "all") -> Figure:
    """Draw one panel per setting of one variant (`mbias.analysis.settings.one_variant`).

    The categories are sorted by their median weight. Of many, the telling ones are drawn.

    Parameters
    ----------
    table
        `mbias.analysis.attention.categories`.
    scope
        ``all`` segments, or those in which the category is ``present``.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    rows, variant = one_variant(_in_scope(table, scope))
    titles = setting_names(rows)
    panels = list(dict.fromkeys(titles))
    modalities = list(dict.fromkeys(rows["modality"]))
    drawn = telling(_weights(rows), "median", _discordant(rows))
    order = drawn.names
    with style():
        width, height = WIDTH if len(panels) > 1 else WIDTH / 2, 0.145 * len(order) + 1.05
        if len(modalities) != 2:
            legend = -(-len(modalities) // legend_columns(modalities, width))
            height = max(0.145, 0.06 * len(modalities) + 0.05) * len(order) + 1.05 + 0.18 * legend
        notes = drawn.lines(width)
        size = (width, height + 0.12 * len(notes))
        fig, axes = plt.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False, figsize=size)
        for ax, panel in zip(axes[0], panels, strict=True):
            draw(rows[titles == panel], ax, order)
            drawn.mark_breaks(ax, -0.5)
            # Smaller for more than five panels, so that neighbours do not overlap.
            _dress(ax, panel, rows[titles == panel], modalities, size=min(7, 35 / len(panels)))
        axes[0, 0].set_yticks(range(len(order)), [plain(name.replace("_", " ")) for name in order], fontsize=6.5)
        fig.suptitle("\n".join([_title(rows, variant), *notes]), fontsize=7, x=0.01, ha="left")
        if len(modalities) == 2:
            fig.supxlabel(_axis(modalities), fontsize=8)
        else:
            axes[0, len(panels) // 2].set_xlabel("attention weight")
            handles, names = axes[0, 0].get_legend_handles_labels()
            legend_below(fig, handles, names)
        mark_simulated(fig, rows)
    return fig


def plot_movement(table: pd.DataFrame, scope: str = "all") -> Figure:
    """Draw the mean attention on the first modality over epochs: one line per smoothing, one panel per variant.

    Of more than two modalities, each one is a line, and each setting has a panel.

    Parameters
    ----------
    table
        `mbias.analysis.attention.movement`.
    scope
        ``all`` segments, or those in which the category is ``present``.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    rows = table[table["scope"] == scope]
    modalities = list(dict.fromkeys(rows["modality"]))
    if len(modalities) > 2:
        rows = rows.assign(line=rows["modality"], panel=setting_names(rows))
    else:
        rows = rows[rows["modality"] == modalities[0]]
        rows = rows.assign(line=setting_names(rows), panel=rows["variant"].fillna(""))
    panels = list(dict.fromkeys(rows["panel"]))
    with style():
        size = (min(WIDTH, 1.75 * len(panels) + 1.2), 2.2)
        fig, axes = plt.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False, figsize=size)
        for ax, panel in zip(axes[0], panels, strict=True):
            _draw_movement(rows[rows["panel"] == panel], ax, modalities)
            ax.set_title(setting_label(display_name("variant", panel)))
        weight = symbol("W", subscript(modalities[0])) if len(modalities) == 2 else "attention weight"
        axes[0, 0].set_ylabel(f"mean {weight}")
        fewest, most = rows["seeds"].min(), rows["seeds"].max()
        count = f"n = {fewest if fewest == most else f'{fewest} to {most}'} seed{'s' * bool(most > 1)}"
        fig.suptitle(f"{count}{': mean and 95 % interval' * bool(most > 1)}", fontsize=7, x=0.01, ha="left")
        mark_simulated(fig, rows)
        leave_label_room(fig, axes[0], right=0.05, between=0.2)
        fig.canvas.draw()
        for ax in axes[0]:
            label_ends(ax, line_ends(ax), size=6.5)
    return fig


def plot_heatmap(table: pd.DataFrame, scope: str = "all") -> Figure:
    """Draw the mean attention on the first of two modalities by category and setting, of all variants.

    Parameters
    ----------
    table
        `mbias.analysis.attention.categories`.
    scope
        ``all`` segments, or those in which the category is ``present``.

    Raises
    ------
    NotApplicableError
        If there are not exactly two modalities, or the scope is not known.
    """
    rows = _in_scope(table, scope)
    modalities = list(dict.fromkeys(rows["modality"]))
    if len(modalities) != 2:
        raise NotApplicableError(f"a heatmap of attention needs two modalities; these runs have {len(modalities)}")
    first = rows[rows["modality"] == modalities[0]]
    shown = _SHOWN[scope].format(words_of(table).units)
    named = first.assign(setting=_settings(first))
    title = f"mean {symbol('W', subscript(modalities[0]))}"
    return draw_heatmap(named, "mean", modalities, (0, 1), title, shown, _discordant(rows))


def _in_scope(table: pd.DataFrame, scope: str) -> pd.DataFrame:
    rows = table[table["scope"] == scope]
    if rows.empty:
        raise NotApplicableError("it is not recorded where a category is present; record the truth of the runs")
    return rows


def _weights(rows: pd.DataFrame) -> pd.Series:
    """The median weight of the first modality by category, as a mean over runs."""
    first = rows[rows["modality"] == rows["modality"].iloc[0]]
    return first.groupby("category", sort=False)["q50"].mean()


def _discordant(rows: pd.DataFrame) -> pd.Series:
    """In how many settings the attention of each category favours another modality than that of the setting."""
    named = rows.assign(setting=_settings(rows))
    means = named.pivot_table(index=["category", "setting"], columns="modality", values="mean")
    of_settings = means.groupby("setting").transform("mean")
    return (means.idxmax(axis=1) != of_settings.idxmax(axis=1)).groupby("category").sum()


def _settings(rows: pd.DataFrame) -> list[str]:
    return [setting_name(row.run, row.variant, row.smoothing, row.mitigation, row.control) for row in rows.itertuples()]


def _draw_movement(rows: pd.DataFrame, ax: Axes, modalities: list[str]) -> None:
    colours = modality_colours(modalities)
    looks: list[tuple[str, Any]] = []
    for name, line in rows.groupby("line", sort=False):
        several = len(modalities) > 2
        look = (colours[name], "-") if several else smoothing_look(line["smoothing"].iloc[0])
        # Smoothings of the same modalities look alike: the line of a second delta is thinner.
        width = mpl.rcParams["lines.linewidth"] / (1 + looks.count(look))
        looks.append(look)
        draw_line(line, "attention", ax, color=look[0], ls=look[1], lw=width, label=plain(name))
    ax.axhline(1 / len(modalities), color=NEUTRAL, lw=0.6, zorder=0)
    ax.set_ylim(-0.02, 1.02)
    ax.set_xlabel("epoch")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))


def _dress(ax: Axes, title: str, rows: pd.DataFrame, modalities: list[str], size: float) -> None:
    means = rows.groupby("modality", sort=False)["mean"].mean()
    shown = modalities[0] if len(modalities) == 2 else str(means.idxmax())
    ax.set_title(f"{plain(title)}\n", fontsize=8)
    ax.text(
        0.5,
        1.012,
        f"mean {symbol('W', subscript(shown))} = {means[shown]:.3f}",
        fontsize=size,
        ha="center",
        transform=ax.transAxes,
    )
    ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    ax.axvline(1 / len(modalities), color=NEUTRAL, lw=0.7, zorder=0)
    ax.grid(axis="y", lw=0.4)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def _axis(modalities: list[str]) -> str:
    left, right = plain(modalities[1]), plain(modalities[0])
    weight = mathtext("W_a") if modalities == ["audio", "visual"] else "attention weight"
    return f"{left}  ←  {weight}  →  {right}"


def _title(rows: pd.DataFrame, variant: str) -> str:
    seeds = int(rows.groupby("smoothing", dropna=False)["seed"].nunique().max()) if variant else 0
    words, samples = words_of(rows), f"{rows['samples'].max():,}"
    what = f"all {words.units}" if rows["scope"].iloc[0] == "all" else f"{words.units} in which the category is present"
    counted = f"n = {samples} samples" if words.segments else f"n = {samples}"
    parts = [mathtext(variant)] * bool(variant) + [f"{what} ({counted})"]
    parts += [f"mean of {seeds} seeds"] * (seeds > 1)
    between = "\n" if rows["smoothing"].nunique() < 2 else "; "
    return f"{', '.join(parts)}{between}dot: median, thick: 25-75 %, thin: 5-95 %"
