"""Given p_a and p_v, which attention minimises L_wsl, and is it the trained one? (Section 5.3, Eq. 6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from mbias.analysis.measures.pooling import pooled
from mbias.analysis.settings import IDENTITY, ONE_SEED, Setting, over_seeds, settings
from mbias.errors import BadInputError
from mbias.records.run import Run
from mbias.records.study import Study
from mbias.records.summary import aligned
from mbias.stats.intervals import student, t_quantile
from mbias.tables.layout import SHARED, Layout, number, with_interval
from mbias.tables.names import display_name, setting_names, subscript
from mbias.terms import PRESETS, Smoothing

_LEAST = 1e-7
_HALVINGS = 30

LAYOUTS = {
    "optima": Layout(
        ("variant", "smoothing", "control", "seed", "category"),
        (),
        {
            "optimal W": with_interval("optimum", ".3f"),
            "trained W": with_interval("trained", ".3f"),
            "L at optimum": number("loss_optimum", ".4f"),
            "L at trained": number("loss_trained", ".4f"),
            "L at 1/2": number("loss_half", ".4f"),
        },
    ),
    "seeds": Layout(
        SHARED,
        (),
        {
            "optimal W": with_interval("optimum", ".3f"),
            "trained W": with_interval("trained", ".3f"),
            "same side": with_interval("same_side", ".2f"),
            "lost": with_interval("lost", ".4f"),
            "seeds": number("seeds", ".0f"),
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
    return _crossing(lambda weight: _slopes(weight, first, second, labels).mean(axis=0), first.shape[1:])


def best_weight_interval(first: np.ndarray, second: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The weights that other samples could make the best: a 95 % interval for `best_weight`.

    Those at which the loss's mean slope is not off zero by Student's test over samples, so that the interval may end
    at 0 or 1, as the best weight itself; a test's inversion (Rao's score test), since that weight has no standard
    error there.

    Returns
    -------
    numpy.ndarray
        Low and high ends, of shape (2, ...).
    """
    samples = len(first)
    t = t_quantile(max(samples - 1, 1)) / np.sqrt(samples)

    def bound(sign: int) -> np.ndarray:
        def slope(weight: np.ndarray) -> np.ndarray:
            each = _slopes(weight, first, second, labels)
            return np.asarray(each.mean(axis=0) + sign * t * each.std(axis=0))

        return _crossing(slope, first.shape[1:])

    return np.stack([bound(1), bound(-1)])


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
        A row a smoothing of the study (the paper's four for external models): ``p_first_present``,
        ``p_second_present``; ``optimum`` weight of the first modality, ``free`` where all are as good; L_wsl, in
        nats, for a label present as for one absent, at the ``optimum`` and with all weight on either
        (``loss_first``, ``loss_second``).
    """
    found = settings(study)
    for setting in found:
        _check_two(setting)
    known = [setting.identity["smoothing"] for setting in found if setting.identity["smoothing"]]
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
        L_wsl least (`best_weight`); ``trained``, the mean of W_av over samples and segments; both in [0, 1], with
        their 95 % intervals over samples, the seed as it is, ``_low`` and ``_high``; L_wsl of Eq. 6 in nats at both
        and at equal weights (``loss_optimum``, ``loss_trained``, ``loss_half``); ``freedom``, how much of L_wsl
        depends on the weight: the loss at the worse end less that at the optimum; ``first`` and ``second``, the
        modalities' names.

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


def seeds(study: Study, epoch: int | str = "last") -> pd.DataFrame:
    """`optima` of every setting, means over categories, over its seeds.

    Returns
    -------
    pandas.DataFrame
        A row a setting of several seeds: ``optimum`` and ``trained`` weight of the first modality; ``same_side``, the
        share of categories in which both are on one side of 1/2; ``lost``, how much higher L_wsl of Eq. 6 is at the
        trained weights than at the best, in nats; means over ``seeds`` runs, with the ends of Student's 95 % intervals
        over seeds, ``_low`` and ``_high``.

    Raises
    ------
    BadInputError
        As `optima`; or if no setting has two seeds.
    """
    return of_settings(optima(study, epoch))


def of_settings(table: pd.DataFrame) -> pd.DataFrame:
    """The table `seeds`, from one of `optima`.

    Raises
    ------
    BadInputError
        If no setting has two seeds.
    """
    identity = ["run", "variant", "smoothing", "control", "simulated", "seed"]
    runs = [
        dict(zip(identity, run, strict=True)) | _means(rows)
        for run, rows in table.groupby(identity, sort=False, dropna=False)
    ]
    bounds = {"optimum": (0, 1), "trained": (0, 1), "same_side": (0, 1), "lost": (0, np.inf)}
    found = over_seeds(pd.DataFrame(runs), [], bounds)
    if found["seeds"].max() < 2:
        raise BadInputError(ONE_SEED)
    return found[found["seeds"] > 1].reset_index(drop=True)


def finding(table: pd.DataFrame) -> list[str]:
    """What a table of `optima` says: a sentence a setting, means over categories and seeds."""
    sentences = []
    for name, rows in table.assign(setting=_labels(table)).groupby("setting", sort=False):
        means = _means(rows)
        first = subscript(str(rows["first"].iloc[0]))
        sentences.append(
            f"{name}: for the p_a and p_v it came to, L_wsl is least at a mean W_{first} of {means['optimum']:.2f}; "
            f"trained is {means['trained']:.2f}, on the same side in {means['same_side']:.0%} of the categories; "
            f"L_wsl is {rows['loss_trained'].mean():.4f} there and {rows['loss_optimum'].mean():.4f} at the optimum."
        )
    return sentences


def _means(optima: pd.DataFrame) -> dict[str, float]:
    """Over the rows of a table of `optima`."""
    return {
        "optimum": optima["optimum"].mean(),
        "trained": optima["trained"].mean(),
        "same_side": float((np.sign(optima["optimum"] - 0.5) == np.sign(optima["trained"] - 0.5)).mean()),
        "lost": (optima["loss_trained"] - optima["loss_optimum"]).mean(),
    }


def _labels(table: pd.DataFrame) -> pd.Series:
    names = setting_names(table)
    if table["variant"].nunique() < 2:
        return names
    return table["variant"].map(lambda variant: display_name("variant", variant)) + ", " + names


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
    of_samples = wav[..., 0, :].mean(axis=tuple(range(1, wav.ndim - 2)), dtype=float)
    trained, *trained_ends = np.clip(student(of_samples), 0, 1)
    optimum, optimum_ends = best_weight(first, second, weak), best_weight_interval(first, second, weak)
    ends = [joint_loss(np.full_like(trained, end), first, second, weak) for end in (0.0, 0.5, 1.0)]
    least = joint_loss(optimum, first, second, weak)
    columns = {
        "optimum": optimum,
        "optimum_low": optimum_ends[0],
        "optimum_high": optimum_ends[1],
        "trained": trained,
        "trained_low": trained_ends[0],
        "trained_high": trained_ends[1],
        "loss_optimum": least,
        "loss_trained": joint_loss(trained, first, second, weak),
        "loss_half": ends[1],
        "freedom": np.maximum(ends[0], ends[2]) - least,
    }
    identity = {name: setting.identity[name] for name in IDENTITY} | {"run": run.name, "seed": run.seed}
    return [
        {
            **identity,
            "epoch": run.commit(epoch).epoch,
            "first": setting.modalities[0],
            "second": setting.modalities[1],
            "category": category,
            **{name: float(values[c]) for name, values in columns.items()},
        }
        for c, category in enumerate(setting.categories)
    ]


def _slopes(weight: np.ndarray, first: np.ndarray, second: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How each sample's cross-entropy rises with the weight."""
    p = np.clip(weight * first + (1 - weight) * second, _LEAST, 1 - _LEAST)
    slopes: np.ndarray = (first - second) / np.where(labels, -p, 1 - p)
    return slopes


def _crossing(slope: Callable[[np.ndarray], np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """Where in [0, 1] a rising slope crosses 0, by halving, or the end that is nearer to it; 1/2 where it is 0."""
    low, high = np.where(slope(np.ones(shape)) < 0, 1.0, 0.0), np.where(slope(np.zeros(shape)) > 0, 0.0, 1.0)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        at = slope(middle)
        low, high = np.where(at <= 0, middle, low), np.where(at >= 0, middle, high)
    return (low + high) / 2
