"""Does L_wsl run along L_a or along L_v, and is that more than the smoothing's own floor? (Fig. 2, Eq. 3-6)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mbias.analysis.measures.pooling import SEGMENTED
from mbias.analysis.settings import IDENTITY, Setting, identified, of_several_seeds, one_variant, over_seeds
from mbias.errors import BadInputError
from mbias.records.commits import Commit
from mbias.records.run import Run
from mbias.records.study import Study
from mbias.stats.intervals import student
from mbias.tables.layout import RUN, SHARED, Layout, number, with_interval
from mbias.tables.names import format_ratio, loss_name, setting_names, subscript

EVEN = 1.1
"""Errors within this factor of each other are called the same."""

KINDS = ("optimised", "excess", "hard")
"""A loss as optimised; less its floor, the entropy of the labels trained on; against labels without smoothing."""


LAYOUTS = {
    "coincidence": Layout(
        (*RUN, "kind"),
        ("modality",),
        {"MSE_wsl,{}": number("mse", ".1e"), "ratio {}": lambda row: format_ratio(row.ratio)},
    ),
    "seeds": Layout(
        (*SHARED, "kind"),
        ("modality",),
        {
            "MSE_wsl,{}": with_interval("mse", ".1e"),
            "ratio {}": with_interval("ratio", ".3g"),
            "seeds": number("seeds", ".0f"),
        },
    ),
    "curves": Layout(
        (*SHARED, "loss", "epoch"), ("kind",), {"{}": with_interval("value", ".4f"), "seeds": number("seeds", ".0f")}
    ),
    "residuals": Layout(
        (*RUN, "epoch"),
        (),
        {"largest": number("largest", ".3g"), "mean": with_interval("mean", ".2e"), "Eq. 3": number("eq3", ".0e")},
    ),
}


def curves(study: Study) -> pd.DataFrame:
    """Every loss at every epoch, over seeds.

    Returns
    -------
    pandas.DataFrame
        A row a setting, epoch, loss and kind: ``loss`` is a modality's name or the joint loss's, ``kind`` one of
        `KINDS`, ``value`` in nats, a mean over the epoch, the videos, the categories and the ``seeds``, with the ends
        of its 95 % interval over seeds, ``value_low`` and ``value_high``. ``joint`` marks L_wsl. The excess is
        ``optimised - floor``, a Kullback-Leibler divergence: 0 where the network fits its labels, smoothed or not.
        An external run without floors or hard losses has the kind ``optimised`` only.

    Raises
    ------
    BadInputError
        If a run has no epoch yet.
    """
    rows = []
    for run, identity in identified(study):
        run.commit()
        for commit in run.commits:
            for loss in run.header.losses:
                for kind, value in _kinds(commit, loss).items():
                    joint = loss == run.header.joint_loss
                    rows.append(
                        {**identity, "epoch": commit.epoch, "loss": loss, "joint": joint, "kind": kind, "value": value}
                    )
    if not rows:
        raise BadInputError(f"{study.runs[0].path}: it recorded no losses, so this does not apply; record them")
    table = pd.DataFrame(rows)
    least = 0 if table["value"].min() >= 0 else -np.inf
    return over_seeds(table, ["epoch", "loss", "joint", "kind"], {"value": (least, np.inf)})


def coincidence(study: Study) -> pd.DataFrame:
    """How closely L_wsl runs along the loss of each modality: the paper's MSE_wsl,a and MSE_wsl,v.

    MSE_wsl,m is the mean over epochs of (L_wsl - L_m)^2 (section 3). As optimised it is the paper's; smoothing adds
    the square of its floor to it with no bias needed, which ``excess`` takes off and ``hard`` never has.

    Returns
    -------
    pandas.DataFrame
        A row a run, kind (of `KINDS`) and modality: ``mse`` in nats squared, ``epochs`` the number averaged over, and
        ``ratio``, how many times the least ``mse`` of that run and kind it is (1 for the modality L_wsl runs along).

    Raises
    ------
    BadInputError
        If a run has no epoch, or no losses of single modalities.
    """
    rows = []
    for run, identity in identified(study):
        for kind in KINDS:
            errors = _squared_errors(run, kind)
            least = min(errors.values(), default=np.nan)
            rows += [
                {
                    **identity,
                    "kind": kind,
                    "modality": loss,
                    "mse": error,
                    "epochs": len(run.commits),
                    "ratio": error / least if least > 0 else np.nan,
                }
                for loss, error in errors.items()
            ]
    return pd.DataFrame(rows)


def seeds(study: Study) -> pd.DataFrame:
    """`coincidence` of every setting, over its seeds.

    Errors of different seeds differ by factors, so that means are geometric and intervals Student's on the logarithm.

    Returns
    -------
    pandas.DataFrame
        A row a setting, kind and modality: ``mse``, and ``ratio``, how many times the least mean ``mse`` of that
        setting and kind it is, each run beside itself; means over ``seeds`` runs, with the ends of their 95 %
        intervals over seeds, ``_low`` and ``_high``.

    Raises
    ------
    BadInputError
        As `coincidence`; or if no setting has two seeds.
    """
    return pd.DataFrame(
        [row for setting in of_several_seeds(study) for kind in KINDS for row in _over_seeds(setting, kind)]
    )


def residuals(study: Study) -> pd.DataFrame:
    """How far Eq. 6 is from Eq. 3, at the best and the last epoch where they hold the arrays for it.

    Eq. 3 makes p_wsl = sum over segments and modalities of W_tp W_av P. Eq. 6 rewrites it as the sum over modalities
    of W_m p_m, with p_m = sum over segments of W_tp P (Eq. 4, 5) and W_m the mean of W_av over segments. That is an
    identity only where W_av does not change along the video; this is what it leaves.

    Returns
    -------
    pandas.DataFrame
        A row a run and epoch: ``largest`` and ``mean`` absolute difference, in probability, over ``samples`` samples
        and all categories, the mean with its 95 % interval over samples, ``mean_low`` and ``mean_high``; and ``eq3``,
        the largest difference of the recorded p_wsl from Eq. 3, which is rounding.

    Raises
    ------
    BadInputError
        If no epoch of a run holds ``wav``, ``wtp``, ``p`` and ``p_joint``.
    """
    needed = {"wav", "wtp", "p", "p_joint"}
    rows = []
    for run, identity in identified(study):
        holding = [commit.epoch for commit in run.commits if needed <= set(commit.arrays)]
        kept = {run.commit("best").epoch, run.commit("last").epoch}
        epochs = [epoch for epoch in holding if epoch in kept] or holding[-1:]
        if not epochs:
            raise BadInputError(
                f"{run.path}: no epoch holds wav, wtp, p and p_joint, so Eq. 6 cannot be checked; record them"
            )
        for epoch in epochs:
            wav, wtp, p = (run.values(name, epoch, SEGMENTED) for name in ("wav", "wtp", "p"))
            joint = run.values("p_joint", epoch, ("sample", "category"))
            single = np.einsum("ntmc,ntmc->nmc", wtp, p, dtype=np.float64)
            difference = np.abs((wav.mean(axis=1, dtype=np.float64) * single).sum(axis=1) - joint)
            mean, low, high = student(difference.mean(axis=-1))
            exact = np.abs(np.einsum("ntmc,ntmc,ntmc->nc", wtp, wav, p, dtype=np.float64) - joint)
            rows.append(
                {
                    **identity,
                    "epoch": epoch,
                    "largest": difference.max(),
                    "mean": mean,
                    "mean_low": max(low, 0),
                    "mean_high": high,
                    "eq3": exact.max(),
                    "samples": len(joint),
                }
            )
    return pd.DataFrame(rows)


def finding(table: pd.DataFrame) -> list[str]:
    """What a table of `coincidence` says: a sentence a setting of one variant, with its numbers (means over seeds)."""
    rows, _ = one_variant(table)
    return [_sentence(setting, part) for setting, part in rows.groupby(setting_names(rows), sort=False)]


def _sentence(setting: str, rows: pd.DataFrame) -> str:
    errors = {kind: part.groupby("modality")["mse"].mean() for kind, part in rows.groupby("kind", sort=False)}
    paper = errors["optimised"].sort_values()
    near, far = str(paper.index[0]), str(paper.index[-1])
    if len(paper) < 2:
        return (
            f"{setting}: MSE_wsl,{subscript(near)} = {paper[near]:.1e}; there is no loss of another modality beside it."
        )
    ratios = {
        kind: of_kind[far] / of_kind[near] for kind, of_kind in errors.items() if {near, far} <= set(of_kind.index)
    }
    small, large = (f"MSE_wsl,{subscript(of)} = {paper[of]:.1e}" for of in (near, far))
    if ratios["optimised"] < EVEN:
        text = f"{setting}: L_wsl lies as near to {loss_name(near)} as to {loss_name(far)}: {small} and {large}"
    else:
        by = format_ratio(ratios["optimised"])
        text = f"{setting}: L_wsl lies nearer to {loss_name(near)}: {small} is {by} times below {large}"
    words = {"excess": "with the floors of smoothing taken off", "hard": "against hard labels"}
    beside = [
        f"{words[kind]} {format_ratio(ratio)} times"
        for kind, ratio in ratios.items()
        if kind in words and not np.isclose(ratio, ratios["optimised"])
    ]
    return f"{text} ({', '.join(beside)})." if beside else f"{text}."


def _over_seeds(setting: Setting, kind: str) -> list[dict[str, Any]]:
    errors = pd.DataFrame([_squared_errors(run, kind) for run in setting.runs])
    if errors.empty or not (errors > 0).all(axis=None):
        return []
    logs = np.log(errors)
    rows = []
    for loss in errors:
        row = {name: setting.identity[name] for name in IDENTITY} | {"kind": kind, "modality": loss}
        for name, values in (("mse", logs[loss]), ("ratio", logs[loss] - logs[logs.mean().idxmin()])):
            ends = np.exp(student(values.to_numpy()))
            row |= dict(zip((name, f"{name}_low", f"{name}_high"), ends, strict=True))
        rows.append(row)
    return rows


def _kinds(commit: Commit, loss: str) -> dict[str, float]:
    values = commit.losses.get(loss, {})
    kinds: dict[str, float] = {kind: values[kind] for kind in ("optimised", "hard") if kind in values}
    if "optimised" in values and "floor" in values:
        kinds["excess"] = values["optimised"] - values["floor"]
    return kinds


def _squared_errors(run: Run, kind: str) -> dict[str, float]:
    """Mean squared difference from the joint loss, of every loss that has the kind at every epoch."""
    run.commit()
    joint = run.header.joint_loss
    single = [loss for loss in run.header.losses if loss != joint]
    if not single:
        raise BadInputError(
            f"{run.path}: {joint!r} is its only loss; record a loss of each modality to compare it with"
        )
    known = {
        loss: np.array([_kinds(commit, loss).get(kind, np.nan) for commit in run.commits]) for loss in (joint, *single)
    }
    if kind == "optimised" and np.isnan(known[joint]).any():
        raise BadInputError(f"{run.path}: an epoch has no {joint!r} as optimised; record it with every epoch")
    errors = {loss: float(np.mean((known[joint] - known[loss]) ** 2)) for loss in single}
    return {loss: error for loss, error in errors.items() if np.isfinite(error)}
