"""Given p_a and p_v, which attention minimises L_wsl, and is it the trained one? (Section 5.3, Eq. 6)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mbias.analysis.per_run.best_weight import best_weight, best_weight_interval, joint_loss
from mbias.analysis.per_run.mapping import mapped
from mbias.analysis.per_run.pooling import mean_attention, pooled
from mbias.analysis.questions import Question, Table
from mbias.analysis.settings import ONE_SEED, SETTING_COLUMNS, Setting, over_seeds, settings
from mbias.errors import NotApplicableError
from mbias.records.run import Run
from mbias.records.study import StudyLike, open_study
from mbias.stats.estimates import summed_by_group
from mbias.stats.intervals import linearised, student
from mbias.tables.layout import SHARED, Layout, number, with_interval, with_left_out
from mbias.tables.names import display_name, setting_name, setting_names, subscript
from mbias.tables.words import Words, with_words, words_of
from mbias.terms import PRESETS, Modality, Smoothing


def fitted(study: StudyLike) -> pd.DataFrame:
    """The argument of section 5.3, for branches that fit their labels exactly, smoothed or not.

    Such a branch has p_m = 1 - delta + delta / K where the label is present, and delta / K where it is absent. L_wsl,
    whose labels are not smoothed, is least with all weight on a modality that is not smoothed. Where both modalities
    are smoothed equally, L_wsl does not depend on the weight.

    Returns
    -------
    pandas.DataFrame
        One row per smoothing of the study (the four of the paper where none is recorded): ``p_first_present`` and
        ``p_second_present``, p_m where the label is present; ``optimum``, the optimal weight of the first modality;
        ``free``, whether every weight is optimal; and L_wsl, in nats, over one label that is present and one that is
        absent, at the optimum and with all weight on one modality (``loss_optimum``, ``loss_first``,
        ``loss_second``).

    Raises
    ------
    NotApplicableError
        If a run has other modalities than audio and visual.
    """
    study = open_study(study)
    members = settings(study)
    for setting in members:
        _check_paper(setting)
    known = [setting.identity["smoothing"] for setting in members if setting.identity["smoothing"]]
    rows = []
    for name in dict.fromkeys(known) if known else PRESETS:
        smoothing = Smoothing.parse(name)
        p_first, p_second = (1 - smoothing[m] + smoothing[m] / smoothing.k for m in ("audio", "visual"))
        present = np.array([[True], [False]])
        first, second = (
            np.array([[p], [smoothing[m] / smoothing.k]]) for p, m in ((p_first, "audio"), (p_second, "visual"))
        )
        optimum = best_weight(first, second, present)
        rows.append(
            {
                "smoothing": name,
                "p_first_present": p_first,
                "p_second_present": p_second,
                "optimum": float(optimum[0]),
                "free": bool(np.allclose(first, second)),
                **{
                    f"loss_{name}": float(joint_loss(np.array([w]), first, second, present)[0])
                    for name, w in (("optimum", optimum[0]), ("first", 1.0), ("second", 0.0))
                },
            }
        )
    return pd.DataFrame(rows)


def optima(study: StudyLike, epoch: int | str = "last") -> pd.DataFrame:
    """The weight that minimises L_wsl for the trained p_a and p_v, and the trained weight.

    Parameters
    ----------
    study
        A path, a `Run`, a list of these, or a `Study`.
    epoch
        A number from 1, ``"last"`` or ``"best"``, as in `Run.commit`.

    Returns
    -------
    pandas.DataFrame
        One row per run and category: ``optimum``, the weight of the first modality, the same for all samples, that
        minimises L_wsl (`best_weight`); and ``trained``, the mean of W_av over samples and segments. Both are in
        [0, 1] and have 95 % intervals over samples, ``_low`` and ``_high``, conditional on this seed. Of more than two
        modalities, there is a row for each ``modality``: ``first`` is that one, and ``second`` the others together, in
        the proportions of their trained weights.
        ``loss_optimum``, ``loss_trained`` and ``loss_half`` are L_wsl of Eq. 6, in nats, at the optimum, at the
        trained weight and at equal weights. ``freedom`` is how much L_wsl depends on the weight: the loss at the worse
        of the weights 0 and 1 minus the loss at the optimum. ``first`` and ``second`` are the names of the modalities.

    Raises
    ------
    NotApplicableError
        If the epoch lacks ``wav``, ``p`` or, with segments, ``wtp``.
    BadInputError
        If a run does not have that epoch, or is damaged.

    Examples
    --------
    >>> study = mbias.load_example().select(variant="across_vcross", seed=0)
    >>> table = mbias.analysis.mechanism.optima(study)
    >>> table[["smoothing", "category", "optimum", "trained"]].head(2).round(2)
      smoothing category  optimum  trained
    0     no_ls   Speech      1.0     0.46
    1     no_ls      Car      1.0     0.43
    """
    study = open_study(study)
    rows = [row for rows in mapped(_of_setting, settings(study), epoch) for row in rows]
    return with_words(pd.DataFrame(rows), Words.of(study))


def seeds(study: StudyLike, epoch: int | str = "last") -> pd.DataFrame:
    """`optima` of every setting, averaged over categories and seeds.

    Returns
    -------
    pandas.DataFrame
        One row per setting with two seeds or more (and, of more than two modalities, per ``modality``): ``optimum`` and
        ``trained``, weights of the first modality; ``same_side``, the share of categories in which both are on the
        same side of 1/2, or of 1/M of M modalities; and ``lost``, how much higher L_wsl of Eq. 6 is at the trained
        weights than at the optimum, in nats. All are means over ``seeds`` runs, with the ends of Student's 95 %
        intervals over seeds, ``_low`` and ``_high``.

    Raises
    ------
    NotApplicableError
        As `optima`; or if no setting has two seeds.
    BadInputError
        As `optima`.
    """
    study = open_study(study)
    return of_settings(optima(study, epoch))


def of_settings(table: pd.DataFrame) -> pd.DataFrame:
    """The table `seeds`, computed from a table of `optima`.

    Raises
    ------
    NotApplicableError
        If no setting has two seeds.
    """
    by = [name for name in ("modality",) if name in table]
    identity = ["run", "variant", "smoothing", "mitigation", "control", "simulated", "seed", *by]
    even = equal_weight(table)
    runs = [
        dict(zip(identity, run, strict=True)) | _means(rows, even)
        for run, rows in table.groupby(identity, sort=False, dropna=False)
    ]
    bounds = {"optimum": (0, 1), "trained": (0, 1), "same_side": (0, 1), "lost": (0, np.inf)}
    averaged = over_seeds(pd.DataFrame(runs), by, bounds)
    if averaged["seeds"].max() < 2:
        raise NotApplicableError(ONE_SEED)
    single = averaged[averaged["seeds"] < 2]
    names = [
        setting_name(row.run, row.variant, row.smoothing, row.mitigation, row.control) for row in single.itertuples()
    ]
    several = averaged[averaged["seeds"] > 1].reset_index(drop=True)
    return with_left_out(several, dict.fromkeys(names, "one seed"))


def finding(table: pd.DataFrame) -> list[str]:
    """What a table of `optima` shows: one sentence per setting, with means over categories and seeds."""
    loss, even = words_of(table).joint_loss, equal_weight(table)
    sentences = []
    for (name, _), rows in table.assign(setting=_setting_names(table)).groupby(["setting", "first"], sort=False):
        means = _means(rows, even)
        first, second = (subscript(str(rows[column].iloc[0])) for column in ("first", "second"))
        given = f"p_{first} and p_{second}" if even == 0.5 else f"p_{first} and the others in trained proportions"
        sentences.append(
            f"{name}: for the trained {given}, {loss} is least at a mean W_{first} of {means['optimum']:.2f}; the "
            f"trained W_{first} is {means['trained']:.2f}, on the same side of 1/{1 / even:.0f} in "
            f"{means['same_side']:.0%} of the categories; {loss} is {rows['loss_optimum'].mean():.4f} at the optimum "
            f"and {rows['loss_trained'].mean():.4f} at the trained weights."
        )
    return sentences


def equal_weight(table: pd.DataFrame) -> float:
    """The weight of a modality if all have the same, from a table of `optima`: 1/2 of two, 1/M of M modalities."""
    return 1 / table["modality"].nunique() if "modality" in table else 0.5


QUESTION = Question(
    name="mechanism",
    paper="section 5.3, Eq. 6",
    tables=(
        Table(
            optima,
            Layout(
                ("variant", "smoothing", "mitigation", "control", "seed", "modality", "category"),
                (),
                {
                    "optimal W": with_interval("optimum", ".3f"),
                    "trained W": with_interval("trained", ".3f"),
                    "L at optimum": number("loss_optimum", ".4f"),
                    "L at trained": number("loss_trained", ".4f"),
                    "L at 1/2": number("loss_half", ".4f"),
                },
            ),
            finding,
        ),
        Table(
            seeds,
            Layout(
                (*SHARED, "modality"),
                (),
                {
                    "optimal W": with_interval("optimum", ".3f"),
                    "trained W": with_interval("trained", ".3f"),
                    "same side": with_interval("same_side", ".2f"),
                    "lost": with_interval("lost", ".4f"),
                    "seeds": number("seeds", ".0f"),
                },
            ),
        ),
        Table(
            fitted,
            Layout(
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
        ),
    ),
    drawn="optima",
    definitions={"best weight": best_weight, "interval of the best weight": best_weight_interval},
)


def _means(optima: pd.DataFrame, even: float) -> dict[str, float]:
    """Means over the rows of a table of `optima`; ``even`` is its `equal_weight`."""
    return {
        "optimum": optima["optimum"].mean(),
        "trained": optima["trained"].mean(),
        "same_side": float((np.sign(optima["optimum"] - even) == np.sign(optima["trained"] - even)).mean()),
        "lost": (optima["loss_trained"] - optima["loss_optimum"]).mean(),
    }


def _setting_names(table: pd.DataFrame) -> pd.Series:
    names = setting_names(table)
    if table["variant"].nunique() < 2:
        return names
    return table["variant"].map(lambda variant: display_name("variant", variant)) + ", " + names


def _check_paper(setting: Setting) -> None:
    if setting.modalities != tuple(Modality):
        raise NotApplicableError(
            f"{setting.runs[0].path}: whether the labels of {' or '.join(setting.modalities)} were smoothed is not "
            "recorded, so this does not apply"
        )


def _of_setting(setting: Setting, epoch: int | str) -> list[dict[str, Any]]:
    return [row for run in setting.runs for row in _of_run(setting, run, epoch)]


def _of_run(setting: Setting, run: Run, epoch: int | str) -> list[dict[str, Any]]:
    p, weights = pooled(run, epoch, "p"), mean_attention(run, epoch)
    names = setting.modalities
    if len(names) == 2:
        return _of_modality(setting, run, epoch, weights[:, 0], p[:, 0], p[:, 1], names)
    rows = []
    for m, name in enumerate(names):
        others = np.delete(weights.mean(axis=0), m, axis=0)
        rest = (others * np.delete(p, m, axis=1)).sum(axis=1) / np.maximum(others.sum(axis=0), np.finfo(float).tiny)
        rows += [
            {**row, "modality": name}
            for row in _of_modality(setting, run, epoch, weights[:, m], p[:, m], rest, (name, "the others"))
        ]
    return rows


def _of_modality(
    setting: Setting,
    run: Run,
    epoch: int | str,
    weights: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    names: tuple[str, ...],
) -> list[dict[str, Any]]:
    """The rows of one weight, (sample, category), between two probabilities of that shape."""
    weak = setting.weak
    parts = summed_by_group(np.stack([weights, np.ones_like(weights)], axis=-1), run.groups)
    trained, *trained_ends = np.clip(student(linearised(parts)), 0, 1)
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
    identity = {name: setting.identity[name] for name in SETTING_COLUMNS} | {"run": run.name, "seed": run.seed}
    return [
        {
            **identity,
            "epoch": run.commit(epoch).epoch,
            "first": names[0],
            "second": names[1],
            "category": category,
            **{name: float(values[c]) for name, values in columns.items()},
        }
        for c, category in enumerate(setting.categories)
    ]
