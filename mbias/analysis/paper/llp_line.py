"""The models trained on LLP after HAN: their published F-scores, and what is set beside them."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pandas as pd

from mbias.analysis.paper.published import PARTS, ROUNDING
from mbias.analysis.paper.scores import score_cell
from mbias.analysis.per_run.sample_scores import sample_scores
from mbias.analysis.settings import Setting, reason_for, settings
from mbias.errors import NotApplicableError
from mbias.llp.predictions import everywhere
from mbias.records.study import Study
from mbias.scores.f_scores import LEVELS, METRICS, f_scores
from mbias.stats.estimates import estimate
from mbias.stats.intervals import ratio
from mbias.tables.layout import Layout, concatenated, with_left_out, with_remarks
from mbias.terms import CATEGORIES, Level, Metric, Modality, Split

BASELINE = "weak labels in all segments"
"""The name of a prediction that knows which events a video has, but not in which segments and modalities."""

DAGGER = "†"
"""Marks a score that was not read in the paper of its model."""


def published_line() -> pd.DataFrame:
    """The published F-scores of the models trained on LLP after HAN, in the order of their publication.

    Returns
    -------
    pandas.DataFrame
        One row per model, metric and level: ``f_score``, in percent as printed; ``features``, what the model takes;
        ``reference``, where the number was read; and ``second_hand``, whether that is another text than the paper of
        the model. ``source`` is ``published``; ``seeds``, ``low`` and ``high`` are unknown.

    Examples
    --------
    >>> from mbias.analysis.paper.llp_line import published_line
    >>> table = published_line()
    >>> table[table["metric"] == "audio_only"][["model", "level", "f_score", "second_hand"]].head(2)
                  model    level  f_score  second_hand
    10  HAN (ECCV 2020)  segment     33.1         True
    11  HAN (ECCV 2020)    event     31.0         True
    """
    # The first line of the file says what it holds.
    with resources.files("mbias.analysis.paper").joinpath("published", "llp_line.csv").open(encoding="utf-8") as file:
        wide = pd.read_csv(file, comment="#")
    names = ["model", "features", "level", "second_hand", "reference"]
    table = wide.melt(names, list(map(str, METRICS)), "metric", "f_score").dropna(subset="f_score")
    order = list(dict.fromkeys(wide["model"]))
    table = table.sort_values("model", key=lambda model: model.map(order.index), kind="stable", ignore_index=True)
    unknown = dict.fromkeys(("low", "high"), float("nan"))
    second_hand = table["second_hand"] == "yes"
    return table.assign(second_hand=second_hand, **unknown, seeds=pd.NA, simulated=False, source="published")


def measured_line(study: Study, epoch: int | str = "best") -> pd.DataFrame:
    """The F-scores of every setting of a study, and of `BASELINE` on the samples of the first one.

    They are computed from the recorded outputs, by the rule of the original HAN.

    Returns
    -------
    pandas.DataFrame
        One row per setting, metric and level: ``model``, the name of the setting; ``f_score``, in percent, a mean over
        ``seeds``; ``low`` and ``high``, the ends of its 95 % interval over seeds and samples; ``source``, which is
        ``measured`` or ``baseline``. Controls are left out.

    Raises
    ------
    NotApplicableError
        If no setting was recorded on the test split of LLP, or none has F-scores.
    BadInputError
        If a run does not have that epoch, or is damaged.
    """
    scored: list[tuple[Setting, pd.DataFrame]] = []
    reasons: dict[str, str] = {}
    for setting in (setting for setting in settings(study) if not setting.identity["control"]):
        try:
            scored.append((setting, _rows(setting, setting.display_name, _sample_scores(setting, epoch))))
        except NotApplicableError as error:
            reasons[setting.display_name] = reason_for(error, setting.runs)
    if not scored:
        raise NotApplicableError(next(iter(reasons.values()), "all of these runs are controls; add other runs"))
    tables, first = [table for _, table in scored], scored[0][0]
    try:
        baseline = _rows(first, BASELINE, _baseline_scores(first)[None])
        tables.append(baseline.assign(source="baseline", seeds=pd.NA))
    except NotApplicableError as error:
        reasons[BASELINE] = reason_for(error, first.runs)
    return with_left_out(pd.concat(tables, ignore_index=True), reasons)


def with_line(measured: pd.DataFrame) -> pd.DataFrame:
    """Measured F-scores, followed by the published ones, with notes on where these come from.

    Parameters
    ----------
    measured
        One row per model, metric and level, with the columns ``model``, ``metric``, ``level``, ``f_score`` and
        ``source``, as `measured_line` returns them.

    Returns
    -------
    pandas.DataFrame
        The rows of both.
    """
    published = published_line()
    return with_remarks(in_levels(concatenated([measured, published])), _remarks(published))


def in_levels(table: pd.DataFrame) -> pd.DataFrame:
    """The rows sorted by level, and otherwise as they were."""
    order = list(map(str, Level))
    return table.sort_values("level", key=lambda level: level.map(order.index), kind="stable", ignore_index=True)


def _cell(row) -> str:  # type: ignore[no-untyped-def]  # a row of pandas' itertuples
    return f"{score_cell(row)}{DAGGER * row.second_hand}"


LAYOUT = Layout(("level", "model"), ("metric",), {"{}": _cell})


def _sample_scores(setting: Setting, epoch: int | str) -> np.ndarray:
    """The F-scores of every sample of a setting, (seed, sample, level, metric)."""
    run = setting.runs[0]
    header = run.header
    if (header.modalities, header.categories, header.split) != (tuple(Modality), CATEGORIES, Split.TEST):
        raise NotApplicableError(
            f"{run.path}: the published scores are of the test split of LLP; this run is of other samples or categories"
        )
    return np.stack([sample_scores(run, epoch) for run in setting.runs])


def _baseline_scores(setting: Setting) -> np.ndarray:
    """The F-scores of the weak labels in all segments, (sample, level, metric)."""
    truth = np.stack([setting.runs[0].truth[modality] for modality in Modality], axis=2)
    return f_scores(everywhere(setting.weak, truth.shape[1]), truth)


def _rows(setting: Setting, model: str, scores: np.ndarray) -> pd.DataFrame:
    parts = np.stack([scores, np.ones_like(scores)], axis=-1)
    estimated = estimate(parts, ratio, groups=setting.groups)
    low, high = estimated.interval(bounds=(0, 1))
    return pd.DataFrame(
        {
            "model": model,
            "metric": str(metric),
            "level": str(level),
            "f_score": 100 * float(estimated.point[i, j]),
            "low": 100 * float(low[i, j]),
            "high": 100 * float(high[i, j]),
            "seeds": len(scores),
            "simulated": setting.identity["simulated"],
            "source": "measured",
            "second_hand": False,
        }
        for i, level in enumerate(LEVELS)
        for j, metric in enumerate(METRICS)
    )


def _remarks(published: pd.DataFrame) -> list[str]:
    """What a reader must know of the published scores: where they were read, the features, and what disagrees."""
    read = published[published["second_hand"]]["reference"].unique()
    features = published.groupby("features", sort=False)["model"].unique()
    taken = "; ".join(f"{name}: {', '.join(models)}" for name, models in features.items())
    return [f"{DAGGER} Second hand, read in {'; in '.join(read)}.", f"Features: {taken}.", *_contradictions(published)]


def _contradictions(published: pd.DataFrame) -> list[str]:
    """Where Type@AV is not the mean of A, V and AV, one sentence each."""
    wide = published.pivot_table(index=["model", "level"], columns="metric", values="f_score", sort=False)
    implied = wide[list(PARTS)].mean(axis=1, skipna=False)
    printed = wide[Metric.TYPE_AVERAGE]
    return [
        f"{model}: {level}-level Type@AV is printed as {printed[model, level]:.1f}, but the mean of its parts is "
        f"{implied[model, level]:.1f}."
        for model, level in wide.index[(printed - implied).abs() > ROUNDING + 1e-6]
    ]
