"""What does label smoothing do to the scores, and how stable is each variant across it? (Table 2)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mbias.analysis.paper.orderings import LAYOUT
from mbias.analysis.paper.orderings import orderings as published_orderings
from mbias.analysis.paper.published import corrected, table2
from mbias.analysis.paper.scores import beside, sample_scores, score_cell, setting_scores
from mbias.analysis.settings import Setting, settings
from mbias.errors import BadInputError
from mbias.records.study import Study
from mbias.scores.f_scores import LEVELS, METRICS
from mbias.stats.estimates import estimate
from mbias.stats.intervals import ratio
from mbias.tables.layout import Layout, with_interval
from mbias.tables.names import display_name
from mbias.terms import Metric

AVERAGED = (Metric.AUDIO, Metric.VISUAL, Metric.AUDIO_VISUAL)
"""The metrics the variance is averaged over (section 5.3)."""


LAYOUTS = {
    "scores": Layout(("metric", "smoothing"), ("source", "variant", "level"), {"{}": score_cell}),
    "orderings": LAYOUT,
    "stability": Layout(("source", "variant", "settings"), ("level",), {"{}": with_interval("variance", ".3f")}),
}


def scores(study: Study, epoch: int | str = "best", published: bool = False) -> pd.DataFrame:
    """Table 2: F-scores of every variant that was trained with two smoothings or more.

    Parameters
    ----------
    epoch
        ``"best"`` is the epoch whose model was kept.
    published
        Whether the paper's figures follow, with ``source`` ``published``.

    Returns
    -------
    pandas.DataFrame
        A row a variant, smoothing, metric and level (see `mbias.analysis.paper.scores.setting_scores`), in percent.

    Raises
    ------
    BadInputError
        If no variant was trained with two smoothings, or a run has no scores.
    """
    table = setting_scores(study, epoch)
    counts = table.groupby("variant")["smoothing"].nunique()
    several = counts.index[counts >= 2]
    if several.empty:
        raise BadInputError(
            "no variant in these runs was trained with two smoothings, so none can be compared; add such runs"
        )
    measured = table[table["variant"].isin(several)].reset_index(drop=True)
    return beside(measured, table2()) if published else measured


def stability(study: Study, epoch: int | str = "best", published: bool = False) -> pd.DataFrame:
    """How much the scores of `scores` vary across smoothings; the columns are those of `variance`.

    With them ``variance_low`` and ``variance_high``, the 95 % interval over samples, the seeds as they are (NaN where
    the epoch lacks ``p`` and ``p_joint``), and ``seeds``, the least number of a setting. With ``published``, the
    published Table 2 stands below as printed, and with its misprints corrected.
    """
    table = scores(study, epoch, published)
    if published:
        paper = table[table["source"] == "published"].reset_index(drop=True)
        table = pd.concat([table, corrected(paper).assign(source="published, corrected")])
    seeds = table.groupby(["variant", "source"], sort=False)["seeds"].min().reset_index()
    result = variance(table).merge(_half_widths(study, epoch), how="left").merge(seeds)
    low, high = (result["variance"] + sign * result["half"] for sign in (-1, 1))
    return result.drop(columns="half").assign(variance_low=low.clip(lower=0), variance_high=high)


def variance(table: pd.DataFrame) -> pd.DataFrame:
    """Variance of F-scores across smoothing settings (section 5.3).

    The sample variance (n - 1) over settings of each of audio, visual and audio-visual F-score (a mean over seeds
    where there are several), averaged over the three; at either level, and over both. On the published Table 2 it is
    0.954 for A_cross + V_cross, which the paper gives as 0.95.

    Parameters
    ----------
    table
        F-scores in percent by variant, smoothing, metric, level and source, as of `scores`.

    Returns
    -------
    pandas.DataFrame
        A row a variant, source and ``level`` (``segment``, ``event`` or ``both``): ``variance`` in squared points of
        F-score, over ``settings`` settings.
    """
    of_metrics = table[table["metric"].isin(AVERAGED)]
    single = of_metrics.groupby(["variant", "source", "level", "metric"], sort=False).agg(
        variance=("f_score", "var"), settings=("smoothing", "nunique"), simulated=("simulated", "any")
    )
    levels = single.reset_index()
    both = levels.assign(level="both")
    averaged = pd.concat([levels, both]).groupby(["variant", "source", "level"], sort=False)
    return averaged.agg(
        variance=("variance", "mean"), settings=("settings", "min"), simulated=("simulated", "any")
    ).reset_index()


def _half_widths(study: Study, epoch: int | str) -> pd.DataFrame:
    """Half the width of the 95 % intervals of `variance`, over samples, of what was measured."""
    rows = []
    by_variant: dict[str, list[Setting]] = {}
    for setting in settings(study):
        if not setting.identity["control"]:
            by_variant.setdefault(str(setting.identity["variant"]), []).append(setting)
    for variant, of_variant in by_variant.items():
        if len(of_variant) < 2 or len({setting.samples for setting in of_variant}) > 1:
            continue
        try:
            # Of every sample its mean over seeds, (sample, level, metric, setting).
            means = [np.mean([sample_scores(run, epoch) for run in setting.runs], axis=0) for setting in of_variant]
        except BadInputError:
            continue
        scores_ = 100 * np.stack(means, axis=-1)[:, :, [METRICS.index(metric) for metric in AVERAGED]]
        low, high = estimate(np.stack([scores_, np.ones_like(scores_)], axis=-1)[None], _variances).interval()
        rows += [
            {"variant": variant, "source": "measured", "level": level, "half": float(high[i] - low[i]) / 2}
            for i, level in enumerate((*LEVELS, "both"))
        ]
    return pd.DataFrame(rows, columns=["variant", "source", "level", "half"])


def _variances(sums: np.ndarray) -> np.ndarray:
    """Variance over settings, averaged over metrics, at each level and over both, from sums of samples' scores."""
    levels = ratio(sums).var(axis=-1, ddof=1).mean(axis=-1)
    return np.concatenate([levels, levels.mean(axis=-1, keepdims=True)], axis=-1)


def orderings(study: Study) -> pd.DataFrame:
    """Differences between smoothings beside the published ones of Table 2 (see `mbias.analysis.paper.orderings`)."""
    return published_orderings(study, table2(), "smoothing")


def finding(table: pd.DataFrame) -> list[str]:
    """What a table of `variance` says: the variance of each measured variant, the steadiest first."""
    both = table[(table["level"] == "both") & (table["source"] == "measured")].sort_values("variance")
    first, *others = [f"{row.variance:.3g} for {display_name('variant', row.variant)}" for row in both.itertuples()]
    against = f", against {', '.join(others)}" if others else ""
    return [f"Variance of the F-scores across {both['settings'].iloc[0]} settings of smoothing: {first}{against}."]
