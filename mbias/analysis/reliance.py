"""Which modality do the predictions really depend on? (A test of the hypothesis of section 3.)

Every measure gives a number a for audio, or the first modality, and a number v for visual, or the second. Their balance
is (a - v) / (|a| + |v|), in [-1, 1], positive toward the first modality. The number of a category is a mean over the
samples that have the category. The overall number is a mean over categories with equal weights. v(av), v(a), v(v) and
v() are the values of an outcome (one of `mbias.analysis.measures.coalitions.OUTCOMES`) with both modalities, with audio
only (visual replaced), with visual only, and with neither. Costs are forward passes, for N samples and K draws of
permutations or donors.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from mbias.analysis.measures import parts, values
from mbias.analysis.measures.catalogue import (
    BALANCE,
    COOPERATION,
    PRIMARY,
    Estimates,
    Measure,
    estimates,
    primary_estimates,
    reused,
)
from mbias.analysis.measures.coalitions import enough
from mbias.analysis.measures.values import balance
from mbias.analysis.questions import Question, Table
from mbias.analysis.settings import Setting, reason_for
from mbias.errors import NotApplicableError
from mbias.records.study import StudyLike, open_study
from mbias.stats.estimates import Estimate
from mbias.stats.intervals import student
from mbias.tables.layout import Layout, with_interval, with_left_out
from mbias.tables.names import setting_name, subscript


def measures(study: StudyLike, precomputed: Estimates | None = None) -> pd.DataFrame:
    """Every measure of every setting, over all categories, with 95 % intervals over seeds and samples.

    Parameters
    ----------
    study
        A path, a `Run`, a list of these, or a `Study`.
    precomputed
        The `mbias.analysis.measures.catalogue.estimates` of the study, if they are already computed.

    Returns
    -------
    pandas.DataFrame
        One row per setting, ``measure`` (a ``kind``, an ``outcome`` and a ``baseline``) and modality (``both`` for
        cooperation): ``value``, in the units of the measure, and the ``balance`` of the two modalities, in [-1, 1],
        positive toward the first, each with the ends of its interval, ``_low`` and ``_high``; ``causal``, whether
        inputs were changed for the measure; the numbers of ``seeds`` and ``samples``. With one seed, the intervals are
        over samples only. The intervals of the gradient ratio, where it is recorded, are over seeds only.

    Raises
    ------
    NotApplicableError
        If a run was not probed, lacks labels, or does not have two modalities.
    BadInputError
        If a run or a probe is damaged.

    Examples
    --------
    >>> table = mbias.analysis.reliance.measures("models/demo")
    >>> shapley = table[table["measure"] == "Shapley (p, mean)"]
    >>> shapley[["smoothing", "modality", "value", "balance"]].round(2)
       smoothing modality  value  balance
    0       ls_a    audio   0.13    -0.54
    1       ls_a   visual   0.44    -0.54
    31      ls_v    audio   0.18    -0.34
    32      ls_v   visual   0.37    -0.34
    """
    rows: list[dict[str, Any]] = []
    estimated = reused(precomputed, study, estimates)
    reasons = dict(estimated.left_out)
    for setting, by_measure in estimated:
        for measure, of_measure in by_measure.items():
            rows += _rows(setting, measure, _columns(of_measure, 0), setting.modalities)
        joint = _columns(COOPERATION.estimate(setting), 0)
        rows += _rows(
            setting, COOPERATION, {**joint, "balance": np.nan, "balance_low": np.nan, "balance_high": np.nan}, ("both",)
        )
        try:
            rows += _gradient_rows(setting)
        except NotApplicableError as error:
            reasons["gradient"] = reason_for(error, setting.runs)
    return with_left_out(pd.DataFrame(rows), reasons)


def categories(study: StudyLike, precomputed: Estimates | None = None) -> pd.DataFrame:
    """Shapley values of p_wsl by category, with the training mean as the baseline, and their 95 % intervals.

    Parameters
    ----------
    study, precomputed
        As for `measures`.

    Returns
    -------
    pandas.DataFrame
        One row per setting, category (of at least `mbias.analysis.measures.coalitions.FEWEST` samples) and modality:
        ``shapley`` and ``balance``, each with the ends of its interval, ``_low`` and ``_high``; and ``samples``, the
        number of samples that have the category.

    Raises
    ------
    NotApplicableError, BadInputError
        As `measures`.
    """
    study = open_study(study)
    rows: list[dict[str, Any]] = []
    for setting, by_measure in reused(precomputed, study, primary_estimates):
        for index in np.flatnonzero(enough(setting.weak)):
            columns = _columns(by_measure[PRIMARY], 1 + int(index))
            for m, modality in enumerate(setting.modalities):
                rows.append(
                    {
                        **setting.identity,
                        "category": setting.categories[index],
                        "modality": modality,
                        **{f"shapley{end}": columns[f"value{end}"][m] for end in ("", "_low", "_high")},
                        **{f"balance{end}": columns[f"balance{end}"] for end in ("", "_low", "_high")},
                        "samples": int(setting.weak[:, index].sum()),
                    }
                )
    return pd.DataFrame(rows)


def agreement(study: StudyLike, precomputed: Estimates | None = None) -> pd.DataFrame:
    """Whether the measures agree: Spearman's rank correlation between their balances.

    Parameters
    ----------
    study, precomputed
        As for `measures`.

    Returns
    -------
    pandas.DataFrame
        Two rows per pair of measures, ``measure`` and ``other``, by what the correlation is ``over``: ``runs``, with
        one balance per run; or ``categories``, correlated within each run and averaged over runs. ``rho`` is in
        [-1, 1], ``number`` is the number of runs, and ``rho_low`` and ``rho_high`` are the ends of a 95 % interval.
        Over runs, the interval is by Fisher's transformation; it treats the runs of one setting as independent, and is
        unknown for fewer than 5 runs. Over categories, it is from the spread between runs, and is unknown for one run.

    Raises
    ------
    NotApplicableError, BadInputError
        As `measures`.
    """
    study = open_study(study)
    cells: dict[str, list[np.ndarray]] = {}
    estimated = reused(precomputed, study, estimates)
    for setting, by_measure in estimated:
        kept = np.concatenate([[True], enough(setting.weak)])
        for measure, of_measure in by_measure.items():
            balances = np.where(kept, of_measure.by_seed[..., 2], np.nan)
            cells.setdefault(measure.display_name, []).append(balances)
    whole = {name: np.concatenate(balances) for name, balances in cells.items()}
    runs = max(map(len, whole.values()))
    whole = {name: values for name, values in whole.items() if len(values) == runs}
    rows = []
    for first, second in itertools.combinations(whole, 2):
        rows.append(
            {"over": "runs", "measure": first, "other": second, **_over_runs(whole[first][:, 0], whole[second][:, 0])}
        )
        rows.append(
            {
                "over": "categories",
                "measure": first,
                "other": second,
                **_over_categories(whole[first][:, 1:], whole[second][:, 1:]),
            }
        )
    table = pd.DataFrame(rows).assign(simulated=study.simulated)
    table = table.sort_values("over", ascending=False, kind="stable", ignore_index=True)
    return with_left_out(table, estimated.left_out)


def finding(table: pd.DataFrame) -> list[str]:
    """What a table of `measures` shows: one sentence per setting, with the primary measure and the attention."""
    names = ["variant", "smoothing", "control", "run"]
    return [_sentence(rows) for _, rows in table.groupby(names, sort=False, dropna=False)]


QUESTION = Question(
    name="reliance",
    paper="the hypothesis of section 3",
    tables=(
        Table(
            measures,
            Layout(
                ("variant", "smoothing", "control", "measure"),
                ("modality",),
                {"{}": with_interval("value", ".3f"), "balance": with_interval("balance", ".2f")},
            ),
            finding,
        ),
        Table(
            categories,
            Layout(
                ("variant", "smoothing", "control", "category", "samples"),
                ("modality",),
                {"S_{}": with_interval("shapley", ".3f"), "balance": with_interval("balance", ".2f")},
            ),
        ),
        Table(
            agreement,
            Layout(
                ("over", "measure", "other"),
                (),
                {"rho": with_interval("rho", ".2f"), "number": lambda row: str(row.number)},
            ),
        ),
    ),
    drawn="measures",
    definitions={
        "Shapley": values.shapley,
        "cooperation": values.cooperation,
        "drop": values.drops,
        "perceptual, utilisation": values.relative_drops,
        "swap": parts.swap_parts,
        "cross": parts.cross_parts,
        "attention": parts.attention_parts,
        "contribution": parts.contribution_parts,
        "branch score": parts.score_parts,
        "gradient": parts.gradient_ratio,
    },
)


def _sentence(rows: pd.DataFrame) -> str:
    primary = rows[rows["measure"] == PRIMARY.display_name]
    first, second = primary.itertuples()
    sources = " and ".join(
        f"{row.value:.3f} [{row.value_low:.3f}, {row.value_high:.3f}] from {row.modality}" for row in (first, second)
    )
    text = (
        f"{setting_name(first.run, first.variant, first.smoothing, first.control)}: p_wsl on the labels that are "
        f"present gets {sources} (Shapley values); "
        f"balance {first.balance:+.2f} [{first.balance_low:+.2f}, {first.balance_high:+.2f}]"
    )
    attention = rows[(rows["measure"] == "attention") & (rows["modality"] == first.modality)]
    if attention.empty:
        return f"{text}."
    return f"{text}; the attention W_{subscript(first.modality)} is {attention['value'].iloc[0]:.3f}."


def _columns(estimated: Estimate, row: int) -> dict[str, Any]:
    low, high = estimated.interval()
    low_balance, high_balance = estimated.interval(bounds=BALANCE)
    return {
        "value": estimated.point[row, :2],
        "value_low": low[row, :2],
        "value_high": high[row, :2],
        "balance": estimated.point[row, 2],
        "balance_low": low_balance[row, 2],
        "balance_high": high_balance[row, 2],
    }


def _rows(
    setting: Setting, measure: Measure, columns: dict[str, Any], modalities: Sequence[str]
) -> list[dict[str, Any]]:
    return [
        {
            **setting.identity,
            "measure": measure.display_name,
            "kind": measure.name,
            "outcome": measure.outcome,
            "baseline": measure.baseline,
            "modality": modality,
            **{name: value[m] if name.startswith("value") else value for name, value in columns.items()},
            "causal": measure.causal,
            "samples": setting.samples,
        }
        for m, modality in enumerate(modalities)
    ]


def _gradient_rows(setting: Setting) -> list[dict[str, Any]]:
    norms = np.stack([parts.gradient_ratio(run) for run in setting.runs])
    norms = np.concatenate([norms, balance(norms[:, 0], norms[:, 1])[:, None]], axis=1)
    point, low, high = student(norms)
    columns = {
        "value": point[:2],
        "value_low": low[:2],
        "value_high": high[:2],
        "balance": point[2],
        "balance_low": max(low[2], -1.0),
        "balance_high": min(high[2], 1.0),
    }
    return _rows(setting, Measure("gradient", "", "", PRIMARY.estimate, causal=False), columns, setting.modalities)


def _over_runs(first: np.ndarray, second: np.ndarray) -> dict[str, Any]:
    known = ~np.isnan(first) & ~np.isnan(second)
    number = int(known.sum())
    rho = _spearman(first[known], second[known])
    low = high = np.nan
    if number >= 5 and abs(rho) < 1:
        # The variance of Fisher's z for ranks is that of Bonett & Wright 2000.
        half = ndtri(0.975) * np.sqrt((1 + rho**2 / 2) / (number - 3))
        low, high = np.tanh(np.arctanh(rho) + np.array([-half, half]))
    return {"rho": rho, "rho_low": low, "rho_high": high, "number": number}


def _over_categories(first: np.ndarray, second: np.ndarray) -> dict[str, Any]:
    by_run = []
    for a, b in zip(first, second, strict=True):
        known = ~np.isnan(a) & ~np.isnan(b)
        by_run.append(_spearman(a[known], b[known]))
    rhos = np.array(by_run)[~np.isnan(by_run)]
    if not len(rhos):
        return {"rho": np.nan, "rho_low": np.nan, "rho_high": np.nan, "number": 0}
    rho, low, high = np.clip(student(rhos), -1, 1)
    return {"rho": rho, "rho_low": low, "rho_high": high, "number": len(rhos)}


def _spearman(first: np.ndarray, second: np.ndarray) -> float:
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(pd.Series(first).rank(), pd.Series(second).rank())[0, 1])
