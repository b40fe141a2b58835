"""What does a mitigation of modality bias change, beside training without one?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from mbias.analysis.compare import quantities, with_shared_seeds
from mbias.analysis.questions import Question, Table
from mbias.analysis.settings import SETTING_COLUMNS, Setting, settings
from mbias.arguments import counted
from mbias.errors import NotApplicableError
from mbias.records.run import Run
from mbias.records.study import StudyLike, open_study
from mbias.stats.improvement import probability_of_improvement
from mbias.stats.intervals import student
from mbias.stats.significance import benjamini_hochberg
from mbias.tables.layout import Layout, number, with_interval, with_left_out
from mbias.tables.names import setting_name
from mbias.terms import Level, Metric, smoothing_name

LEAST_USE = "use"
"""What a mitigation of modality bias is to raise: the share of the modality that is used least without it."""

SCORES = (Metric.TYPE_AVERAGE, Metric.AUDIO_ONLY, Metric.VISUAL_ONLY)
"""The F-scores that are compared, at segment level."""

TIME = "time"
"""Seconds of an epoch, relative to those without a mitigation."""


def changes(study: StudyLike) -> pd.DataFrame:
    """What each mitigation changes in scores, use of modalities, attention and time, paired by seed.

    Each setting with a mitigation is compared with the setting of the same variant, smoothing and control that has
    none. So are settings of another smoothing without a mitigation, the paper's own lever. Scores and attention are of
    the best epoch by validation, the use of modalities of the probed one.

    Parameters
    ----------
    study
        The study.

    Returns
    -------
    pandas.DataFrame
        One row per ``mitigation`` (of a smoothing, its name) and ``quantity``: the F-scores ``type_average``,
        ``audio_only`` and ``visual_only`` at segment level; ``use``, the share of the modality (``of``) that is used
        least without a mitigation, of two modalities; the ``balance``, or of more modalities each one's share; the
        ``attention``; and ``time``, the seconds of an epoch relative to those without. ``none`` and ``value`` are those
        without and with the mitigation, ``difference`` what it adds, each with the ends of its 95 % interval over seeds
        and samples, ``_low`` and ``_high`` (`mbias.compare`; of the time, over seeds). ``improvement`` is the
        probability that a seed with the mitigation is above a seed without it, with the ends of its interval over
        seeds. ``p`` is adjusted over all rows that have one by Benjamini and Hochberg's method. ``seeds`` is the number
        of seeds.

    Raises
    ------
    NotApplicableError
        If no setting has a mitigation, or none has a setting without one beside it.
    BadInputError
        If settings have no seed in common, or were recorded on different samples.

    Examples
    --------
    >>> table = mbias.mitigations(mbias.load_example())
    >>> use = table[table["quantity"] == "use"]
    >>> use[["mitigation", "of", "none", "value", "difference_low", "difference_high"]].round(2)
             mitigation     of  none  value  difference_low  difference_high
    4  modality_dropout  audio   0.1   0.39            0.21             0.37
    """
    rows: list[dict[str, Any]] = []
    reasons: dict[str, str] = {}
    pairs = list(_pairs(settings(open_study(study)), reasons))
    if not pairs:
        raise NotApplicableError(
            next(iter(reasons.values()), "no run has a mitigation; train some with `mitigation` in the study")
        )
    for name, without, mitigated in pairs:
        compared, not_applicable = quantities(without, mitigated)
        reasons |= not_applicable
        identity = {column: without.identity[column] for column in SETTING_COLUMNS}
        identity |= {"mitigation": name, "seeds": len(without.runs)}
        rows += [identity | row for row in _rows(without, mitigated, compared)]
    table = pd.DataFrame(rows)
    table["p"] = benjamini_hochberg(table["p"].to_numpy(float))
    return with_left_out(table, reasons)


def finding(table: pd.DataFrame) -> list[str]:
    """What a table of `changes` shows: which mitigations raise or lower the least use, and which the score."""
    sentences = []
    for key, rows in table.groupby(["variant", "smoothing", "control"], sort=False, dropna=False):
        variant, smoothing, control = (None if pd.isna(part) else str(part) for part in key)
        name = setting_name("", variant, smoothing, None, control)
        names = list(dict.fromkeys(rows["mitigation"]))
        parts = []
        for quantity, what in ((LEAST_USE, _of(rows)), (str(Metric.TYPE_AVERAGE), Metric.TYPE_AVERAGE.display_name)):
            of_quantity = rows[rows["quantity"] == quantity]
            if len(of_quantity):
                parts.append(f"{what} {_moved(of_quantity)}")
        compared = f"{counted(len(names), 'mitigation')} beside none ({rows['seeds'].iloc[0]} seeds, p adjusted)"
        sentences.append(f"{name}, {compared}: {'; '.join(parts)}.")
    return sentences


def _of(rows: pd.DataFrame) -> str:
    least = rows.loc[rows["quantity"] == LEAST_USE, "of"]
    return f"the use of {least.iloc[0]}" if len(least) else ""


def _moved(rows: pd.DataFrame) -> str:
    """Which mitigations raise and lower a quantity, beyond chance."""
    certain = rows[rows["p"] <= 0.05]
    up, down = (certain[np.sign(certain["difference"]) == sign]["mitigation"].tolist() for sign in (1, -1))
    texts = [f"{verb} by {', '.join(names)}" for verb, names in (("is raised", up), ("is lowered", down)) if names]
    return " and ".join(texts) or "is changed by none beyond chance"


def _pairs(of_study: list[Setting], reasons: dict[str, str]) -> Iterator[tuple[str, Setting, Setting]]:
    """The name of each mitigation, the setting without it and the one with it.

    Why settings are left out is added to ``reasons``.
    """
    plain = {_key(setting): setting for setting in of_study if setting.identity["mitigation"] is None}
    mitigated: dict[tuple[Any, ...], list[Setting]] = {}
    for setting in of_study:
        if setting.identity["mitigation"] is None:
            continue
        if _key(setting) not in plain:
            reasons[setting.display_name] = "the study has no such setting without a mitigation to compare with"
            continue
        mitigated.setdefault(_key(setting), []).append(setting)
    for key, with_one in mitigated.items():
        for setting in with_one:
            yield (str(setting.identity["mitigation"]), *with_shared_seeds(plain[key], setting))
        for other, setting in plain.items():
            if other != key and other not in mitigated and (other[0], other[2]) == (key[0], key[2]):
                yield (smoothing_name(str(setting.identity["smoothing"])), *with_shared_seeds(plain[key], setting))


def _key(setting: Setting) -> tuple[Any, ...]:
    return tuple(setting.identity[name] for name in ("variant", "smoothing", "control"))


def _rows(without: Setting, mitigated: Setting, compared: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in compared:
        score = row["quantity"] in SCORES and row["level"] == Level.SEGMENT
        if row["level"] and not score:
            continue
        if row["quantity"] == "balance":
            yield _row(_least_use(row, without.modalities))
        yield _row(row | {"of": ""})
    yield _row(_time(without, mitigated))


def _row(row: dict[str, Any]) -> dict[str, Any]:
    point, low, high = probability_of_improvement(row["by_seed"][:, 1], row["by_seed"][:, 0])
    renamed = {f"none{end}": row[f"value_a{end}"] for end in ("", "_low", "_high")}
    renamed |= {f"value{end}": row[f"value_b{end}"] for end in ("", "_low", "_high")}
    kept = {name: row[name] for name in ("quantity", "of", "difference", "difference_low", "difference_high", "p")}
    return renamed | kept | {"improvement": point, "improvement_low": low, "improvement_high": high}


def _least_use(balance: dict[str, Any], modalities: tuple[str, ...]) -> dict[str, Any]:
    """The share of the modality that is used least without a mitigation, from a row of the balance toward the first.

    The shares of two modalities are (1 + balance) / 2 and (1 - balance) / 2.
    """
    sign = -1 if balance["value_a"] >= 0 else 1
    row = {"quantity": LEAST_USE, "of": modalities[1] if sign < 0 else modalities[0], "p": balance["p"]}
    mirrored = {"": "", "_low": "_low", "_high": "_high"} if sign > 0 else {"": "", "_low": "_high", "_high": "_low"}
    for end, source in mirrored.items():
        row |= {f"{name}{end}": (1 + sign * balance[f"{name}{source}"]) / 2 for name in ("value_a", "value_b")}
        row[f"difference{end}"] = sign * balance[f"difference{source}"] / 2
    return row | {"by_seed": (1 + sign * balance["by_seed"]) / 2}


def _time(without: Setting, mitigated: Setting) -> dict[str, Any]:
    """The seconds of an epoch relative to those without a mitigation, with an interval over seeds."""
    logs = np.log([[_seconds(run) for run in setting.runs] for setting in (without, mitigated)])
    ratio, low, high = np.exp(student(logs[1] - logs[0]))
    ends = {"": ratio, "_low": low, "_high": high}
    values = {f"value_b{end}": float(value) for end, value in ends.items()}
    differences = {f"difference{end}": float(value) - 1 for end, value in ends.items()}
    one = {f"value_a{end}": 1.0 for end in ends}
    by_seed = np.exp(logs - logs[0]).T
    return {"quantity": TIME, "of": "", "p": np.nan, "by_seed": by_seed, **one, **values, **differences}


def _seconds(run: Run) -> float:
    """The median seconds of an epoch."""
    known = [commit.seconds for commit in run.commits if commit.seconds]
    return float(np.median(known)) if known else float("nan")


QUESTION = Question(
    name="mitigations",
    paper="section 6",
    tables=(
        Table(
            changes,
            Layout(
                ("variant", "smoothing", "mitigation", "control", "seeds", "quantity", "of"),
                (),
                {
                    "without": with_interval("none", ".3f"),
                    "with": with_interval("value", ".3f"),
                    "change": with_interval("difference", "+.3f"),
                    "p (BH)": number("p", ".3f"),
                    "P(above)": with_interval("improvement", ".2f"),
                },
            ),
            finding,
        ),
    ),
    drawn="changes",
)
