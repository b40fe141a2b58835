"""F-scores by variant and smoothing, measured and published: what Tables 1 and 2 share."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mbias.analysis.paper.published import beside, with_checks
from mbias.analysis.per_run.sample_scores import sample_scores
from mbias.analysis.settings import (
    VARIANT_ORDER,
    Setting,
    identified,
    order_key,
    reason_for,
    settings,
    smoothing_key,
)
from mbias.errors import NotApplicableError
from mbias.records.study import Study
from mbias.scores.f_scores import LEVELS, METRICS, PAPER_METRICS
from mbias.stats.estimates import estimate
from mbias.stats.intervals import ratio, t_quantile
from mbias.tables.layout import concatenated, with_left_out
from mbias.terms import Level, Metric

SETTING = ["variant", "smoothing"]

ALONE = METRICS[len(PAPER_METRICS) :]
"""The metrics of events in one modality alone, which are computed from the recorded outputs."""


def score_cell(row) -> str:  # type: ignore[no-untyped-def]  # a row of pandas' itertuples
    """An F-score as text, with its 95 % interval where that is known."""
    return f"{row.f_score:.1f}" if pd.isna(row.low) else f"{row.f_score:.1f} [{row.low:.1f}, {row.high:.1f}]"


def run_scores(study: Study, epoch: int | str = "best") -> pd.DataFrame:
    """Recorded F-scores of every run on its recorded split.

    Returns
    -------
    pandas.DataFrame
        One row per run, level and metric, with ``f_score`` in percent, without controls and mitigated runs.

    Raises
    ------
    NotApplicableError
        If a run has no variant or smoothing, or no scores on its recorded split.
    BadInputError
        If a run does not have that epoch.
    """
    rows = []
    for run, identity in identified(study):
        if run.control or run.mitigation:
            # A control serves to check measures of reliance, and the paper has no mitigation.
            continue
        commit = run.commit(epoch)
        if run.variant is None or run.smoothing is None:
            raise NotApplicableError(
                f"{run.path}: its variant and smoothing are not known, so it cannot be in the table; leave it out"
            )
        levels = commit.scores.get(run.header.split)
        if not levels:
            raise NotApplicableError(
                f"{run.path}: epoch {commit.epoch} has no scores on {run.header.split}; train it here"
            )
        rows += [
            {**identity, "epoch": commit.epoch, "metric": metric, "level": level, "f_score": 100 * score}
            for level, metrics in levels.items()
            for metric, score in metrics.items()
        ]
    if not rows:
        raise NotApplicableError(
            "all of these runs are controls or have a mitigation, and cannot be in the table; add others"
        )
    return pd.DataFrame(rows)


def setting_scores(study: Study, epoch: int | str = "best") -> pd.DataFrame:
    """Means over seeds of `run_scores`, and of Ao and Vo, with intervals, in the order of the paper.

    Ao and Vo, the F-scores of audio-only and visual-only events, are not recorded. They are computed from the recorded
    outputs.

    Returns
    -------
    pandas.DataFrame
        One row per variant, smoothing, metric and level: ``f_score``, the mean over ``seeds`` runs; ``sd``, their
        sample standard deviation (NaN for one seed); and ``low`` and ``high``, the ends of a 95 % interval; in
        percent. The interval is over seeds and samples (or groups of samples); with one seed, over samples only; where
        the epoch lacks ``p`` or ``p_joint``, over seeds only, and there are no Ao and Vo. ``source`` is ``measured``.

    Raises
    ------
    NotApplicableError
        As `run_scores`.
    BadInputError
        As `run_scores`; or if runs of one setting were recorded on different samples.
    """
    recorded = run_scores(study, epoch)
    by_setting, reasons = _sample_scores(study, epoch)
    computed = [_alone(setting, scores) for setting, scores in by_setting]
    grouped = pd.concat([recorded, *computed]).groupby([*SETTING, "metric", "level"], sort=False)
    table = grouped.agg(
        f_score=("f_score", "mean"), sd=("f_score", "std"), seeds=("f_score", "size"), simulated=("simulated", "any")
    ).reset_index()
    table = table.merge(_half_widths(by_setting), on=[*SETTING, "metric", "level"], how="left")
    unknown = table["half"].isna() & (table["seeds"] > 1)
    over_seeds = t_quantile(table["seeds"].clip(lower=2) - 1) * table["sd"] / np.sqrt(table["seeds"])
    table["half"] = table["half"].where(~unknown, over_seeds)
    low, high = (table["f_score"] + sign * table["half"] for sign in (-1, 1))
    table = table.drop(columns="half").assign(low=low.clip(lower=0), high=high.clip(upper=100))
    return with_left_out(in_order(table.assign(source="measured")), reasons)


def _sample_scores(study: Study, epoch: int | str) -> tuple[list[tuple[Setting, np.ndarray]], dict[str, str]]:
    """The F-scores of every sample of each setting, (seed, sample, level, metric), and why some are not known."""
    by_setting = []
    reasons: dict[str, str] = {}
    for setting in (setting for setting in settings(study) if setting.of_paper):
        try:
            by_setting.append((setting, np.stack([sample_scores(run, epoch) for run in setting.runs])))
        except NotApplicableError as error:
            for what in ("intervals over samples", *(metric.display_name for metric in ALONE)):
                reasons.setdefault(what, reason_for(error, setting.runs))
    return by_setting, reasons


def _alone(setting: Setting, scores: np.ndarray) -> pd.DataFrame:
    """Ao and Vo of every run of a setting, as rows of `run_scores`."""
    rows = [
        {**setting.identity, "metric": str(metric), "level": str(level), "f_score": 100 * float(score)}
        for of_run in scores.mean(axis=1)
        for level, of_level in zip(LEVELS, of_run, strict=True)
        for metric, score in zip(METRICS, of_level, strict=True)
        if metric in ALONE
    ]
    return pd.DataFrame(rows)


def _half_widths(by_setting: list[tuple[Setting, np.ndarray]]) -> pd.DataFrame:
    """Half the width of every 95 % interval over seeds and samples, in percent; without rows where it is not known."""
    rows = []
    for setting, scores in by_setting:
        parts = np.stack([scores, np.ones_like(scores)], axis=-1)
        low, high = estimate(parts, ratio, groups=setting.groups).interval()
        rows += [
            {
                **{name: setting.identity[name] for name in SETTING},
                "level": str(level),
                "metric": str(metric),
                "half": 50 * float(high[i, j] - low[i, j]),
            }
            for i, level in enumerate(LEVELS)
            for j, metric in enumerate(METRICS)
        ]
    return pd.DataFrame(rows, columns=[*SETTING, "level", "metric", "half"])


def with_published(measured: pd.DataFrame, *published: pd.DataFrame) -> pd.DataFrame:
    """Measured scores, followed by the published scores of these settings (`mbias.analysis.paper.published.beside`)."""
    return with_checks(concatenated([measured, *(in_order(beside(measured, table)) for table in published)]))


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """The rows sorted by metric, level, variant and smoothing, in the order of the paper."""
    orders = {"metric": tuple(Metric), "level": tuple(Level), "variant": VARIANT_ORDER}

    def key(column: pd.Series) -> pd.Series:
        order = orders.get(str(column.name))
        return column.map(smoothing_key if order is None else lambda name: order_key(name, order))

    return table.sort_values([*orders, "smoothing"], key=key, kind="stable").reset_index(drop=True)
