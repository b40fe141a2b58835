"""What does label smoothing do to the scores, and how stable is each variant across it? (Table 2)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mbias.analysis.measures.sample_scores import sample_scores
from mbias.analysis.paper.orderings import LAYOUT
from mbias.analysis.paper.orderings import finding as orderings_finding
from mbias.analysis.paper.orderings import orderings as published_orderings
from mbias.analysis.paper.published import corrected, table2
from mbias.analysis.paper.scores import score_cell, setting_scores, with_published
from mbias.analysis.questions import Question, Table
from mbias.analysis.settings import Setting, reason_for, settings
from mbias.errors import NotApplicableError
from mbias.records.study import Study, StudyLike, open_study
from mbias.scores.f_scores import LEVELS, METRICS
from mbias.stats.estimates import estimate
from mbias.stats.intervals import ratio
from mbias.tables.layout import Layout, with_interval, with_left_out
from mbias.tables.names import display_name
from mbias.terms import Metric, Smoothing

AVERAGED = (Metric.AUDIO, Metric.VISUAL, Metric.AUDIO_VISUAL)
"""The metrics over which the variance is averaged (section 5.3)."""


def scores(study: StudyLike, epoch: int | str = "best", published: bool = False) -> pd.DataFrame:
    """Table 2: F-scores of every variant that was trained with at least two smoothings.

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
        One row per variant, smoothing, metric and level: ``f_score``, in percent, and the other columns of the
        scores of a setting (`mbias.analysis.paper.scores.setting_scores`).

    Raises
    ------
    NotApplicableError
        If no variant was trained with two smoothings, or a run has no scores.
    BadInputError
        If a run does not have that epoch, or is damaged.

    Examples
    --------
    >>> table = mbias.analysis.smoothing.scores("models/demo")
    >>> average = table[(table["metric"] == "type_average") & (table["level"] == "segment")]
    >>> average[["variant", "smoothing", "f_score"]].round(1)
              variant smoothing  f_score
    12  across_vcross      ls_a     54.4
    13  across_vcross      ls_v     55.1
    """
    study = open_study(study)
    table = setting_scores(study, epoch)
    counts = table.groupby("variant")["smoothing"].nunique()
    several = counts.index[counts >= 2]
    if several.empty:
        raise NotApplicableError(
            "no variant in these runs was trained with two smoothings, so none can be compared; add such runs"
        )
    measured = table[table["variant"].isin(several)].reset_index(drop=True)
    return with_published(measured, table2()) if published else measured


def stability(study: StudyLike, epoch: int | str = "best", published: bool = False) -> pd.DataFrame:
    """How much the F-scores of each variant vary across smoothings (section 5.3).

    The variance is the sample variance (n - 1) over settings of each of the audio, visual and audio-visual F-scores
    (means over seeds where there are several), averaged over the three. On the published Table 2 it is 0.954 for
    A_cross + V_cross, which the paper gives as 0.95.

    Returns
    -------
    pandas.DataFrame
        One row per variant, source and ``level`` (``segment``, ``event`` or ``both``): ``variance``, in squared points
        of F-score, over ``settings`` settings; ``variance_low`` and ``variance_high``, its 95 % interval over samples,
        conditional on these seeds (NaN where the epoch lacks ``p`` or ``p_joint``); and ``seeds``, the least number of
        seeds of a setting. ``source`` is ``measured``. With ``published``, it is also ``published``, for Table 2 as
        printed, and ``published, corrected``, for Table 2 without its misprints.

    Raises
    ------
    NotApplicableError, BadInputError
        As `scores`.
    """
    study = open_study(study)
    table = scores(study, epoch, published)
    if published:
        paper = table[table["source"] == "published"].reset_index(drop=True)
        table = pd.concat([table, corrected(paper).assign(source="published, corrected")])
    seeds = table.groupby(["variant", "source"], sort=False)["seeds"].min().reset_index()
    half = _half_widths(study, epoch)
    result = variance(table).merge(half, how="left").merge(seeds)
    low, high = (result["variance"] + sign * result["half"] for sign in (-1, 1))
    result = result.drop(columns="half").assign(variance_low=low.clip(lower=0), variance_high=high)
    return with_left_out(result, half.attrs["left_out"])


def variance(table: pd.DataFrame) -> pd.DataFrame:
    """The variance of F-scores across smoothings, as `stability` defines it, at each level and over both.

    Parameters
    ----------
    table
        F-scores in percent by variant, smoothing, metric, level and source, as returned by `scores`.

    Returns
    -------
    pandas.DataFrame
        The columns of `stability` without the interval and ``seeds``.
    """
    averaged_metrics = table[table["metric"].isin(AVERAGED)]
    single = averaged_metrics.groupby(["variant", "source", "level", "metric"], sort=False).agg(
        variance=("f_score", "var"), settings=("smoothing", "nunique"), simulated=("simulated", "any")
    )
    levels = single.reset_index()
    both = levels.assign(level="both")
    averaged = pd.concat([levels, both]).groupby(["variant", "source", "level"], sort=False)
    return averaged.agg(
        variance=("variance", "mean"), settings=("settings", "min"), simulated=("simulated", "any")
    ).reset_index()


def _half_widths(study: Study, epoch: int | str) -> pd.DataFrame:
    """Half the width of the 95 % interval of each measured `variance` over samples."""
    rows = []
    reasons: dict[str, str] = {}
    by_variant: dict[str, list[Setting]] = {}
    for setting in settings(study):
        if not setting.identity["control"]:
            by_variant.setdefault(str(setting.identity["variant"]), []).append(setting)
    for variant, members in by_variant.items():
        if len(members) < 2 or len({setting.samples for setting in members}) > 1:
            continue
        try:
            # The mean of every sample over seeds; stacked, (sample, level, metric, setting).
            means = [np.mean([sample_scores(run, epoch) for run in setting.runs], axis=0) for setting in members]
        except NotApplicableError as error:
            runs = [run for setting in members for run in setting.runs]
            reasons.setdefault("intervals over samples", reason_for(error, runs))
            continue
        values = 100 * np.stack(means, axis=-1)[:, :, [METRICS.index(metric) for metric in AVERAGED]]
        low, high = estimate(np.stack([values, np.ones_like(values)], axis=-1)[None], _variances).interval()
        rows += [
            {"variant": variant, "source": "measured", "level": level, "half": float(high[i] - low[i]) / 2}
            for i, level in enumerate((*LEVELS, "both"))
        ]
    return with_left_out(pd.DataFrame(rows, columns=["variant", "source", "level", "half"]), reasons)


def _variances(sums: np.ndarray) -> np.ndarray:
    """The variance over settings, averaged over metrics, at each level and over both, from sums of parts."""
    levels = ratio(sums).var(axis=-1, ddof=1).mean(axis=-1)
    return np.concatenate([levels, levels.mean(axis=-1, keepdims=True)], axis=-1)


def orderings(study: StudyLike) -> pd.DataFrame:
    """Differences between smoothings, and the published differences of Table 2.

    Returns
    -------
    pandas.DataFrame
        One row per pair of settings, metric and level, with the columns of the differences between settings
        (`mbias.analysis.paper.orderings.orderings`).

    Raises
    ------
    NotApplicableError
        If no two settings of the study are in Table 2.
    BadInputError
        If the settings were recorded on different samples or have no seed in common.
    """
    study = open_study(study)
    return published_orderings(study, table2(), "smoothing")


def finding(table: pd.DataFrame) -> list[str]:
    """What a table of `stability` shows: the variance of each measured variant, the least first."""
    both = table[(table["level"] == "both") & (table["source"] == "measured")].sort_values("variance")
    least, *larger = [f"{row.variance:.3g} for {display_name('variant', row.variant)}" for row in both.itertuples()]
    against = f", against {', '.join(larger)}" if larger else ""
    return [f"Variance of the F-scores across {both['settings'].iloc[0]} settings of smoothing: {least}{against}."]


QUESTION = Question(
    name="smoothing",
    paper="Table 2 and the variance across it",
    tables=(
        Table(scores, Layout(("metric", "smoothing"), ("source", "variant", "level"), {"{}": score_cell})),
        Table(
            stability,
            Layout(("source", "variant", "settings"), ("level",), {"{}": with_interval("variance", ".3f")}),
            finding,
        ),
        Table(orderings, LAYOUT, orderings_finding),
    ),
    drawn="scores",
    definitions={
        "scores of a setting": setting_scores,
        "differences between settings": published_orderings,
        "smoothed labels": Smoothing,
    },
)
