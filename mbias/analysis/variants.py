"""Which aggregate of features parses best? (Table 1; Eq. 1, 2, 7, 8)."""

from __future__ import annotations

import pandas as pd

from mbias.analysis.paper import llp_line as line
from mbias.analysis.paper.orderings import LAYOUT
from mbias.analysis.paper.orderings import finding as orderings_finding
from mbias.analysis.paper.orderings import orderings as published_orderings
from mbias.analysis.paper.published import table1
from mbias.analysis.paper.scores import score_cell, setting_scores, with_published
from mbias.analysis.questions import Question, Table
from mbias.analysis.settings import smoothing_key, smoothing_kind
from mbias.errors import NotApplicableError
from mbias.records.study import StudyLike, open_study
from mbias.scores import f_scores
from mbias.tables.layout import Layout, remarks, with_remarks
from mbias.tables.names import display_name
from mbias.terms import Metric

PAPER = "ls_v"
"""The kind of smoothing of Table 1."""


def scores(study: StudyLike, epoch: int | str = "best", published: bool = False) -> pd.DataFrame:
    """Table 1: F-scores of the variants, all trained with the same smoothing.

    The smoothing is the one for which the study has the most variants. Where there are several, it is LS-V, as in the
    paper, or otherwise the first one. Of LS-V, the table has every delta with which two variants or more were trained.

    Parameters
    ----------
    study
        A path, a `Run`, a list of these, or a `Study`.
    epoch
        A number from 1, ``"last"``, or ``"best"``, the epoch whose model was kept.
    published
        Whether to append the published scores, with the ``source`` ``published``.

    Returns
    -------
    pandas.DataFrame
        One row per variant, metric and level: ``f_score``, in percent, and the other columns of the
        scores of a setting (`mbias.analysis.paper.scores.setting_scores`).

    Raises
    ------
    NotApplicableError
        If no two variants share a smoothing, or a run has no scores.
    BadInputError
        If a run does not have that epoch, or is damaged.

    Examples
    --------
    >>> study = mbias.load_example().select(smoothing="ls_v", mitigation="none")
    >>> table = mbias.analysis.variants.scores(study)
    >>> average = table[(table["metric"] == "type_average") & (table["level"] == "segment")]
    >>> average[["variant", "smoothing", "f_score"]].round(1)
              variant smoothing  f_score
    12   across_vself      ls_v     56.5
    13  across_vcross      ls_v     55.4
    """
    study = open_study(study)
    table = setting_scores(study, epoch)
    counts = table.groupby("smoothing")["variant"].nunique()
    if counts.max() < 2:
        raise NotApplicableError(
            "no two variants in these runs share a smoothing, so none can be compared; add such runs"
        )
    chosen = _chosen(counts[counts >= 2])
    measured = table[table["smoothing"].isin(chosen)].reset_index(drop=True)
    if not published:
        return measured
    table = with_published(measured, table1())
    return with_remarks(table, [*remarks(table), "Later models on LLP are in the table llp_line."])


def orderings(study: StudyLike) -> pd.DataFrame:
    """Differences between variants, and the published differences of Table 1.

    Returns
    -------
    pandas.DataFrame
        One row per pair of settings, metric and level, with the columns of the differences between settings
        (`mbias.analysis.paper.orderings.orderings`).

    Raises
    ------
    NotApplicableError
        If no two settings of the study are in Table 1.
    BadInputError
        If the settings were recorded on different samples or have no seed in common.
    """
    study = open_study(study)
    return published_orderings(study, table1(), "variant")


def llp_line(study: StudyLike, epoch: int | str = "best", published: bool = True) -> pd.DataFrame:
    """F-scores of every setting beside those of the models trained on LLP after HAN.

    Unlike `scores`, it takes one setting or more, and other models than the paper's, as long as they were recorded on
    the test split of LLP.

    Parameters
    ----------
    study
        A path, a `Run`, a list of these, or a `Study`.
    epoch
        A number from 1, ``"last"``, or ``"best"``, the epoch whose model was kept.
    published
        Whether the published scores follow the measured ones.

    Returns
    -------
    pandas.DataFrame
        One row per model, metric and level: ``f_score``, in percent, with the ends of its 95 % interval, ``low`` and
        ``high``, where it was measured; ``source``, which is ``measured``, ``baseline`` (the weak labels of every video
        in all segments and both modalities) or ``published``; and of a published score ``features``, ``reference``,
        where it was read, and ``second_hand``, whether that is another text than the model's paper.
        Measured scores are by the rule of the original HAN; papers differ in the rule, and none gives intervals.

    Raises
    ------
    NotApplicableError
        If no setting was recorded on the test split of LLP, or none has F-scores.
    BadInputError
        If a run does not have that epoch, or is damaged.
    """
    measured = line.measured_line(open_study(study), epoch)
    return line.with_line(measured) if published else line.in_levels(measured)


def finding(table: pd.DataFrame) -> list[str]:
    """What a table of `scores` shows: which variant has the highest score at each level, and by how much."""
    measured = table[(table["source"] == "measured") & (table["metric"] == Metric.TYPE_AVERAGE)]
    several = len(set(measured["smoothing"])) > 1
    return [
        _sentence(str(level), rows, f"With {display_name('smoothing', smoothing)}, " if several else "")
        for (smoothing, level), rows in measured.groupby(["smoothing", "level"], sort=False)
    ]


QUESTION = Question(
    name="variants",
    paper="Table 1, Eq. 1, 2, 7, 8",
    tables=(
        Table(scores, Layout(("metric", "variant", "smoothing"), ("source", "level"), {"{}": score_cell}), finding),
        Table(orderings, LAYOUT, orderings_finding),
        Table(llp_line, line.LAYOUT),
    ),
    drawn="scores",
    definitions={
        "scores of a setting": setting_scores,
        "differences between settings": published_orderings,
        "F-scores": f_scores,
        "predicted events": f_scores.predictions,
        "right and wrong events": f_scores.event_counts,
    },
)


def _chosen(variants: pd.Series) -> list[str]:
    """The smoothings that `scores` shows, from the number of variants of each."""
    names = sorted(variants.index, key=smoothing_key)
    most = [name for name in names if variants[name] == variants.max()]
    of_paper = [name for name in names if smoothing_kind(name) == PAPER]
    return of_paper if set(of_paper) & set(most) else most[:1]


def _sentence(level: str, rows: pd.DataFrame, smoothing: str) -> str:
    first, second = rows.sort_values("f_score", ascending=False).head(2).itertuples()
    seeds = int(rows["seeds"].min())
    return (
        f"{smoothing}{display_name('variant', first.variant)} has the highest {level}-level Type@AV, "
        f"{first.f_score:.1f} %, {first.f_score - second.f_score:.1f} points above "
        f"{display_name('variant', second.variant)} "
        f"({'one seed each: this may be chance' if seeds == 1 else f'means over {seeds} seeds or more'})."
    )
