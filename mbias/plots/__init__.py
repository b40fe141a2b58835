"""Figures: one module per question, which draws a table of the question."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mbias.plots.drawing.inputs import Drawable, Drawn


class Plot(Protocol):
    """The function ``plot_NAME`` of a question, which draws a study or its table into ``ax`` or a new figure."""

    def __call__(self, data: Drawable, /, *, ax: Axes | None = None, **options: Any) -> Drawn:
        """Draw."""
        ...


def plot_of(name: str) -> Plot:
    """The plot of the question ``name``.

    Examples
    --------
    >>> from mbias.plots import plot_of
    >>> plot_of("losses").__name__
    'plot_losses'
    """
    plot: Plot = getattr(importlib.import_module(f"mbias.plots.{name}"), f"plot_{name}")
    return plot
