"""Does L_wsl follow L_a or L_v, beyond what label smoothing alone causes? (Fig. 2, Eq. 3-6)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mbias.analysis.paper.floor import floor, implied_delta
from mbias.analysis.paper.implied import LAYOUT as IMPLIED
from mbias.analysis.paper.implied import implied
from mbias.analysis.paper.published import checks
from mbias.analysis.per_run.pooling import SEGMENTED
from mbias.analysis.per_run.squared_errors import error_rows, kinds, squared_errors
from mbias.analysis.questions import Question, Table
from mbias.analysis.settings import identified, of_several_seeds, one_variant, over_seeds, with_one_seed
from mbias.errors import NotApplicableError
from mbias.records.study import StudyLike, open_study
from mbias.stats.estimates import summed_by_group
from mbias.stats.intervals import linearised, student
from mbias.tables.layout import RUN, SHARED, Layout, number, with_interval, with_left_out
from mbias.tables.names import format_ratio, loss_name, setting_names
from mbias.tables.words import Words, with_words, words_of

EVEN = 1.1
"""Errors within this factor of each other count as equal."""

KINDS = ("optimised", "excess", "hard")
"""The kinds of a loss: as optimised; the excess over its floor, the entropy of the training labels; and against labels
without smoothing."""


def curves(study: StudyLike) -> pd.DataFrame:
    """Every loss at every epoch, as means over seeds.

    Returns
    -------
    pandas.DataFrame
        One row per setting, epoch, loss and kind: ``loss`` is the name of a modality or of the joint loss; ``joint``
        marks the joint loss, L_wsl; ``kind`` is one of `KINDS`; ``value``, in nats, is a mean over the epoch, the
        videos, the categories and the ``seeds``, with the ends of its 95 % interval over seeds, ``value_low`` and
        ``value_high``. The excess is ``optimised - floor``, a Kullback-Leibler divergence, which is 0 where the
        network fits its labels, smoothed or not. An external run without floors or hard losses has the kind
        ``optimised`` only.

    Raises
    ------
    NotApplicableError
        If no losses were recorded.
    BadInputError
        If a run has no epoch yet.
    """
    study = open_study(study)
    rows = []
    for run, identity in identified(study):
        run.commit()
        for commit in run.commits:
            for loss in run.header.losses:
                for kind, value in kinds(commit, loss).items():
                    joint = loss == run.header.joint_loss
                    rows.append(
                        {**identity, "epoch": commit.epoch, "loss": loss, "joint": joint, "kind": kind, "value": value}
                    )
    if not rows:
        raise NotApplicableError(f"{study.runs[0].path}: no losses are recorded, so this does not apply; record them")
    table = pd.DataFrame(rows)
    least = 0 if table["value"].min() >= 0 else -np.inf
    averaged = over_seeds(table, ["epoch", "loss", "joint", "kind"], {"value": (least, np.inf)})
    return with_words(averaged, Words.of(study))


def coincidence(study: StudyLike) -> pd.DataFrame:
    """How closely L_wsl follows the loss of each modality: the paper's MSE_wsl,a and MSE_wsl,v.

    MSE_wsl,m is the mean over epochs of (L_wsl - L_m)^2 (section 3). For the kind ``optimised``, this is the number
    that the paper reports. The *floor* of a loss is the lowest value that it can have: the entropy of its training
    labels, which is 0 without smoothing. Smoothing adds the square of the floor to the MSE even without a bias. The
    kind ``excess`` subtracts the floor. The kind ``hard`` is against labels without smoothing, so its floor is 0.

    Parameters
    ----------
    study
        A path, a `Run`, a list of these, or a `Study`.

    Returns
    -------
    pandas.DataFrame
        One row per run, kind (one of `KINDS`) and modality: ``mse``, in nats squared; ``epochs``, the number of epochs
        averaged over; and ``ratio``, the ``mse`` divided by the smallest ``mse`` of that run and kind. The ratio is 1
        for the modality whose loss L_wsl follows most closely. Below `EVEN`, the two losses count as equally close.

    Raises
    ------
    NotApplicableError
        If a run has no losses of single modalities, or lacks the joint loss at an epoch.
    BadInputError
        If a run has no epoch yet.

    Examples
    --------
    >>> study = mbias.load_example().select(variant="across_vcross", seed=0)
    >>> table = mbias.analysis.losses.coincidence(study)
    >>> optimised = table[table["kind"] == "optimised"]
    >>> optimised[["smoothing", "modality", "ratio"]].round()
      smoothing modality  ratio
    0     no_ls    audio    7.0
    1     no_ls   visual    1.0
    6      ls_v    audio    1.0
    7      ls_v   visual  163.0
    """
    study = open_study(study)
    rows = []
    for run, identity in identified(study):
        for kind in KINDS:
            errors = squared_errors(run, kind)
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
    return with_words(pd.DataFrame(rows), Words.of(study))


def seeds(study: StudyLike) -> pd.DataFrame:
    """`coincidence` of every setting, as means over its seeds.

    The errors of different seeds differ by factors. The means are therefore geometric, and the intervals are Student's
    on the logarithm.

    Returns
    -------
    pandas.DataFrame
        One row per setting with two seeds or more, per kind and modality: ``mse``; and ``ratio``, the ``mse`` divided,
        within each run, by that of the modality with the smallest mean ``mse``. Both are means over ``seeds`` runs,
        with the ends of their 95 % intervals over seeds, ``_low`` and ``_high``.

    Raises
    ------
    NotApplicableError
        As `coincidence`; if no setting has two seeds, or a loss coincides with the joint one in all of them.
    BadInputError
        As `coincidence`.
    """
    study = open_study(study)
    rows = [row for setting in of_several_seeds(study) for kind in KINDS for row in error_rows(setting, kind)]
    if not rows:
        raise NotApplicableError(f"{study.runs[0].path}: a loss coincides with the joint one, so no ratio is known")
    return with_left_out(with_words(pd.DataFrame(rows), Words.of(study)), with_one_seed(study))


def residuals(study: StudyLike) -> pd.DataFrame:
    """How far Eq. 6 is from Eq. 3, at the best and the last epoch, where the record holds the arrays for it.

    By Eq. 3, p_wsl = sum over segments and modalities of W_tp W_av P. Eq. 6 rewrites it as the sum over modalities of
    W_m p_m, with p_m = sum over segments of W_tp P (Eq. 4, 5) and W_m the mean of W_av over segments. The two are equal
    only where W_av does not change along the video. This table gives the difference.

    Returns
    -------
    pandas.DataFrame
        One row per run and epoch: the ``largest`` and the ``mean`` absolute difference, in probability, over
        ``samples`` samples and all categories, the mean with its 95 % interval over samples, ``mean_low`` and
        ``mean_high``; and ``eq3``, the largest difference between the recorded p_wsl and Eq. 3, which is due to
        rounding.

    Raises
    ------
    NotApplicableError
        If no epoch of a run holds ``wav``, ``wtp``, ``p`` and ``p_joint``.
    BadInputError
        If a run has no epoch yet, or is damaged.
    """
    study = open_study(study)
    needed = {"wav", "wtp", "p", "p_joint"}
    rows = []
    for run, identity in identified(study):
        holding = [commit.epoch for commit in run.commits if needed <= set(commit.arrays)]
        kept = {run.commit("best").epoch, run.commit("last").epoch}
        epochs = [epoch for epoch in holding if epoch in kept] or holding[-1:]
        if not epochs:
            raise NotApplicableError(
                f"{run.path}: no epoch holds wav, wtp, p and p_joint, so Eq. 6 cannot be checked; record them"
            )
        for epoch in epochs:
            wav, wtp, p = (run.values(name, epoch, SEGMENTED) for name in ("wav", "wtp", "p"))
            joint = run.values("p_joint", epoch, ("sample", "category"))
            single = np.einsum("ntmc,ntmc->nmc", wtp, p, dtype=np.float64)
            difference = np.abs((wav.mean(axis=1, dtype=np.float64) * single).sum(axis=1) - joint)
            of_samples = difference.mean(axis=-1)
            parts = summed_by_group(np.stack([of_samples, np.ones_like(of_samples)], axis=-1), run.groups)
            mean, low, high = student(linearised(parts))
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
    """What a table of `coincidence` shows: one sentence per setting of one variant, with means over seeds."""
    rows, _ = one_variant(table)
    words = words_of(table)
    return [_sentence(setting, part, words) for setting, part in rows.groupby(setting_names(rows), sort=False)]


QUESTION = Question(
    name="losses",
    paper="Fig. 2, MSE_wsl,a and MSE_wsl,v, Eq. 3-6",
    tables=(
        Table(
            coincidence,
            Layout(
                (*RUN, "kind"),
                ("modality",),
                {"MSE_{joint},{}": number("mse", ".1e"), "ratio {}": lambda row: format_ratio(row.ratio)},
            ),
            finding,
        ),
        Table(
            seeds,
            Layout(
                (*SHARED, "kind"),
                ("modality",),
                {
                    "MSE_{joint},{}": with_interval("mse", ".1e"),
                    "ratio {}": with_interval("ratio", ".3g"),
                    "seeds": number("seeds", ".0f"),
                },
            ),
        ),
        Table(implied, IMPLIED),
        Table(
            curves,
            Layout(
                (*SHARED, "loss", "epoch"),
                ("kind",),
                {"{}": with_interval("value", ".4f"), "seeds": number("seeds", ".0f")},
            ),
        ),
        Table(
            residuals,
            Layout(
                (*RUN, "epoch"),
                (),
                {
                    "largest": number("largest", ".3g"),
                    "mean": with_interval("mean", ".2e"),
                    "Eq. 3": number("eq3", ".0e"),
                },
            ),
        ),
    ),
    drawn="curves",
    definitions={
        "floor of smoothing": floor,
        "implied delta": implied_delta,
        "checks of the published numbers": checks,
    },
)


def _sentence(setting: str, rows: pd.DataFrame, words: Words) -> str:
    errors = {kind: part.groupby("modality")["mse"].mean() for kind, part in rows.groupby("kind", sort=False)}
    paper = errors["optimised"].sort_values()
    # Of more than two modalities, the one that comes next.
    near, far = str(paper.index[0]), str(paper.index[min(1, len(paper) - 1)])
    if len(paper) < 2:
        return (
            f"{setting}: {words.squared_error(near)} = {paper[near]:.1e}; no other modality has a loss to compare with."
        )
    ratios = {
        kind: by_loss[far] / by_loss[near] for kind, by_loss in errors.items() if {near, far} <= set(by_loss.index)
    }
    small, large = (f"{words.squared_error(loss)} = {paper[loss]:.1e}" for loss in (near, far))
    if ratios["optimised"] < EVEN:
        text = (
            f"{setting}: {words.joint_loss} is as close to {loss_name(near)} as to {loss_name(far)}: "
            f"{small} and {large}"
        )
    else:
        factor = format_ratio(ratios["optimised"])
        text = (
            f"{setting}: {words.joint_loss} is closer to {loss_name(near)}: "
            f"{small} is {factor} times smaller than {large}"
        )
    texts = {"excess": "without the floors of smoothing", "hard": "against hard labels"}
    details = [
        f"{texts[kind]} {format_ratio(ratio)} times"
        for kind, ratio in ratios.items()
        if kind in texts and not np.isclose(ratio, ratios["optimised"])
    ]
    return f"{text} ({', '.join(details)})." if details else f"{text}."
