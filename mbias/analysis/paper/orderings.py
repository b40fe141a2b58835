"""Which settings score higher than which others, as measured and as published."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from mbias.analysis.compare import comparison
from mbias.analysis.paper.published import PARTS, corrected
from mbias.analysis.settings import Setting, settings, smoothing_kind, smoothing_strength
from mbias.errors import NotApplicableError
from mbias.records.study import Study
from mbias.stats.significance import benjamini_hochberg
from mbias.tables.layout import Layout, number
from mbias.tables.names import display_name

AS_PUBLISHED, REVERSED, UNDECIDED = "as published", "reversed", "undecided"

ALPHA = 0.05
"""The false discovery rate: the largest expected share of false ones among the decided orderings."""


def _measured(row) -> str:  # type: ignore[no-untyped-def]  # a row of pandas' itertuples
    mark = {AS_PUBLISHED: "", REVERSED: " reversed", UNDECIDED: " ?"}[row.outcome]
    return f"{row.difference:+.1f} [{row.difference_low:+.1f}, {row.difference_high:+.1f}]{mark}"


LAYOUT = Layout(
    ("delta", "shared", "a", "b", "level"),
    ("metric",),
    {"{}\npublished": number("published", "+.1f"), "{}": _measured},
)


def orderings(study: Study, published: pd.DataFrame, by: str) -> pd.DataFrame:
    """Differences of F-scores between the settings of a study, and the published differences.

    Parameters
    ----------
    study
        The study.
    published
        A published table (`mbias.analysis.paper.published`). Its misprints are corrected first.
    by
        What the two settings of a pair differ in: ``variant`` or ``smoothing``. They share the other one.

    Returns
    -------
    pandas.DataFrame
        One row per pair of settings, metric and level: ``a`` and ``b`` name the two settings, and ``shared`` names
        what they have in common. ``delta`` is that of their smoothing; settings at two deltas are not a pair. The
        published score is that of the same variant with the same modalities smoothed. ``published`` and ``difference``
        are the score of ``b`` minus that of ``a``, in points of F-score, as published and as measured. The measured one
        is a mean over ``seeds`` and has a 95 % interval over seeds and samples, ``_low`` and ``_high``. ``p`` is that
        of the test of no difference, and ``p_adjusted`` is adjusted over the rows of one delta by Benjamini and
        Hochberg's method. ``outcome`` is ``as published`` or ``reversed`` where ``p_adjusted`` is at most `ALPHA`, and
        otherwise ``undecided``.

        The method controls the share of false ones among the decided orderings, which are counted, not claimed one by
        one. Type@AV and Event@AV have no rows, since they are made of the other F-scores. Pairs with equal published
        scores have no order and no row.

    Raises
    ------
    NotApplicableError
        If no two settings of the study are in the published table.
    BadInputError
        If the settings were recorded on different samples or have no seed in common.
    """
    shared = "smoothing" if by == "variant" else "variant"
    known = corrected(published).set_index(["variant", "smoothing", "metric", "level"])["f_score"].sort_index()
    in_table = [setting for setting in settings(study) if setting.of_paper and _cell(setting) in known]
    rows = []
    for first, second in itertools.combinations(in_table, 2):
        deltas = {smoothing_strength(setting.identity["smoothing"]) for setting in (first, second)} - {""}
        if first.identity[shared] != second.identity[shared] or len(deltas) > 1:
            continue
        table = comparison(Study(first.runs), Study(second.runs))
        for row in table[table["quantity"].isin(PARTS)].itertuples():
            before, after = (known[(*_cell(setting), row.quantity, row.level)] for setting in (first, second))
            if before == after:
                continue
            measured = {f"difference{end}": 100 * getattr(row, f"difference{end}") for end in ("", "_low", "_high")}
            rows.append(
                {
                    "delta": "".join(deltas),
                    "shared": display_name(shared, first.identity[shared]),
                    "a": display_name(by, first.identity[by]),
                    "b": display_name(by, second.identity[by]),
                    "metric": row.quantity,
                    "level": row.level,
                    "published": round(after - before, 1),
                    **measured,
                    "p": row.p,
                    "seeds": row.seeds,
                    "simulated": row.simulated,
                }
            )
    if not rows:
        raise NotApplicableError(
            "no two settings of these runs can be compared in the table of the paper; add such runs"
        )
    result = pd.DataFrame(rows).sort_values("delta", kind="stable", ignore_index=True)
    result["p_adjusted"] = result.groupby("delta")["p"].transform(lambda p: benjamini_hochberg(p.to_numpy()))
    result["outcome"] = outcomes(result)
    return result


def finding(table: pd.DataFrame) -> list[str]:
    """What a table of `orderings` shows: how many are as published, of all and of those of at least one point.

    With one seed, they are orderings of single networks.
    """
    several = len(set(table["delta"])) > 1
    return [
        sentence
        for delta, rows in table.groupby("delta", sort=False)
        for sentence in _counts(rows, f" at delta {delta}" if several else "")
    ]


def outcomes(table: pd.DataFrame) -> np.ndarray:
    """The outcome of each row, from ``published``, ``difference`` and ``p_adjusted``."""
    same = np.sign(table["difference"]) == np.sign(table["published"])
    return np.where(table["p_adjusted"] > ALPHA, UNDECIDED, np.where(same, AS_PUBLISHED, REVERSED))


def _cell(setting: Setting) -> tuple[str, str | None]:
    """The variant and smoothing of a setting in the published tables."""
    return (setting.identity["variant"], smoothing_kind(setting.identity["smoothing"]))


def _counts(table: pd.DataFrame, delta: str) -> list[str]:
    sentences: list[str] = []
    networks = " of single networks" if table["seeds"].max() < 2 else ""
    for least, what in (
        (0.0, f"published orderings of audio, visual and audio-visual F-scores{networks}{delta}"),
        (1.0, "of at least one point"),
    ):
        rows = table[table["published"].abs() >= least]
        counts = rows["outcome"].value_counts()
        outcomes = ", ".join(f"{counts.get(outcome, 0)} {outcome}" for outcome in (AS_PUBLISHED, REVERSED, UNDECIDED))
        same = np.sign(rows["published"]) == np.sign(rows["difference"])
        adjusted = "" if sentences else ", at a false discovery rate of 5 %"
        sentences.append(f"Of {len(rows)} {what}: {outcomes}{adjusted}; {int(same.sum())} have the published sign.")
    return sentences
