"""How do two runs or studies differ? Paired by seed and by sample, with intervals, tests and effect sizes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from mbias.analysis.comparing.use import use_rows
from mbias.analysis.per_run.pooling import mean_attention
from mbias.analysis.per_run.sample_scores import sample_scores
from mbias.analysis.questions import Question, Table
from mbias.analysis.settings import Setting, reason_for, settings
from mbias.errors import BadInputError, NotApplicableError
from mbias.records.run import Run
from mbias.records.study import StudyLike, open_study
from mbias.scores.f_scores import LEVELS, METRICS
from mbias.stats.estimates import estimate
from mbias.stats.intervals import ratio
from mbias.stats.significance import cliffs_delta, holm, no_difference, standardised
from mbias.tables.layout import Layout, number, with_interval, with_left_out
from mbias.tables.names import display_name, subscript
from mbias.tables.words import Words
from mbias.terms import Metric


def comparison(a: StudyLike, b: StudyLike) -> pd.DataFrame:
    """Compare what both studies recorded: F-scores, mean attention, and the balance or shares where both were probed.

    Settings are paired by variant, smoothing, mitigation and control; where one study has a single setting, it is
    paired with each setting of the other study. Runs are paired by seed, and samples by identity. F-scores and
    attention are of the epoch ``best``.

    Parameters
    ----------
    a, b
        The two studies.

    Returns
    -------
    pandas.DataFrame
        One row per pair of settings and quantity (the metric of an F-score with its ``level``; ``attention`` on the
        first of two modalities, or on each of more; the ``balance`` of two modalities, as in `mbias.diagnosis`, or the
        ``share`` of each of more, as in `mbias.reliance`): ``value_a``, ``value_b`` and ``difference`` (B - A), in
        [0, 1] or [-1, 1], each with the ends of its 95 % interval over seeds and
        samples (`mbias.stats.estimates.estimate`); ``d_z`` of the paired differences and ``cliffs_delta`` of B over
        A; ``p`` of the test that there is no difference, from the same estimate as the interval
        (`mbias.stats.significance.no_difference`); and ``p_holm``, adjusted over the quantities of a pair. ``tested``
        is what the interval and the test are over: ``seeds and samples``, or ``samples`` where there is one seed, and
        groups in place of samples where the runs have groups. A test over samples is about these two networks: it does
        not say whether other seeds would differ.

    Raises
    ------
    BadInputError
        If the studies have no setting or seed in common, or were recorded on different samples.
    NotApplicableError
        If the runs hold nothing that can be compared.

    Examples
    --------
    >>> study = mbias.load_example().select(variant="across_vcross")
    >>> table = mbias.compare(study.select(smoothing="no_ls"), study.select(smoothing="ls_v"))
    >>> table.loc[table["quantity"] == "balance", ["value_a", "value_b", "difference"]].round(2)
        value_a  value_b  difference
    15    -0.51    -0.54       -0.02
    """
    rows: list[dict[str, Any]] = []
    reasons: dict[str, str] = {}
    of_a, of_b = settings(open_study(a)), settings(open_study(b))
    pairs = list(_pairs(of_a, of_b))
    paired = {setting.display_name for pair in pairs for setting in pair}
    reasons |= {s.display_name: "not in both studies" for s in (*of_a, *of_b) if s.display_name not in paired}
    for first, second in pairs:
        of_pair, not_applicable = quantities(first, second)
        reasons |= not_applicable
        if not of_pair:
            raise NotApplicableError(f"nothing to compare: {'; '.join(reasons.values())}")
        adjusted = holm(np.array([row["p"] for row in of_pair]))
        identity = _identity(first, second)
        rows += [{**identity, **row, "p_holm": float(p)} for row, p in zip(of_pair, adjusted, strict=True)]
    return with_left_out(pd.DataFrame(rows).drop(columns="by_seed"), reasons)


def quantities(first: Setting, second: Setting) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Compare two settings that have the same seeds.

    Returns
    -------
    rows : list of dict
        The rows of `comparison` without ``p_holm``, with ``by_seed``, the values of both settings, (seed, 2).
    reasons : dict
        Why quantities do not apply, by their name.
    """
    rows: list[dict[str, Any]] = []
    reasons: dict[str, str] = {}
    runs = (*first.runs, *second.runs)
    groups = _groups(first, second)
    for kind in _kinds(first):
        try:
            rows += differences(kind, _stacked(kind, first, second), groups)
        except NotApplicableError as error:
            reasons[kind.name] = reason_for(error, runs)
    try:
        rows += use_rows(first, second, groups)
    except NotApplicableError as error:
        reasons["balance" if len(first.modalities) == 2 else "share"] = reason_for(error, runs)
    return rows, reasons


def finding(table: pd.DataFrame) -> list[str]:
    """What a table of `comparison` shows: the differences significant after Holm's correction, by pair.

    With one seed, the sentence is about the two networks, not about how their settings train.
    """
    sentences = []
    for (a, b), rows in table.groupby(["a", "b"], sort=False):
        significant = rows[rows["p_holm"] <= 0.05]
        texts = [
            f"{_quantity_name(row)} {row.difference:+.3f} [{row.difference_low:+.3f}, {row.difference_high:+.3f}]"
            for row in significant.itertuples()
        ]
        pair = f"{b} against {a}" if a != b else str(a)
        result = ", ".join(texts) if texts else f"no difference in {len(rows)} quantities is significant at 5 %"
        over = f"over {rows['tested'].iloc[0]}; Holm"
        if rows["seeds"].iloc[0] == 1:
            sentences.append(f"{pair}, these two networks: {result} (one seed, {over}; other seeds may differ).")
        else:
            sentences.append(f"{pair}: {result} ({rows['seeds'].iloc[0]} seeds, {over}).")
    return sentences


QUESTION = Question(
    name="compare",
    paper="",
    tables=(
        Table(
            comparison,
            Layout(
                ("variant", "smoothing", "mitigation", "control", "a", "b", "seeds", "quantity", "level"),
                (),
                {
                    "A": with_interval("value_a", ".3f"),
                    "B": with_interval("value_b", ".3f"),
                    "B - A": with_interval("difference", "+.3f"),
                    "d_z": number("d_z", ".2f"),
                    "delta": number("cliffs_delta", ".2f"),
                    "p (Holm)": number("p_holm", ".3f"),
                },
            ),
            finding,
        ),
    ),
    drawn="comparison",
    inputs=("a", "b"),
)


@dataclasses.dataclass(frozen=True)
class Kind:
    """Quantities of one kind, which are means over samples.

    Parameters
    ----------
    name
        What they are, for a reader.
    quantities
        Their names and levels.
    parts
        The parts by sample of a run: numerators and denominators, (sample, ..., 2).
    """

    name: str
    quantities: list[tuple[str, str]]
    parts: Callable[[Run], np.ndarray]


def _identity(first: Setting, second: Setting) -> dict[str, Any]:
    shared = {
        name: first.identity[name] if first.identity[name] == second.identity[name] else None
        for name in ("variant", "smoothing", "mitigation", "control")
    }
    return {
        **shared,
        "a": first.display_name,
        "b": second.display_name,
        "seeds": len(first.runs),
        "simulated": first.identity["simulated"] or second.identity["simulated"],
    }


def _quantity_name(row: Any) -> str:
    return f"{row.level}-level {display_name('metric', row.quantity)}" if row.level else str(row.quantity)


def _pairs(a: list[Setting], b: list[Setting]) -> Iterator[tuple[Setting, Setting]]:
    if len(a) == 1 or len(b) == 1:
        pairs = [(first, second) for first in a for second in b]
    else:
        by_key = {_key(setting): setting for setting in b}
        pairs = [(first, by_key[_key(first)]) for first in a if _key(first) in by_key]
    if not pairs:
        raise BadInputError(
            "no setting (variant, smoothing, mitigation, control) is in both studies; give such settings, or one"
        )
    for first, second in pairs:
        yield with_shared_seeds(first, second)


def _key(setting: Setting) -> tuple[Any, ...]:
    identity = setting.identity
    run = None if identity["variant"] else identity["run"]
    return (identity["variant"], identity["smoothing"], identity["mitigation"], identity["control"], run)


def with_shared_seeds(first: Setting, second: Setting) -> tuple[Setting, Setting]:
    """Both settings with the runs whose seeds both have; single runs as they are.

    Raises
    ------
    BadInputError
        If they have no seed in common, or were recorded on different samples.
    """
    a, b = first.runs[0], second.runs[0]
    if list(a.samples.iloc[:, 0]) != list(b.samples.iloc[:, 0]) or (first.categories, first.modalities) != (
        second.categories,
        second.modalities,
    ):
        raise BadInputError(f"{a.path} and {b.path} were recorded on different samples, so they cannot be paired")
    if len(first.runs) == len(second.runs) == 1:
        return first, second
    shared = sorted({run.seed for run in first.runs if run.seed is not None} & {run.seed for run in second.runs})
    if not shared:
        raise BadInputError(f"{a.path} and {b.path}: the settings have no seed in common; train the same seeds")
    of_both = []
    for setting in (first, second):
        by_seed = {run.seed: run for run in setting.runs}
        of_both.append(dataclasses.replace(setting, runs=tuple(by_seed[seed] for seed in shared)))
    return of_both[0], of_both[1]


def _groups(first: Setting, second: Setting) -> np.ndarray | None:
    """The group of each sample, from whichever setting has groups."""
    a, b = first.groups, second.groups
    if a is None or b is None:
        return b if a is None else a
    if not np.array_equal(a, b):
        raise BadInputError(
            f"{first.runs[0].path} and {second.runs[0].path}: the samples have different groups, so the runs cannot be "
            "paired; record the same groups"
        )
    return a


def _kinds(setting: Setting) -> Iterator[Kind]:
    if Words.of(setting.runs).paper or _parses(setting.runs[0]):
        metrics = [(metric, str(level)) for level in LEVELS for metric in _metrics(setting.modalities)]
        yield Kind("F-scores", metrics, _score_parts)
    attended = [(f"attention {subscript(modality)}", "") for modality in _independent(setting.modalities)]
    yield Kind("attention", attended, _attention_parts)


def _parses(run: Run) -> bool:
    """Whether a run has what F-scores are of: events of two modalities in segments."""
    return len(run.header.modalities) == 2 and "segment" in run.header.arrays.get("p", ())


def _metrics(modalities: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the metrics: the paper's or, for other modalities, theirs."""
    if modalities == (Metric.AUDIO, Metric.VISUAL):
        return tuple(map(str, METRICS))
    only = (f"{modality} only" for modality in modalities)
    return (*modalities, " and ".join(modalities), "mean by type", "mean by event", *only)


def _stacked(kind: Kind, first: Setting, second: Setting) -> np.ndarray:
    """The parts of both settings, (seed, sample, side, ...)."""
    sides = [np.stack([kind.parts(run) for run in setting.runs]) for setting in (first, second)]
    return np.stack(sides, axis=2)


def _score_parts(run: Run) -> np.ndarray:
    """F-scores of every sample as parts of a mean, (sample, level x metric, 2)."""
    scores = sample_scores(run)
    scores = scores.reshape(len(scores), -1)
    return np.stack([scores, np.ones_like(scores)], axis=-1)


def _independent(modalities: tuple[str, ...]) -> tuple[str, ...]:
    """The modalities whose attention is compared: only the first of two, since the two add up to 1."""
    return modalities[:1] if len(modalities) == 2 else modalities


def _attention_parts(run: Run) -> np.ndarray:
    """Mean attention on each modality that is compared, (sample, modality, 2)."""
    mean = mean_attention(run, "best").mean(axis=2)[:, : len(_independent(run.header.modalities))]
    return np.stack([mean, np.ones_like(mean)], axis=-1)


def differences(kind: Kind, stacked: np.ndarray, groups: np.ndarray | None = None) -> list[dict[str, Any]]:
    """The rows of `comparison` of one pair of settings and one kind, without ``p_holm``.

    Parameters
    ----------
    kind
        The quantities.
    stacked
        The parts of both settings, of shape (seed, sample, side, *cells).
    groups
        The group of each sample, as `mbias.stats.estimates.estimate` takes it.

    Returns
    -------
    list of dict
        One row per quantity, with ``by_seed``, the values of both settings, (seed, 2).
    """
    # Counted from the end, the side has the same axis in the sums.
    side = 2 - stacked.ndim

    def statistic(sums: np.ndarray) -> np.ndarray:
        a, b = (ratio(sums.take(index, axis=side)) for index in (0, 1))
        return np.stack([a, b, b - a], axis=-2)

    estimated = estimate(stacked, statistic, groups=groups)
    ends = estimated.interval()
    p = no_difference(estimated)[2]
    units = "samples" if groups is None else "groups"
    several = estimated.seeds > 1
    d_z = standardised(estimated.by_seed[:, 2] if several else statistic(stacked[0])[:, 2])
    delta = cliffs_delta(estimated.by_seed[:, 1], estimated.by_seed[:, 0])
    return [
        {
            "quantity": quantity,
            "level": level,
            **{
                f"{name}{end}": float(array[row, i])
                for row, name in enumerate(("value_a", "value_b", "difference"))
                for end, array in (("", estimated.point), ("_low", ends[0]), ("_high", ends[1]))
            },
            "d_z": float(d_z[i]),
            "cliffs_delta": float(delta[i]) if several else np.nan,
            "p": float(p[i]),
            "tested": f"seeds and {units}" if several else units,
            "by_seed": estimated.by_seed[:, :2, i],
        }
        for i, (quantity, level) in enumerate(kind.quantities)
    ]
