"""What does label smoothing do to the scores, and how stable is each variant across it? (Table 2)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mbias.analysis.paper.across import Across, variance_across
from mbias.analysis.paper.orderings import LAYOUT
from mbias.analysis.paper.orderings import finding as orderings_finding
from mbias.analysis.paper.orderings import orderings as published_orderings
from mbias.analysis.paper.published import checks, corrected, table2, with_checks
from mbias.analysis.paper.scores import score_cell, setting_scores, with_published
from mbias.analysis.per_run.sample_scores import sample_scores
from mbias.analysis.questions import Question, Table
from mbias.analysis.settings import Setting, reason_for, settings, smoothing_key, smoothing_strength
from mbias.errors import NotApplicableError
from mbias.records.run import Run
from mbias.records.study import Study, StudyLike, open_study
from mbias.scores.f_scores import LEVELS, METRICS
from mbias.stats.estimates import estimate, summed_by_group
from mbias.stats.intervals import linearised, ratio
from mbias.tables.layout import Layout, concatenated, number, with_interval, with_left_out
from mbias.tables.names import display_name, setting_name
from mbias.terms import Metric, Smoothing

AVERAGED = (Metric.AUDIO, Metric.VISUAL, Metric.AUDIO_VISUAL)
"""The metrics over which the variance is averaged (section 5.3)."""


def scores(study: StudyLike, epoch: int | str = "best", published: bool = False) -> pd.DataFrame:
    """Table 2: F-scores of every variant that was trained with at least two smoothings at one delta.

    If there is none, it is of every variant that was trained with two smoothings at different deltas.

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
    >>> study = mbias.load_example().select(variant="across_vcross")
    >>> table = mbias.analysis.smoothing.scores(study)
    >>> average = table[(table["metric"] == "type_average") & (table["level"] == "segment")]
    >>> average[["variant", "smoothing", "f_score"]].round(1)
              variant smoothing  f_score
    12  across_vcross     no_ls     55.8
    13  across_vcross      ls_v     55.4
    """
    study = open_study(study)
    table = setting_scores(study, epoch)
    compared = pd.concat(_by_delta(table).values())["variant"]
    if compared.empty:
        raise NotApplicableError(
            "no variant in these runs was trained with two smoothings, so none can be compared; add such runs"
        )
    measured = table[table["variant"].isin(compared)].reset_index(drop=True)
    return with_published(measured, table2()) if published else measured


def stability(study: StudyLike, epoch: int | str = "best", published: bool = False) -> pd.DataFrame:
    """How much the F-scores of each variant vary across smoothings (section 5.3).

    The plain variance is the sample variance (n - 1) over settings of each of the audio, visual and audio-visual
    F-scores (means over seeds where there are several), averaged over the three. On the published Table 2 it is 0.954
    for A_cross + V_cross, which the paper gives as 0.95. It contains the variance that seeds and samples add: F-scores
    of settings that are all the same would also vary. Where every setting has two seeds or more, this part is estimated
    and subtracted (`mbias.analysis.paper.across.variance_across`). What remains is the variance of the settings' own
    means. Its estimate can be negative, as that of a variance of 0 is half of the time; it is not cut at 0, so that a
    mean of such estimates is right.

    With one seed per setting, ``variance`` is the plain variance, as in the paper, and contains that of the seeds.

    The settings are those at one ``delta``, and No-LS; a variant that was trained at several has rows for each. If no
    variant was trained with two settings at one delta, the variance is across all of its settings.

    Returns
    -------
    pandas.DataFrame
        One row per ``delta``, variant, source and ``level`` (``segment``, ``event`` or ``both``): ``variance``, in
        squared points of F-score, over ``settings`` settings, and ``plain``, the plain variance; ``variance_low`` and
        ``variance_high``, the 95 % interval, of which the lower end is at least 0; ``seed_variance``, the variance
        between seeds of one setting, which is part of a plain variance of one-seed settings (NaN with one seed); and
        ``seeds``, the least number of seeds of a setting. The interval is over seeds and samples (or groups of
        samples); where the epoch lacks ``p`` or ``p_joint``, over seeds only; with one seed, over samples only.
        ``source`` is ``measured``. With ``published``, it is also ``published``, for Table 2 as printed, and
        ``published, corrected``, for Table 2 without its misprints; both are plain.

    Raises
    ------
    NotApplicableError, BadInputError
        As `scores`.
    """
    study = open_study(study)
    table = scores(study, epoch)
    if published:
        table = with_published(table, table2(), corrected(table2()).assign(source="published, corrected"))
    by_delta = _by_delta(table)
    result = concatenated(_of_delta(study, epoch, rows).assign(delta=delta) for delta, rows in by_delta.items())
    compared = {cell for rows in by_delta.values() for cell in _cells(rows)}
    alone = [setting_name("", *cell, None, None) for cell in _cells(table) if cell not in compared]
    result = with_left_out(result, result.attrs["left_out"] | dict.fromkeys(alone, "no other smoothing at its delta"))
    return with_checks(result) if published else result


def variance(table: pd.DataFrame) -> pd.DataFrame:
    """The variance of F-scores across smoothings, as `stability` defines it, at each level and over both.

    Parameters
    ----------
    table
        F-scores in percent by variant, smoothing, metric, level and source, as returned by `scores`.

    Returns
    -------
    pandas.DataFrame
        ``variance``, the plain variance, ``settings`` and ``simulated`` by variant, source and level.
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


def _by_delta(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The scores that are compared with each other, by delta; all of them, by "", if no two smoothings share one."""
    strengths = table["smoothing"].map(smoothing_strength)
    names = sorted(table["smoothing"].unique(), key=smoothing_key)
    parts = {
        delta: _with_two_smoothings(table[strengths.isin(["", delta])])
        for delta in dict.fromkeys(map(smoothing_strength, names))
        if delta
    }
    found = {delta: rows for delta, rows in parts.items() if len(rows)}
    # Published scores do not vary with delta.
    return found or {"": _with_two_smoothings(table[table["source"] == "measured"])}


def _with_two_smoothings(table: pd.DataFrame) -> pd.DataFrame:
    return table[table.groupby("variant")["smoothing"].transform("nunique") >= 2]


def _cells(table: pd.DataFrame) -> list[tuple[str, str]]:
    return list(dict.fromkeys(zip(table["variant"], table["smoothing"], strict=True)))


def _of_delta(study: Study, epoch: int | str, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of `stability` of the smoothings in a table of `scores`."""
    seeds = table.groupby(["variant", "source"], sort=False)["seeds"].min().reset_index()
    plain = variance(table).rename(columns={"variance": "plain"})
    known = set(_cells(table))
    compared = [
        setting
        for setting in settings(study)
        if setting.of_paper and (setting.identity["variant"], setting.identity["smoothing"]) in known
    ]
    estimated = _estimated(compared, epoch, plain[plain["source"] == "measured"])
    result = plain.merge(estimated, how="left").merge(seeds)
    result["variance"] = result["variance"].where(result["variance"].notna(), result["plain"])
    return with_left_out(result, estimated.attrs["left_out"])


def _estimated(compared: list[Setting], epoch: int | str, plain: pd.DataFrame) -> pd.DataFrame:
    """The measured variances of `stability` with their intervals; without rows where nothing can be estimated."""
    rows = []
    reasons: dict[str, str] = {}
    by_variant: dict[str, list[Setting]] = {}
    for setting in compared:
        by_variant.setdefault(str(setting.identity["variant"]), []).append(setting)
    for variant in plain["variant"].unique():
        members = by_variant[variant]
        of_samples = _of_samples(members, epoch, reasons)
        identity = {"variant": variant, "source": "measured"}
        if all(len(setting.runs) > 1 for setting in members):
            found = _over_seeds(members, epoch, of_samples)
            rows += [
                {**identity, "level": level, "variance": across.point, "seed_variance": across.seed_variance}
                | {"variance_low": across.low, "variance_high": across.high}
                for level, across in found.items()
            ]
        elif of_samples:
            means = np.stack([scores.mean(axis=0) for scores in of_samples], axis=-1)
            parts = np.stack([means, np.ones_like(means)], axis=-1)[None]
            low, high = estimate(parts, _variances, groups=members[0].groups).interval()
            of_variant = plain[plain["variant"] == variant].set_index("level")["plain"]
            for i, level in enumerate((*LEVELS, "both")):
                at, half = of_variant[level], float(high[i] - low[i]) / 2
                ends = {"variance_low": max(at - half, 0.0), "variance_high": at + half}
                rows.append({**identity, "level": level, "variance": at, "seed_variance": np.nan} | ends)
    columns = ["variant", "source", "level", "variance", "variance_low", "variance_high", "seed_variance"]
    return with_left_out(pd.DataFrame(rows, columns=columns), reasons)


def _of_samples(members: list[Setting], epoch: int | str, reasons: dict[str, str]) -> list[np.ndarray]:
    """For each setting, the averaged F-scores of every sample in percent, (seed, sample, level, metric).

    Empty where they are not known, or the samples of the settings differ.
    """
    if len({setting.samples for setting in members}) > 1:
        return []
    try:
        scores = [np.stack([sample_scores(run, epoch) for run in setting.runs]) for setting in members]
    except NotApplicableError as error:
        reasons.setdefault("intervals over samples", reason_for(error, [run for m in members for run in m.runs]))
        return []
    return [100 * of_setting[..., [METRICS.index(metric) for metric in AVERAGED]] for of_setting in scores]


def _over_seeds(members: list[Setting], epoch: int | str, of_samples: list[np.ndarray]) -> dict[str, Across]:
    """The variance across settings without that of seeds and samples, at each level and over both."""
    seeds = [tuple(run.seed for run in setting.runs) for setting in members]
    paired = len(set(seeds)) == 1 and None not in seeds[0]
    scores = [np.stack([_recorded(run, epoch) for run in setting.runs]) for setting in members]
    independent = [_by_group(runs, setting.groups) for setting, runs in zip(members, of_samples, strict=False)]
    found = {}
    for level in (*LEVELS, "both"):
        at = [i for i, name in enumerate(LEVELS) if level in (name, "both")]
        of_runs = [of_setting[:, at].reshape(len(of_setting), -1) for of_setting in scores]
        samples = [of_setting[:, :, at].reshape(*of_setting.shape[:2], -1) for of_setting in independent]
        found[str(level)] = variance_across(of_runs, samples or None, paired)
    return found


def _recorded(run: Run, epoch: int | str) -> np.ndarray:
    """The averaged F-scores of a run in percent, (level, metric)."""
    levels = run.commit(epoch).scores[run.header.split]
    return 100 * np.array([[levels[level][metric] for metric in AVERAGED] for level in LEVELS])


def _by_group(scores: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    """Scores (seed, sample, level, metric) with one value per group of samples, of the same mean."""
    if groups is None:
        return scores
    parts = np.stack([scores, np.ones_like(scores)], axis=-1)
    return np.stack([linearised(summed_by_group(of_seed, groups)) for of_seed in parts])


def _variance(row) -> str:  # type: ignore[no-untyped-def]  # a row of pandas' itertuples
    return f"{row.variance:.3g} [{row.variance_low:.3g}, {row.variance_high:.3g}]"


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
    """What a table of `stability` shows: the variance of each measured variant, the least first.

    With one seed per setting, it says that the variance contains that of the seeds.
    """
    both = table[(table["level"] == "both") & (table["source"] == "measured")]
    return [sentence for delta, rows in both.groupby("delta", sort=False) for sentence in _sentences(str(delta), rows)]


QUESTION = Question(
    name="smoothing",
    paper="Table 2 and the variance across it",
    tables=(
        Table(scores, Layout(("metric", "smoothing"), ("source", "variant", "level"), {"{}": score_cell})),
        Table(
            stability,
            Layout(
                ("delta", "source", "variant", "settings"),
                ("level",),
                {"{}": with_interval("variance", ".3f"), "{}\nplain": number("plain", ".3f")},
            ),
            finding,
        ),
        Table(orderings, LAYOUT, orderings_finding),
    ),
    drawn="scores",
    definitions={
        "scores of a setting": setting_scores,
        "differences between settings": published_orderings,
        "variance across settings": variance_across,
        "smoothed labels": Smoothing,
        "checks of the published numbers": checks,
    },
)


def _sentences(delta: str, rows: pd.DataFrame) -> list[str]:
    rows = rows.sort_values("variance")
    at_delta = f" with delta {delta}" if delta else ""
    across = f"Variance of the F-scores across {rows['settings'].iloc[0]} settings of smoothing{at_delta}"
    several = rows["seed_variance"].notna()
    sentences = []
    if several.any():
        texts = [
            f"{_variance(row)} for {display_name('variant', row.variant)} (seeds alone: {row.seed_variance:.3g})"
            for row in rows[several].itertuples()
        ]
        sentences.append(f"{across}, without that of seeds and samples: {', against '.join(texts)}.")
    if not several.all():
        texts = [f"{row.plain:.3g} for {display_name('variant', row.variant)}" for row in rows[~several].itertuples()]
        sentences.append(f"{across}: {', against '.join(texts)}. With one seed each, it contains that of the seeds.")
    return sentences
