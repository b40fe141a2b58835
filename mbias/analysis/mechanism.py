"""Given p_a and p_v, which attention minimises L_wsl, and is it the trained one? (Section 5.3, Eq. 6)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mbias.analysis.groups import IDENTITY, Setting, settings
from mbias.analysis.labels import label, setting_names, short
from mbias.analysis.layout import Layout, number
from mbias.analysis.pooling import pooled
from mbias.errors import BadInputError
from mbias.records.run import Run
from mbias.records.study import Study
from mbias.records.summary import aligned
from mbias.terms import PRESETS, Smoothing

_LEAST = 1e-7
_HALVINGS = 50

LAYOUTS = {
    "optima": Layout(
        ("variant", "smoothing", "control", "seed", "category"),
        (),
        {
            "optimal W": number("optimum", ".3f"),
            "trained W": number("trained", ".3f"),
            "L at optimum": number("loss_optimum", ".4f"),
            "L at trained": number("loss_trained", ".4f"),
            "L at 1/2": number("loss_half", ".4f"),
        },
    ),
    "fitted": Layout(
        ("smoothing",),
        (),
        {
            "p_a of 1": number("p_first_present", ".3f"),
            "p_v of 1": number("p_second_present", ".3f"),
            "optimal W_a": lambda row: "any" if row.free else f"{row.optimum:.3f}",
            "L at optimum": number("loss_optimum", ".4f"),
            "L at W_a = 1": number("loss_first", ".4f"),
            "L at W_a = 0": number("loss_second", ".4f"),
        },
    ),
}


def best_weight(first: np.ndarray, second: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The weight W of the first modality that minimises the mean cross-entropy of W p_1 + (1 - W) p_2 (Eq. 6).

    The loss is convex in W (minus the logarithm of an affine function), so its slope is halved down to its zero. For
    a single cell the answer is in closed form: with the label present W = 1 where p_1 > p_2, without it W = 1 where
    p_1 < p_2, and any W where they are the same.

    Parameters
    ----------
    first, second
        Probabilities p_1 and p_2, (sample, ...).
    labels
        bool, of the same shape.

    Returns
    -------
    numpy.ndarray
        In [0, 1], of shape (...), one weight for all samples; 1/2 where every weight is as good.
    """
    low, high = np.zeros(first.shape[1:]), np.ones(first.shape[1:])
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        slope = _slope(middle, first, second, labels)
        low, high = np.where(slope < 0, middle, low), np.where(slope > 0, middle, high)
        both = slope == 0
        low, high = np.where(both, middle, low), np.where(both, middle, high)
    found: np.ndarray = (low + high) / 2
    return found


def joint_loss(weight: np.ndarray, first: np.ndarray, second: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean cross-entropy, in nats, of W p_1 + (1 - W) p_2 over the first axis."""
    p = np.clip(weight * first + (1 - weight) * second, _LEAST, 1 - _LEAST)
    loss: np.ndarray = -np.where(labels, np.log(p), np.log1p(-p)).mean(axis=0)
    return loss


def fitted(study: Study) -> pd.DataFrame:
    """What section 5.3 argues, for branches that fit their labels, smoothed or not, exactly.

    Then p_m is 1 - delta + delta / K where the label is present and delta / K where not, and L_wsl, whose labels are
    not smoothed, is least for all weight on a modality that is not smoothed; where both are alike it is flat.

    Returns
    -------
    pandas.DataFrame
        A row a smoothing of the study (the paper's four for foreign models): ``p_first_present``, ``p_second_present``;
        ``optimum`` weight of the first modality, ``free`` where all are as good; L_wsl, in nats, for a label present
        as for one absent, at the ``optimum`` and with all weight on either (``loss_first``, ``loss_second``).
    """
    found = settings(study)
    for setting in found:
        _check_two(setting)
    known = [setting.who["smoothing"] for setting in found if setting.who["smoothing"]]
    rows = []
    for name in dict.fromkeys(known) if known else PRESETS:
        smoothing = Smoothing.parse(name)
        one, other = (1 - smoothing[m] + smoothing[m] / smoothing.k for m in ("audio", "visual"))
        present = np.array([[True], [False]])
        first, second = (np.array([[p], [smoothing[m] / smoothing.k]]) for p, m in ((one, "audio"), (other, "visual")))
        optimum = best_weight(first, second, present)
        rows.append(
            {
                "smoothing": name,
                "p_first_present": one,
                "p_second_present": other,
                "optimum": float(optimum[0]),
                "free": bool(np.allclose(first, second)),
                **{
                    f"loss_{at}": float(joint_loss(np.array([w]), first, second, present)[0])
                    for at, w in (("optimum", optimum[0]), ("first", 1.0), ("second", 0.0))
                },
            }
        )
    return pd.DataFrame(rows)


def optima(study: Study, epoch: int | str = "last") -> pd.DataFrame:
    """The weight that minimises L_wsl for the p_a and p_v a run came to, beside the weight it was trained to.

    Returns
    -------
    pandas.DataFrame
        A row a run and category: ``optimum``, the weight of the first modality, one for all samples, that makes
        L_wsl least (`best_weight`); ``trained``, the mean of W_av over samples and segments; both in [0, 1]; L_wsl of
        Eq. 6 in nats at both and at equal weights (``loss_optimum``, ``loss_trained``, ``loss_half``); ``freedom``,
        how much of L_wsl depends on the weight: the loss at the worse end less that at the optimum;
        ``first`` and ``second``, the modalities' names.

    Raises
    ------
    BadInputError
        If a run has not two modalities, or that epoch not ``wav``, ``p`` and, with segments, ``wtp``.
    """
    rows: list[dict[str, Any]] = []
    for setting in settings(study):
        for run in setting.runs:
            rows += _of_run(setting, run, epoch)
    return pd.DataFrame(rows)


def finding(table: pd.DataFrame) -> list[str]:
    """What a table of `optima` says: a sentence a setting, means over categories and seeds."""
    sentences = []
    for name, rows in table.assign(setting=_labels(table)).groupby("setting", sort=False):
        near = (np.sign(rows["optimum"] - 0.5) == np.sign(rows["trained"] - 0.5)).mean()
        first = short(str(rows["first"].iloc[0]))
        sentences.append(
            f"{name}: for the p_a and p_v it came to, L_wsl is least at a mean W_{first} of "
            f"{rows['optimum'].mean():.2f}; trained is {rows['trained'].mean():.2f}, on the same side in {near:.0%} of "
            f"the categories; "
            f"L_wsl is {rows['loss_trained'].mean():.4f} there and {rows['loss_optimum'].mean():.4f} at the optimum."
        )
    return sentences


def _labels(table: pd.DataFrame) -> pd.Series:
    names = setting_names(table)
    if table["variant"].nunique() < 2:
        return names
    return table["variant"].map(lambda variant: label("variant", variant)) + ", " + names


def _check_two(setting: Setting) -> None:
    if len(setting.modalities) != 2:
        raise BadInputError(
            f"{setting.runs[0].path}: {len(setting.modalities)} modalities; Eq. 6 is for two, so this does not apply"
        )


def _of_run(setting: Setting, run: Run, epoch: int | str) -> list[dict[str, Any]]:
    _check_two(setting)
    wav, _ = aligned(run.values("wav", epoch), run.header.arrays["wav"], None, len(setting.categories))
    first, second = pooled(run, epoch, "p").swapaxes(0, 1)
    weak = setting.weak
    optimum, trained = (
        best_weight(first, second, weak),
        wav[..., 0, :].mean(axis=tuple(range(wav.ndim - 2)), dtype=float),
    )
    ends = [joint_loss(np.full_like(trained, end), first, second, weak) for end in (0.0, 0.5, 1.0)]
    least = joint_loss(optimum, first, second, weak)
    columns = {
        "optimum": optimum,
        "trained": trained,
        "loss_optimum": least,
        "loss_trained": joint_loss(trained, first, second, weak),
        "loss_half": ends[1],
        "freedom": np.maximum(ends[0], ends[2]) - least,
    }
    who = {name: setting.who[name] for name in IDENTITY} | {"run": run.name, "seed": run.seed}
    return [
        {
            **who,
            "epoch": run.commit(epoch).epoch,
            "first": setting.modalities[0],
            "second": setting.modalities[1],
            "category": category,
            **{name: float(values[c]) for name, values in columns.items()},
        }
        for c, category in enumerate(setting.categories)
    ]


def _slope(weight: np.ndarray, first: np.ndarray, second: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How the mean cross-entropy rises with the weight."""
    p = np.clip(weight * first + (1 - weight) * second, _LEAST, 1 - _LEAST)
    slope: np.ndarray = ((first - second) * np.where(labels, -1 / p, 1 / (1 - p))).mean(axis=0)
    return slope
