"""Which aggregate of features parses best? (Table 1, Eq. 1, 2, 7, 8)."""

from __future__ import annotations

import pandas as pd

from mbias.analysis.paper.orderings import LAYOUT
from mbias.analysis.paper.orderings import orderings as published_orderings
from mbias.analysis.paper.published import table1
from mbias.analysis.paper.scores import beside, score_cell, setting_scores
from mbias.errors import BadInputError
from mbias.records.study import Study
from mbias.tables.layout import Layout
from mbias.tables.names import display_name
from mbias.terms import Metric

LAYOUTS = {
    "scores": Layout(("smoothing", "metric", "variant"), ("source", "level"), {"{}": score_cell}),
    "orderings": LAYOUT,
}


def scores(study: Study, epoch: int | str = "best", published: bool = False) -> pd.DataFrame:
    """Table 1: F-scores of the variants, all trained with the same smoothing.

    The smoothing is the one under which the study has most variants; of several, ``ls_v``, which is the paper's, else
    the first.

    Parameters
    ----------
    epoch
        ``"best"`` is the epoch whose model was kept.
    published
        Whether the paper's figures follow, with ``source`` ``published``.

    Returns
    -------
    pandas.DataFrame
        A row a variant, metric and level (see `mbias.analysis.paper.scores.setting_scores`), in percent.

    Raises
    ------
    BadInputError
        If no two variants share a smoothing, or a run has no scores.
    """
    table = setting_scores(study, epoch)
    counts = table.groupby("smoothing")["variant"].nunique()
    if counts.max() < 2:
        raise BadInputError("no two variants in these runs share a smoothing, so none can be compared; add such runs")
    shared = list(counts.index[counts == counts.max()])
    smoothing = "ls_v" if "ls_v" in shared else shared[0]
    measured = table[table["smoothing"] == smoothing].reset_index(drop=True)
    return beside(measured, table1()) if published else measured


def orderings(study: Study) -> pd.DataFrame:
    """Differences between variants beside the published ones of Table 1 (see `mbias.analysis.paper.orderings`)."""
    return published_orderings(study, table1(), "variant")


def finding(table: pd.DataFrame) -> list[str]:
    """What a table of `scores` says: which variant leads at either level, and by how much."""
    measured = table[(table["source"] == "measured") & (table["metric"] == Metric.TYPE_AVERAGE)]
    return [_sentence(str(level), rows) for level, rows in measured.groupby("level", sort=False)]


def _sentence(level: str, rows: pd.DataFrame) -> str:
    first, second = rows.sort_values("f_score", ascending=False).head(2).itertuples()
    seeds = int(rows["seeds"].min())
    return (
        f"{display_name('variant', first.variant)} has the highest {level}-level Type@AV, {first.f_score:.1f} %, "
        f"{first.f_score - second.f_score:.1f} points above {display_name('variant', second.variant)} "
        f"({'one seed each: this may be chance' if seeds == 1 else f'means over {seeds} seeds or more'})."
    )
