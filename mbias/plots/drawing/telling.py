"""Which of many categories a figure draws: those at both ends of its order, and those that stand against the rest."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes

from mbias.plots.drawing.style import SECONDARY

MOST = 40
"""The largest number of categories in a figure, which fills a page of a paper; of more, the telling ones are drawn."""

_DISCORDANT = MOST // 4
"""The largest number of discordant categories among them that are at neither end."""


@dataclass(frozen=True)
class Telling:
    """The categories that a figure draws.

    Parameters
    ----------
    names
        The categories from top to bottom.
    breaks
        The places in ``names`` above which categories are left out, or which begin another part.
    note
        How many of how many are drawn, and which; empty where all of them are.
    """

    names: list[str]
    breaks: tuple[int, ...] = ()
    note: str = ""

    def lines(self, width: float) -> list[str]:
        """The note in lines that fit into a figure of that width in inches."""
        return textwrap.wrap(self.note, int(width / 0.062))

    def mark_breaks(self, ax: Axes, first: float) -> None:
        """Draw a dashed line at every break of axes whose first row begins at ``first``, one unit per row."""
        for place in self.breaks:
            ax.axhline(first + place, color=SECONDARY, lw=0.9, ls=(0, (4, 2)))


def telling(values: pd.Series, sorted_by: str, discordant: pd.Series | None = None) -> Telling:
    """The categories to draw: all up to `MOST`; of more, the largest, the smallest and the discordant ones.

    Up to a quarter of the places is for discordant categories that are at neither end: those that are discordant in
    most settings and, of these, those whose values are farthest from the mean. Both ends share the other places.

    Parameters
    ----------
    values
        A value per category, the index. The rows of the figure are sorted by it, the largest first.
    sorted_by
        What the value is, such as "mean".
    discordant
        In how many settings each category, the index, is discordant: favours another modality than the setting does.

    Returns
    -------
    Telling
        The categories, sorted by falling value, and the note about them.

    Examples
    --------
    >>> import pandas as pd
    >>> few = telling(pd.Series({"Dog": 0.2, "Cat": 0.9}), "mean")
    >>> few.names, few.note
    (['Cat', 'Dog'], '')
    >>> many = telling(pd.Series({f"category {number}": number / 500 for number in range(500)}), "mean")
    >>> many.note
    '40 of 500 categories: 20 of the largest mean, 20 of the smallest; all are in the table'
    """
    ordered = values.sort_values(ascending=False, kind="stable")
    if len(ordered) <= MOST:
        return Telling(list(ordered.index))
    counts = pd.Series(0, index=ordered.index) if discordant is None else discordant.reindex(ordered.index).fillna(0)
    ranked = pd.DataFrame({"settings": counts, "far": (ordered - ordered.mean()).abs()})
    for places in range(_DISCORDANT, -1, -1):
        bottom = (MOST - places) // 2
        top = MOST - places - bottom
        inner = ranked[top:-bottom]
        against = inner[inner["settings"] > 0].sort_values(["settings", "far"], ascending=False, kind="stable")
        if len(against) >= places:
            break
    chosen = set(against.index[:places])
    middle = [name for name in inner.index if name in chosen]
    ends = [f"{top} of the largest {sorted_by}", f"{bottom} of the smallest"]
    between = [f"{places} of {len(against)} others that favour another modality than their setting"] * bool(places)
    return Telling(
        [*ordered.index[:top], *middle, *ordered.index[-bottom:]],
        (top, top + places) if places else (top,),
        f"{MOST} of {len(ordered)} categories: {', '.join([*ends, *between])}; all are in the table",
    )
