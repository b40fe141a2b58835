"""Which settings score above which others: as published, or not."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from mbias.analysis.compare import comparison
from mbias.analysis.paper.published import corrected
from mbias.analysis.settings import SMOOTHING_ORDER, VARIANT_ORDER, Setting, place_of, settings
from mbias.errors import BadInputError
from mbias.records.study import Study
from mbias.tables.layout import Layout, number
from mbias.tables.names import display_name
from mbias.terms import Metric

AS_PUBLISHED, REVERSED, UNDECIDED = "as published", "reversed", "undecided"

_ORDERS = {"variant": VARIANT_ORDER, "smoothing": SMOOTHING_ORDER}


def _measured(row) -> str:  # type: ignore[no-untyped-def]  # a row of pandas' itertuples
    mark = {AS_PUBLISHED: "", REVERSED: " reversed", UNDECIDED: " ?"}[row.outcome]
    return f"{row.difference:+.1f} [{row.difference_low:+.1f}, {row.difference_high:+.1f}]{mark}"


LAYOUT = Layout(
    ("shared", "a", "b", "level"), ("metric",), {"{}\npublished": number("published", "+.1f"), "{}": _measured}
)


def orderings(study: Study, published: pd.DataFrame, by: str) -> pd.DataFrame:
    """Differences of F-scores between settings of a study, beside the published ones.

    Parameters
    ----------
    published
        A published table (`mbias.analysis.paper.published`); what is misprinted in it counts as corrected.
    by
        ``variant`` or ``smoothing``: what the two settings differ in; the other one they share.

    Returns
    -------
    pandas.DataFrame
        A row a pair of settings, metric and level: ``shared``, ``a`` and ``b`` name the settings; ``published``
        and ``difference``, of the one ``b`` less the one ``a``, in points of F-score, the latter a mean over
        ``seeds`` with its 95 % interval over seeds and samples (``_low``, ``_high``); ``outcome``, `AS_PUBLISHED` or
        `REVERSED` where the interval is off 0, else `UNDECIDED`. Where the paper prints the same score twice there is
        no order and no row.

    Raises
    ------
    BadInputError
        If no two settings of the study are in the published table, or their samples or seeds differ.
    """
    other = "smoothing" if by == "variant" else "variant"
    known = corrected(published).set_index(["variant", "smoothing", "metric", "level"])["f_score"].sort_index()
    placed = [
        s
        for s in settings(study)
        if not s.identity["control"] and (s.identity["variant"], s.identity["smoothing"]) in known
    ]
    placed.sort(key=lambda setting: [place_of(setting.identity[name], order) for name, order in _ORDERS.items()])
    rows = []
    for one, two in itertools.combinations(placed, 2):
        if one.identity[other] != two.identity[other]:
            continue
        table = comparison(Study(one.runs), Study(two.runs))
        for row in table[table["quantity"].isin(list(Metric))].itertuples():
            before, after = (known[_cell(setting, row)] for setting in (one, two))
            if before == after:
                continue
            measured = {f"difference{end}": 100 * getattr(row, f"difference{end}") for end in ("", "_low", "_high")}
            rows.append(
                {
                    "shared": display_name(other, one.identity[other]),
                    "a": display_name(by, one.identity[by]),
                    "b": display_name(by, two.identity[by]),
                    "metric": row.quantity,
                    "level": row.level,
                    "published": round(after - before, 1),
                    **measured,
                    "outcome": _outcome(after - before, measured["difference_low"], measured["difference_high"]),
                    "seeds": row.seeds,
                    "simulated": row.simulated,
                }
            )
    if not rows:
        raise BadInputError("no two of these runs' settings are beside each other in the paper's table; add such runs")
    return pd.DataFrame(rows)


def finding(table: pd.DataFrame) -> list[str]:
    """What a table of `orderings` says: how many come out as published, of all and of those of a point or more."""
    sentences = []
    for least, words in ((0.0, "published orderings of F-scores"), (1.0, "that are of a point or more")):
        rows = table[table["published"].abs() >= least]
        counts = rows["outcome"].value_counts()
        said = ", ".join(f"{counts.get(outcome, 0)} {outcome}" for outcome in (AS_PUBLISHED, REVERSED, UNDECIDED))
        same = np.sign(rows["published"]) == np.sign(rows["difference"])
        sentences.append(f"Of {len(rows)} {words}: {said}; {int(same.sum())} have the published sign.")
    return sentences


def _cell(setting: Setting, row) -> tuple[str, str, str, str]:  # type: ignore[no-untyped-def]
    return (setting.identity["variant"], setting.identity["smoothing"], row.quantity, row.level)


def _outcome(published: float, low: float, high: float) -> str:
    if low <= 0 <= high:
        return UNDECIDED
    return AS_PUBLISHED if (low > 0) == (published > 0) else REVERSED
