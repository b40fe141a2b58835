"""F-scores of the runs of a study by variant and smoothing, measured beside published: what Tables 1 and 2 share."""

from __future__ import annotations

import pandas as pd

from mbias.analysis.identity import SMOOTHING_ORDER, VARIANT_ORDER, identified, place_of
from mbias.errors import BadInputError
from mbias.records.study import Study
from mbias.terms import Level, Metric

SETTING = ["variant", "smoothing"]


def score_cell(row) -> str:  # type: ignore[no-untyped-def]  # a row of pandas' itertuples
    """An F-score as text, with its standard deviation over seeds where there are several."""
    return f"{row.f_score:.1f}" if pd.isna(row.sd) else f"{row.f_score:.1f} ± {row.sd:.1f}"


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
    for run, who in identified(study):
        commit = run.commit(epoch)
        if run.variant is None or run.smoothing is None:
            raise BadInputError(
                f"{run.path}: no variant and smoothing are known of it, so it has no place in the table"
            )
        levels = commit.scores.get(run.header.split)
        if not levels:
            raise BadInputError(f"{run.path}: epoch {commit.epoch} has no scores on {run.header.split}; train it here")
        rows += [
            {**who, "epoch": commit.epoch, "metric": metric, "level": level, "f_score": 100 * score}
            for level, metrics in levels.items()
            for metric, score in metrics.items()
        ]
    return pd.DataFrame(rows)


def setting_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean over seeds of `run_scores`, in the paper's order.

    Returns
    -------
    pandas.DataFrame
        A row a variant, smoothing, metric and level: ``f_score``, the mean over ``seeds`` runs, and ``sd``, their
        sample standard deviation (NaN where there is one), in percent; ``source`` is ``measured``.
    """
    grouped = scores.groupby([*SETTING, "metric", "level"], sort=False)
    table = grouped.agg(
        f_score=("f_score", "mean"), sd=("f_score", "std"), seeds=("f_score", "size"), simulated=("simulated", "any")
    ).reset_index()
    return in_order(table.assign(source="measured"))


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
