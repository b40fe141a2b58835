"""Which modality do the predictions really depend on? (A test of the hypothesis of section 3.)

`use` answers for any number of modalities: how much the outputs change when a modality is that of another sample, and
whether the loss grows (`mbias.analysis.measures.use`). The other tables set further measures of two modalities beside
it. Each of them gives a number a for audio, or the first modality, and a number v for visual, or the second. Their
balance is (a - v) / (|a| + |v|), in [-1, 1], positive toward the first modality. The number of a category is a mean
over the samples that have the category. The overall number is a mean over categories with equal weights. v(av), v(a),
v(v) and v() are the values of an outcome (one of `mbias.analysis.measures.coalitions.OUTCOMES`) with both modalities,
with audio only (visual replaced), with visual only, and with neither. Costs are forward passes, for N samples and K
draws of permutations or donors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mbias.analysis.measures import confusion, effects, parts, values
from mbias.analysis.measures import use as of_modalities
from mbias.analysis.measures.agreement import agreement_rows
from mbias.analysis.measures.catalogue import (
    COOPERATION,
    PRIMARY,
    Estimates,
    estimates,
    of_use,
    reused,
)
from mbias.analysis.measures.rows.measure_rows import gradient_rows, measure_columns, measure_rows
from mbias.analysis.measures.rows.use_rows import category_use_rows, use_rows
from mbias.analysis.measures.rows.verdict_rows import label_counts
from mbias.analysis.measures.rows.wording import use_sentence
from mbias.analysis.measures.verdict import FEWEST_POSITIVES
from mbias.analysis.questions import Question, Table
from mbias.analysis.settings import reason_for
from mbias.errors import NotApplicableError
from mbias.records.study import StudyLike, open_study
from mbias.tables.layout import Layout, with_interval, with_left_out


def use(study: StudyLike, precomputed: Estimates | None = None) -> pd.DataFrame:
    """How much the outputs depend on each modality, and whether it helps, with 95 % intervals over seeds and samples.

    Each modality is replaced by that of other samples (permuted) or, where such passes are missing, by a stand-in of
    one's own; `mbias.analysis.measures.use` has the formulas. Cost: (1 + K (M + 1)) N passes for M modalities. Source:
    the total-effect index of Homma & Saltelli 1996, by the estimator of Jansen 1999; for the loss, permutation
    importance (Breiman 2001) and SAGE (Covert et al. 2020). Note: with other samples' inputs, modalities that belong
    together come apart.

    Parameters
    ----------
    study
        A path, a `Run`, a list of these, or a `Study`.
    precomputed
        The `mbias.analysis.measures.catalogue.estimates` of the study, if they are already computed.

    Returns
    -------
    pandas.DataFrame
        One row per setting and modality. ``change``, the root of the mean squared change of the output, in its units;
        ``share``, the part of the squared change, in [0, 1]; ``help``, how much larger the squared error becomes, and
        ``help_log_loss``, the same for the log-loss in nats: above 0, the modality helps; below 0, it harms. Of one
        label per sample and of two classes, ``help_accuracy`` is how much smaller the accuracy becomes. All have the
        ends of their interval, ``_low`` and ``_high``. ``interaction``, of all modalities together: above 0 where
        they act together, 0 where they add up, below 0 where each stands in for the other; NaN where the pass with all
        replaced is missing. ``help`` is NaN where labels are not recorded. ``stand_in``: what replaced the modalities.

    Raises
    ------
    NotApplicableError
        If no run was probed with permuted inputs, or a stand-in of one's own, of each modality.
    BadInputError
        If a run or a probe is damaged.

    Examples
    --------
    >>> study = mbias.load_example().select(variant="across_vcross")
    >>> table = mbias.reliance(study)
    >>> table[["smoothing", "modality", "change", "share", "help"]].round(2)
      smoothing modality  change  share  help
    0     no_ls    audio    0.19   0.24  0.03
    1     no_ls   visual    0.33   0.76  0.10
    2      ls_v    audio    0.17   0.23  0.03
    3      ls_v   visual    0.31   0.77  0.09
    """
    rows: list[dict[str, Any]] = []
    estimated = reused(precomputed, study, of_use)
    for of_setting in estimated:
        if of_setting.use is not None:
            rows += use_rows(of_setting.setting, of_setting.use)
    if not rows:
        raise NotApplicableError(next(iter(estimated.left_out.values())))
    lacking = {name: reason for name, reason in estimated.left_out.items() if name == PRIMARY.display_name}
    return with_left_out(pd.DataFrame(rows), lacking)


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
        If no measure applies: a run was not probed, lacks labels, or does not have two modalities.
    BadInputError
        If a run or a probe is damaged.

    Examples
    --------
    >>> study = mbias.load_example().select(variant="across_vcross")
    >>> table = mbias.analysis.reliance.measures(study)
    >>> shapley = table[table["measure"] == "Shapley (p, mean)"]
    >>> shapley[["smoothing", "modality", "value", "balance"]].round(2)
       smoothing modality  value  balance
    8      no_ls    audio   0.19    -0.48
    9      no_ls   visual   0.53    -0.48
    45      ls_v    audio   0.17    -0.53
    46      ls_v   visual   0.57    -0.53
    """
    rows: list[dict[str, Any]] = []
    estimated = reused(precomputed, study, estimates)
    reasons = estimated.left_out | estimated.too_few
    for of_setting in estimated:
        setting = of_setting.setting
        for measure, of_measure in of_setting.by_measure.items():
            rows += measure_rows(setting, measure, measure_columns(measure, of_measure), setting.modalities)
        if not of_setting.by_measure:
            continue
        unknown = {"balance": np.nan, "balance_low": np.nan, "balance_high": np.nan}
        try:
            cooperation = measure_columns(COOPERATION, COOPERATION.estimate(setting))
            rows += measure_rows(setting, COOPERATION, {**cooperation, **unknown}, ("both",))
        except NotApplicableError as error:
            reasons[COOPERATION.display_name] = reason_for(error, setting.runs)
        try:
            rows += gradient_rows(setting)
        except NotApplicableError as error:
            reasons["gradient"] = reason_for(error, setting.runs)
    if not rows:
        raise NotApplicableError(next(iter(reasons.values())))
    return with_left_out(pd.DataFrame(rows), reasons)


def categories(study: StudyLike, precomputed: Estimates | None = None) -> pd.DataFrame:
    """How much the outputs of each category depend on each modality, with 95 % intervals.

    Parameters
    ----------
    study, precomputed
        As for `use`.

    Returns
    -------
    pandas.DataFrame
        One row per setting, category (of at least `mbias.analysis.measures.verdict.FEWEST_POSITIVES` labelled samples)
        and modality: ``change`` and ``share`` as in `use`, each with the ends of its interval, ``_low`` and ``_high``;
        and ``samples``, the number of samples that have the category.

    Raises
    ------
    NotApplicableError
        As `use`; also if no category has enough samples.
    BadInputError
        As `use`.
    """
    rows: list[dict[str, Any]] = []
    few: dict[str, None] = {}
    for of_setting in reused(precomputed, study, of_use):
        if of_setting.use is None:
            continue
        setting = of_setting.setting
        number = label_counts(setting)
        few |= dict.fromkeys(setting.categories[index] for index in np.flatnonzero(number < FEWEST_POSITIVES))
        for index in np.flatnonzero(number >= FEWEST_POSITIVES):
            rows += category_use_rows(setting, of_setting.use, int(index), int(number[index]))
    reason = f"fewer than {FEWEST_POSITIVES} labelled samples"
    if not rows:
        raise NotApplicableError(f"no category is shown: {reason} in each; record more samples")
    return with_left_out(pd.DataFrame(rows), dict.fromkeys(few, reason))


def agreement(study: StudyLike, precomputed: Estimates | None = None) -> pd.DataFrame:
    """Whether the measures agree: Spearman's rank correlation between their balances.

    Parameters
    ----------
    study, precomputed
        As for `measures`.

    Returns
    -------
    pandas.DataFrame
        Two rows per pair of measures, ``measure`` and ``other``, by what the correlation is ``over``: ``settings``,
        with one balance per setting, the mean of its seeds, since runs of one setting are not independent; or
        ``categories``, correlated within each run and averaged over runs. ``rho`` is in [-1, 1], ``number`` is the
        number of settings or of runs, and ``rho_low`` and ``rho_high`` are the ends of a 95 % interval. Over settings,
        the interval is by Fisher's transformation, and unknown for fewer than 5 settings. Over categories, it is from
        the spread between runs, and is unknown for one run.

    Raises
    ------
    NotApplicableError, BadInputError
        As `measures`.
    """
    study = open_study(study)
    estimated = reused(precomputed, study, estimates)
    rows = agreement_rows(estimated)
    if not rows:
        raise NotApplicableError(
            next(iter(estimated.left_out.values()), "one measure applies, which agrees with itself")
        )
    table = pd.DataFrame(rows).assign(simulated=study.simulated)
    table = table.sort_values("over", ascending=False, kind="stable", ignore_index=True)
    return with_left_out(table, estimated.left_out)


def finding(table: pd.DataFrame) -> list[str]:
    """What a table of `use` shows: one sentence per setting."""
    names = ["variant", "smoothing", "mitigation", "control", "run"]
    return [use_sentence(rows) for _, rows in table.groupby(names, sort=False, dropna=False)]


QUESTION = Question(
    name="reliance",
    paper="the hypothesis of section 3",
    tables=(
        Table(
            use,
            Layout(
                ("variant", "smoothing", "mitigation", "control", "modality"),
                (),
                {
                    "change": with_interval("change", ".3f"),
                    "share": with_interval("share", ".2f"),
                    "help": with_interval("help", "+.4f"),
                    "help (log)": with_interval("help_log_loss", "+.3f"),
                    "help (accuracy)": with_interval("help_accuracy", "+.3f"),
                    "interaction": with_interval("interaction", "+.2f"),
                },
                ("help", "help (log)", "help (accuracy)"),
            ),
            finding,
        ),
        Table(
            measures,
            Layout(
                ("variant", "smoothing", "mitigation", "control", "measure"),
                ("modality",),
                {"{}": with_interval("value", ".3f"), "balance": with_interval("balance", ".2f")},
            ),
        ),
        Table(
            categories,
            Layout(
                ("variant", "smoothing", "mitigation", "control", "category", "samples"),
                ("modality",),
                {"change {}": with_interval("change", ".3f"), "share {}": with_interval("share", ".2f")},
            ),
        ),
        Table(
            effects.shapley,
            Layout(
                ("variant", "smoothing", "mitigation", "control", "modality"),
                (),
                {"Shapley": with_interval("shapley", ".2f")},
            ),
        ),
        Table(
            effects.interactions,
            Layout(
                ("variant", "smoothing", "mitigation", "control", "first", "second"),
                (),
                {"interaction": with_interval("interaction", "+.2f")},
            ),
        ),
        Table(confusion.confusion, confusion.LAYOUT),
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
        "use, help": of_modalities,
        "Shapley effects, interactions": effects,
        "modality confusion": confusion,
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
