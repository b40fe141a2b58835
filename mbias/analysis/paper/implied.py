"""The delta of label smoothing that MSE_wsl,m implies, measured and published."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from mbias.analysis.paper.floor import floor, implied_delta
from mbias.analysis.paper.published import beside, fig2, with_checks
from mbias.analysis.per_run.squared_errors import error_rows
from mbias.analysis.settings import SETTING_COLUMNS, Setting, settings
from mbias.errors import NotApplicableError
from mbias.records.study import StudyLike, open_study
from mbias.tables.layout import SHARED, Layout, number, with_interval, with_left_out, with_remarks
from mbias.tables.names import setting_name, subscript
from mbias.terms import Modality, recorded_smoothing

_MSE, _IMPLIED = with_interval("mse", ".3g"), with_interval("implied", ".3f")


ABOVE = (
    "A floor share above 100 %: over the epochs, L_wsl is on average larger than the excess of L_m over its floor, as "
    "early in training, and the implied delta is too small."
)
"""What a floor share above 1 means."""


def _delta(row: Any) -> str:
    return f"if {row.delta:g}" if row.delta and row.source == "published" else f"{row.delta:g}"


def _implied(row: Any) -> str:
    return (_IMPLIED(row) or "above every floor") if row.delta else "not smoothed"


LAYOUT = Layout(
    (*SHARED, "source", "modality"),
    (),
    {
        "MSE": _MSE,
        "delta": _delta,
        "implied delta": _implied,
        "floor share": number("floor_share", ".0%"),
    },
)


def implied(study: StudyLike, published: bool = False) -> pd.DataFrame:
    """MSE_wsl,m of the optimised losses, the delta that it implies, and how much of it is the floor of smoothing.

    Parameters
    ----------
    study
        A path, a `Run`, a list of these, or a `Study`.
    published
        Whether to set the two numbers that the paper gives with Fig. 2 beside those of A_cross + V_cross, LS-V.

    Returns
    -------
    pandas.DataFrame
        One row per setting, source and modality: ``mse``, in nats squared, a geometric mean over ``seeds``; ``delta``,
        that of the labels of the modality; ``implied``, the delta whose squared floor is the ``mse``
        (`mbias.analysis.paper.floor.implied_delta`); and ``floor_share``, the squared floor of ``delta``, divided by
        the ``mse``: 1 where the MSE is nothing but floor, and above 1 only if L_wsl, averaged over epochs, is larger
        than the excess of L_m over its floor. ``mse`` and ``implied`` have 95 % intervals over seeds, ``_low`` and
        ``_high``. A modality whose labels are not smoothed (``delta`` 0) has no floor, so that ``implied`` and
        ``floor_share`` are NaN, as ``implied`` is where the MSE is above every floor.

        ``source`` is ``measured`` or ``published``. The paper gives no delta, so a published row has the ``delta`` of
        the measured one that it stands beside, and its ``floor_share`` is that of this delta. At the implied delta, it
        would be 1 by definition.

    Raises
    ------
    NotApplicableError
        If no run has losses of single modalities and a recorded smoothing with K = 2.
    BadInputError
        If a run has no epoch yet.

    Examples
    --------
    >>> study = mbias.load_example().select(variant="across_vcross")
    >>> table = mbias.losses(study, table="implied", published=True)
    >>> table.loc[table["modality"] == "visual", ["smoothing", "source", "delta", "implied", "floor_share"]].round(3)
      smoothing     source  delta  implied  floor_share
    1     no_ls   measured    0.0      NaN          NaN
    3      ls_v   measured    0.1    0.080        1.385
    5      ls_v  published    0.1    0.198        0.379
    """
    rows: list[dict[str, Any]] = []
    reasons: dict[str, str] = {}
    study = open_study(study)
    for setting in settings(study):
        smoothing = recorded_smoothing(setting.identity["smoothing"])
        if smoothing is None or setting.modalities != tuple(Modality):
            reasons[setting.display_name] = "it is not recorded which labels were smoothed"
        elif smoothing.k != 2:
            reasons[setting.display_name] = "K is not 2, so that the floor depends on the labels"
        elif found := [row for row in error_rows(setting, "optimised") if row["modality"] in set(Modality)]:
            of_setting = [row | {"source": "measured"} for row in found] + (_published(setting) if published else [])
            rows += [row | _floors(row, smoothing[row["modality"]]) for row in of_setting]
        else:
            reasons[setting.display_name] = "an MSE is 0, or a loss is not recorded at every epoch"
    if not rows:
        raise NotApplicableError(f"{study.runs[0].path}: {next(iter(reasons.values()))}, so an MSE implies no delta")
    table = pd.DataFrame(rows).drop(columns=["kind", "ratio", "ratio_low", "ratio_high"])
    if published and "published" not in set(table["source"]):
        reasons["published MSE"] = "none of these settings is A_cross + V_cross, LS-V"
    # Shown as more than 100 %.
    above = (table["floor_share"] >= 1.005) & (table["source"] == "measured")
    table = with_remarks(with_left_out(table, reasons), [ABOVE] * bool(above.any()))
    return with_checks(table) if published else table


def finding(table: pd.DataFrame) -> list[str]:
    """What a table of `implied` shows of each setting that has a measured and a published MSE, by modality."""
    sentences = []
    for (variant, smoothing, _), rows in table.groupby(["variant", "smoothing", "modality"], sort=False):
        sources = {row.source: row for row in rows[rows["control"].isna() & rows["mitigation"].isna()].itertuples()}
        if len(sources) < 2:
            continue
        measured, paper = sources["measured"], sources["published"]
        name = setting_name("", variant, smoothing, None, None)
        text = f"{name}: MSE_wsl,{subscript(measured.modality)} is {_MSE(measured)}, published {_MSE(paper)}."
        if measured.delta:
            text += (
                f" The implied delta is {_implied(measured)}, published {_implied(paper)}. The squared floor of delta "
                f"{measured.delta:g} is {measured.floor_share:.0%} of the measured and {paper.floor_share:.0%} of the "
                "published MSE."
            )
        sentences.append(text)
    return sentences


def _published(setting: Setting) -> list[dict[str, Any]]:
    """The published rows that belong beside those of a setting."""
    if not setting.of_paper:
        return []
    unknown = dict.fromkeys(SETTING_COLUMNS) | {"seeds": pd.NA, "simulated": False, "source": "published"}
    return [unknown | row for row in beside(pd.DataFrame([setting.identity]), fig2()).to_dict("records")]


def _floors(row: dict[str, Any], delta: float) -> dict[str, float]:
    ends = {end: implied_delta(row.get(f"mse{end}", math.nan)) if delta else math.nan for end in ("", "_low", "_high")}
    share = floor(delta) ** 2 / row["mse"] if delta else math.nan
    return {"delta": delta, **{f"implied{end}": at for end, at in ends.items()}, "floor_share": share}
