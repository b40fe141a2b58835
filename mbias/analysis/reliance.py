"""Which modality do the predictions really depend on? (Section 3's hypothesis, tested.)

Every measure gives a number for each modality and, of two modalities, a balance in [-1, 1], positive toward the first
(audio): (a - v) / (|a| + |v|). Numbers of categories are means over the samples that have the category; overall they
are means over categories, each weighing the same. Write v(av), v(a), v(v), v() for the value of an outcome
(`mbias.analysis.measures.coalitions.OUTCOMES`) with both modalities, with only audio (visual replaced), only visual,
and none.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from mbias.analysis.measures.catalogue import (
    BALANCE,
    COOPERATION,
    PRIMARY,
    Estimates,
    Measure,
    estimates,
    primary_estimates,
)
from mbias.analysis.measures.coalitions import enough
from mbias.analysis.measures.parts import gradient_ratio
from mbias.analysis.measures.values import balance
from mbias.analysis.settings import Setting, setting_name
from mbias.errors import BadInputError
from mbias.records.study import Study
from mbias.stats.estimates import Estimate
from mbias.stats.intervals import student
from mbias.tables.layout import Layout, with_interval
from mbias.tables.names import subscript

# ---------------------------------------------------------------------------------------------------------------------
# From the values of the four coalitions, (..., 4), to numbers (..., k); plain arithmetic, no records.


# ---------------------------------------------------------------------------------------------------------------------
# From a run to numerators and denominators by sample, category and modality: (sample, category, 2, 2).


# ---------------------------------------------------------------------------------------------------------------------


LAYOUTS = {
    "measures": Layout(
        ("variant", "smoothing", "control", "measure"),
        ("modality",),
        {"{}": with_interval("value", ".3f"), "balance": with_interval("balance", ".2f")},
    ),
    "categories": Layout(
        ("variant", "smoothing", "control", "category", "samples"),
        ("modality",),
        {"S_{}": with_interval("shapley", ".3f"), "balance": with_interval("balance", ".2f")},
    ),
    "agreement": Layout(
        ("over", "measure", "other"), (), {"rho": with_interval("rho", ".2f"), "number": lambda row: str(row.number)}
    ),
}


def measures(study: Study, found: Estimates | None = None) -> pd.DataFrame:
    """Every measure of every setting, over all categories, with 95 % intervals over its seeds and samples.

    Parameters
    ----------
    found
        The study's `estimates`, where they are at hand.

    Returns
    -------
    pandas.DataFrame
        A row a setting, ``measure`` (of a ``kind``, ``outcome`` and ``baseline``) and modality (``both`` for
        cooperation): ``value`` with ``value_low`` and ``value_high``, in the measure's own units; ``balance`` of the
        two modalities with its ends, in [-1, 1], positive toward the first; ``causal``, whether inputs were changed
        for it; ``seeds`` and ``samples``. With one seed the interval is over samples only. The gradient ratio, where
        recorded, has an interval over seeds only.

    Raises
    ------
    BadInputError
        If a run is not probed or has not two modalities.
    """
    rows: list[dict[str, Any]] = []
    for setting, by_measure in found or estimates(study):
        for measure, of_measure in by_measure.items():
            rows += _rows(setting, measure, _columns(of_measure, 0), setting.modalities)
        joint = _columns(COOPERATION.estimate(setting), 0)
        rows += _rows(
            setting, COOPERATION, {**joint, "balance": np.nan, "balance_low": np.nan, "balance_high": np.nan}, ("both",)
        )
        rows += _gradient_rows(setting)
    return pd.DataFrame(rows)


def categories(study: Study, found: Estimates | None = None) -> pd.DataFrame:
    """Shapley values of p_wsl, the training mean standing in, by category, with 95 % intervals.

    Parameters
    ----------
    found
        The study's `estimates`, where they are at hand.

    Returns
    -------
    pandas.DataFrame
        A row a setting, category (with `FEWEST` samples or more) and modality: ``shapley`` and ``balance``, each with
        ``_low`` and ``_high``; ``samples`` is how many have the category.
    """
    rows: list[dict[str, Any]] = []
    for setting, by_measure in found or primary_estimates(study):
        for place in np.flatnonzero(enough(setting.weak)):
            columns = _columns(by_measure[PRIMARY], 1 + int(place))
            for m, modality in enumerate(setting.modalities):
                rows.append(
                    {
                        **setting.identity,
                        "category": setting.categories[place],
                        "modality": modality,
                        **{f"shapley{end}": columns[f"value{end}"][m] for end in ("", "_low", "_high")},
                        **{f"balance{end}": columns[f"balance{end}"] for end in ("", "_low", "_high")},
                        "samples": int(setting.weak[:, place].sum()),
                    }
                )
    return pd.DataFrame(rows)


def agreement(study: Study, found: Estimates | None = None) -> pd.DataFrame:
    """Whether the measures agree: Spearman's rank correlation of their balances.

    Parameters
    ----------
    found
        The study's `estimates`, where they are at hand.

    Returns
    -------
    pandas.DataFrame
        A row a pair of measures and ``over`` what: ``runs`` (one balance a run) or ``categories`` (within a run, the
        mean over runs): ``rho`` in [-1, 1], ``number`` of runs, and 95 % ends ``rho_low``, ``rho_high``: over runs by
        Fisher's transformation (unknown below 5 runs; runs of one setting are taken as independent), over categories
        by the spread between runs (unknown for one).
    """
    cells: dict[str, list[np.ndarray]] = {}
    for setting, by_measure in found or estimates(study):
        kept = np.concatenate([[True], enough(setting.weak)])
        for measure, of_measure in by_measure.items():
            balances = np.where(kept, of_measure.by_seed[..., 2], np.nan)
            cells.setdefault(measure.display_name, []).append(balances)
    whole = {name: np.concatenate(found) for name, found in cells.items()}
    runs = max(map(len, whole.values()))
    whole = {name: values for name, values in whole.items() if len(values) == runs}
    rows = []
    for one, other in itertools.combinations(whole, 2):
        rows.append(
            {"over": "runs", "measure": one, "other": other, **_over_runs(whole[one][:, 0], whole[other][:, 0])}
        )
        rows.append(
            {
                "over": "categories",
                "measure": one,
                "other": other,
                **_over_categories(whole[one][:, 1:], whole[other][:, 1:]),
            }
        )
    simulated = study.simulated
    return (
        pd.DataFrame(rows)
        .assign(simulated=simulated)
        .sort_values("over", ascending=False, kind="stable", ignore_index=True)
    )


def finding(table: pd.DataFrame) -> list[str]:
    """What a table of `measures` says: a sentence a setting, by the primary measure and what others say of it."""
    names = ["variant", "smoothing", "control", "run"]
    return [_sentence(rows) for _, rows in table.groupby(names, sort=False, dropna=False)]


def _sentence(rows: pd.DataFrame) -> str:
    primary = rows[rows["measure"] == PRIMARY.display_name]
    first, second = primary.itertuples()
    values = " and ".join(
        f"{row.value:.3f} [{row.value_low:.3f}, {row.value_high:.3f}] from {row.modality}" for row in (first, second)
    )
    text = (
        f"{setting_name(first.run, first.variant, first.smoothing, first.control)}: of p_wsl on the labels that are "
        f"present, {values} (Shapley values); "
        f"balance {first.balance:+.2f} [{first.balance_low:+.2f}, {first.balance_high:+.2f}]"
    )
    attention = rows[(rows["measure"] == "attention") & (rows["modality"] == first.modality)]
    if attention.empty:
        return f"{text}."
    return f"{text}; its attention W_{subscript(first.modality)} is {attention['value'].iloc[0]:.3f}."


def _columns(found: Estimate, row: int) -> dict[str, Any]:
    low, high = found.interval()
    low_balance, high_balance = found.interval(bounds=BALANCE)
    return {
        "value": found.point[row, :2],
        "value_low": low[row, :2],
        "value_high": high[row, :2],
        "balance": found.point[row, 2],
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
    try:
        norms = np.stack([gradient_ratio(run) for run in setting.runs])
    except BadInputError:
        return []
    values = np.concatenate([norms, balance(norms[:, 0], norms[:, 1])[:, None]], axis=1)
    point, low, high = student(values)
    columns = {
        "value": point[:2],
        "value_low": low[:2],
        "value_high": high[:2],
        "balance": point[2],
        "balance_low": max(low[2], -1.0),
        "balance_high": min(high[2], 1.0),
    }
    return _rows(setting, Measure("gradient", "", "", PRIMARY.estimate, causal=False), columns, setting.modalities)


def _over_runs(one: np.ndarray, other: np.ndarray) -> dict[str, Any]:
    known = ~np.isnan(one) & ~np.isnan(other)
    number = int(known.sum())
    rho = _spearman(one[known], other[known])
    low = high = np.nan
    if number >= 5 and abs(rho) < 1:
        # The variance of Fisher's z for ranks: Bonett & Wright 2000.
        half = ndtri(0.975) * np.sqrt((1 + rho**2 / 2) / (number - 3))
        low, high = np.tanh(np.arctanh(rho) + np.array([-half, half]))
    return {"rho": rho, "rho_low": low, "rho_high": high, "number": number}


def _over_categories(one: np.ndarray, other: np.ndarray) -> dict[str, Any]:
    found = []
    for a, b in zip(one, other, strict=True):
        known = ~np.isnan(a) & ~np.isnan(b)
        found.append(_spearman(a[known], b[known]))
    rhos = np.array(found)[~np.isnan(found)]
    if not len(rhos):
        return {"rho": np.nan, "rho_low": np.nan, "rho_high": np.nan, "number": 0}
    rho, low, high = np.clip(student(rhos), -1, 1)
    return {"rho": rho, "rho_low": low, "rho_high": high, "number": len(rhos)}


def _spearman(one: np.ndarray, other: np.ndarray) -> float:
    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(np.corrcoef(pd.Series(one).rank(), pd.Series(other).rank())[0, 1])
