"""Fig. 2: the losses of the modalities and their joint loss, epoch by epoch."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mbias.analysis.settings import one_variant
from mbias.errors import BadInputError
from mbias.plots.drawing.lines import draw_line, label_ends, leave_room, line_ends
from mbias.plots.drawing.style import JOINT, WIDTH, mark_simulated, mathtext, modality_colours, plain, style
from mbias.tables.names import loss_name, setting_names

COLUMNS = 4
"""Panels in a row."""


def draw(table: pd.DataFrame, ax: Axes, kind: str = "optimised") -> Axes:
    """Fig. 2 of one setting.

    Parameters
    ----------
    table
        Rows of `mbias.analysis.losses.curves` of one setting.
    kind
        Which of the table's kinds: ``optimised``, ``excess`` or ``hard``.
    """
    shown = table[table["kind"] == kind]
    losses = list(dict.fromkeys(shown["loss"]))
    joint = set(shown.loc[shown["joint"], "loss"])
    colours = modality_colours([loss for loss in losses if loss not in joint])
    # Lines that coincide stay in sight: each is narrower than the one below it, the joint loss thin and dashed on top.
    width = 3.6
    for loss in sorted(losses, key=lambda loss: loss in joint):
        width = max(width - 1.2, 1.1)
        look = {"color": JOINT, "ls": (0, (3, 1.5))} if loss in joint else {"color": colours[loss]}
        rows = shown[shown["loss"] == loss]
        draw_line(rows, "value", ax, label=mathtext(loss_name(loss)), lw=width, **look)
    ax.set_xlim(left=shown["epoch"].min())
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    ax.set_ylim(bottom=0)
    ax.grid(axis="y")
    return ax


def figure(table: pd.DataFrame, kind: str = "optimised") -> Figure:
    """Fig. 2 of every smoothing side by side, of one variant (`mbias.analysis.settings.one_variant`)."""
    rows, variant = one_variant(table)
    if kind not in set(rows["kind"]):
        raise BadInputError(f"the runs have no losses of the kind {kind!r}; record them with every epoch")
    titles = setting_names(rows)
    panels = list(dict.fromkeys(titles))
    lines = -(-len(panels) // COLUMNS)
    columns = min(len(panels), COLUMNS)
    with style():
        size = (WIDTH if columns > 1 else WIDTH / 2, 1.9 * lines + 0.25)
        fig, axes = plt.subplots(lines, columns, sharex=True, sharey=True, squeeze=False, figsize=size)
        for ax, panel in zip(axes.flat, panels, strict=False):
            draw(rows[titles == panel], ax, kind)
            ax.set_title(plain(panel))
        axes[0, 0].set_ylim(0, 1.05 * rows.loc[rows["kind"] == kind, "value"].max())
        for ax in axes.flat[len(panels) :]:
            ax.remove()
        for ax in axes[-1]:
            ax.set_xlabel("epoch")
        for ax in axes[:, 0]:
            ax.set_ylabel(_unit(kind))
        fig.suptitle(_title(rows, variant), fontsize=7, x=0.01, ha="left")
        mark_simulated(fig, rows)
        leave_room(fig, bottom=0.03, right=0.03, between=0.14)
        fig.canvas.draw()
        for ax in axes.flat[: len(panels)]:
            label_ends(ax, line_ends(ax))
    return fig


def _unit(kind: str) -> str:
    return {"optimised": "loss (nats)", "excess": "loss less its floor (nats)", "hard": "loss, hard labels (nats)"}[
        kind
    ]


def _title(rows: pd.DataFrame, variant: str) -> str:
    if not variant:
        return ""
    seeds = rows["seeds"].max()
    return f"{mathtext(variant)}, {f'n = {seeds} seeds: mean and 95 % interval' if seeds > 1 else 'n = 1 seed'}"
