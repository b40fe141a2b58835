"""F-scores of the runs of a study by variant and smoothing, measured beside published: what Tables 1 and 2 share."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mbias.analysis.measures.pooling import SEGMENTED
from mbias.analysis.settings import SMOOTHING_ORDER, VARIANT_ORDER, identified, place_of, settings
from mbias.errors import BadInputError
from mbias.records.run import Run
from mbias.records.study import Study
from mbias.scores.f_scores import LEVELS, METRICS, f_scores, predictions
from mbias.stats.estimates import estimate
from mbias.stats.intervals import ratio, t_quantile
from mbias.terms import Level, Metric

SETTING = ["variant", "smoothing"]


def score_cell(row) -> str:  # type: ignore[no-untyped-def]  # a row of pandas' itertuples
    """An F-score as text, with its 95 % interval where that is known."""
    return f"{row.f_score:.1f}" if pd.isna(row.low) else f"{row.f_score:.1f} [{row.low:.1f}, {row.high:.1f}]"


def run_scores(study: Study, epoch: int | str = "best") -> pd.DataFrame:
    """F-scores of every run on its recorded split.

    Returns
    -------
    pandas.DataFrame
        A row a run, level and metric, with ``f_score`` in percent.

    Raises
    ------
    BadInputError
        If a run has not that epoch, no variant and smoothing, or no scores on its recorded split.
    """
    rows = []
    for run, identity in identified(study):
        if run.control:
            # A control is there to be beside a measure of reliance; it is none of the paper's settings.
            continue
        commit = run.commit(epoch)
        if run.variant is None or run.smoothing is None:
            raise BadInputError(
                f"{run.path}: no variant and smoothing are known of it, so it has no place in the table"
            )
        levels = commit.scores.get(run.header.split)
        if not levels:
            raise BadInputError(f"{run.path}: epoch {commit.epoch} has no scores on {run.header.split}; train it here")
        rows += [
            {**identity, "epoch": commit.epoch, "metric": metric, "level": level, "f_score": 100 * score}
            for level, metrics in levels.items()
            for metric, score in metrics.items()
        ]
    if not rows:
        raise BadInputError("these runs are controls, which have no place in the table; add runs that are none")
    return pd.DataFrame(rows)


def setting_scores(study: Study, epoch: int | str = "best") -> pd.DataFrame:
    """Mean over seeds of `run_scores`, with intervals over seeds and samples, in the paper's order.

    Returns
    -------
    pandas.DataFrame
        A row a variant, smoothing, metric and level: ``f_score``, the mean over ``seeds`` runs, and ``sd``, their
        sample standard deviation (NaN where there is one), ``low`` and ``high`` of its 95 % interval (over seeds and
        samples where the epoch holds ``p`` and ``p_joint``, over samples alone with one seed; over seeds alone where it
        holds them not), in percent; ``source`` is ``measured``.

    Raises
    ------
    BadInputError
        As `run_scores`; or if runs of one setting were recorded on different samples.
    """
    scores = run_scores(study, epoch)
    grouped = scores.groupby([*SETTING, "metric", "level"], sort=False)
    table = grouped.agg(
        f_score=("f_score", "mean"), sd=("f_score", "std"), seeds=("f_score", "size"), simulated=("simulated", "any")
    ).reset_index()
    half = _half_widths(study, epoch)
    table = table.merge(half, on=[*SETTING, "metric", "level"], how="left")
    unknown = table["half"].isna() & (table["seeds"] > 1)
    over_seeds = t_quantile(table["seeds"].clip(lower=2) - 1) * table["sd"] / np.sqrt(table["seeds"])
    table["half"] = table["half"].where(~unknown, over_seeds)
    low, high = (table["f_score"] + sign * table["half"] for sign in (-1, 1))
    table = table.drop(columns="half").assign(low=low.clip(lower=0), high=high.clip(upper=100))
    return in_order(table.assign(source="measured"))


def sample_scores(run: Run, epoch: int | str = "best") -> np.ndarray:
    """F-scores of every sample of a run, in [0, 1], (sample, level, metric) in the order of `LEVELS` and `METRICS`.

    Raises
    ------
    BadInputError
        If the epoch holds not ``p`` and ``p_joint``, or they are not of two modalities in segments, as the truth is.
    """
    p, joint = run.values("p", epoch, SEGMENTED), run.values("p_joint", epoch, ("sample", "category"))
    modalities = run.header.modalities
    events = [run.truth[modality] for modality in modalities if modality in run.truth]
    if len(modalities) != 2 or [array.shape for array in events] != 2 * [p[:, :, 0].shape]:
        raise BadInputError(f"{run.path}: F-scores are of the events of two modalities in segments; they do not apply")
    return f_scores(predictions(p, joint), np.stack(events, axis=2))


def _half_widths(study: Study, epoch: int | str) -> pd.DataFrame:
    """Half the width of every 95 % interval over seeds and samples, in percent; a row less where it is not known."""
    rows = []
    for setting in settings(study):
        try:
            scores = np.stack([sample_scores(run, epoch) for run in setting.runs])
        except BadInputError:
            continue
        if setting.identity["control"]:
            continue
        low, high = estimate(np.stack([scores, np.ones_like(scores)], axis=-1), ratio).interval()
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


def beside(measured: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Measured scores, then the published ones of the settings that were measured."""
    settings = measured[SETTING].drop_duplicates()
    return pd.concat([measured, in_order(published.merge(settings, on=SETTING))], ignore_index=True)


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Rows by metric, level, variant and smoothing, as the paper has them."""
    orders = {
        "metric": tuple(Metric),
        "level": tuple(Level),
        "variant": VARIANT_ORDER,
        "smoothing": SMOOTHING_ORDER,
    }
    return table.sort_values(
        list(orders), key=lambda column: column.map(lambda name: place_of(name, orders[column.name])), kind="stable"
    ).reset_index(drop=True)
