"""Is this model biased, toward what, how sure are we, and what would it take to decide?

The verdict rests on how much the outputs change when a modality is that of another sample, with intervals over seeds
and samples (`mbias.analysis.measures.use`); `mbias.analysis.measures.verdict` defines its words. Attention and losses
are reported with the verdict as explanations, and have no part in it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from mbias.analysis import losses
from mbias.analysis.measures import verdict as definition
from mbias.analysis.measures.catalogue import (
    BESIDE_VERDICT,
    PRIMARY,
    SWAPPED,
    Estimated,
    Estimates,
    balance_of,
    estimates,
    of_use,
    of_verdict,
    reused,
)
from mbias.analysis.measures.needed import deciding, samples_needed, seeds_needed
from mbias.analysis.measures.rows.verdict_rows import attention_of, category_rows, contradicting, verdict_columns
from mbias.analysis.measures.rows.wording import remark, verdict_sentence
from mbias.analysis.measures.use import Use
from mbias.analysis.measures.verdict import DEPENDS, FEWEST_POSITIVES, UNDETERMINED, decide, favoured, side
from mbias.analysis.questions import Question, Table
from mbias.analysis.settings import Setting, settings
from mbias.errors import NotApplicableError
from mbias.records.study import StudyLike, open_study
from mbias.tables.layout import Layout, number, with_interval, with_left_out
from mbias.tables.names import format_ratio, loss_name, setting_name, subscript
from mbias.tables.words import Words, with_words


def verdicts(study: StudyLike, precomputed: Estimates | None = None) -> pd.DataFrame:
    """The verdict on every setting.

    Parameters
    ----------
    study
        A path, a `Run`, a list of these, or a `Study`.
    precomputed
        The `mbias.analysis.measures.catalogue.estimates` of the study, if they are already computed.

    Returns
    -------
    pandas.DataFrame
        One row per setting. ``verdict`` and ``flags`` (separated by ``|``), as `mbias.analysis.measures.verdict`
        defines them. What they rest on: ``balance``, in [-1, 1], of ``first`` and ``second`` (the two modalities; of
        more, those with the largest shares), positive toward the first, with the interval that the verdict rests on,
        ``balance_low`` and ``balance_high``, at the ``level`` 0.95, or 0.9 for balanced; ``p_balanced``, the p of the
        equivalence test; ``size``, how much the outputs change when all modalities are replaced, 1 for a perfect
        predictor, and ``interaction``, each with its 95 % interval, NaN where that pass is missing; ``stand_in``, what
        replaced the modalities: ``permuted``, inputs of other samples, or a stand-in of one's own where permuted passes
        are missing.

        Other evidence: ``contradicts``, the measures with other real inputs whose 95 % interval lies beyond the margin
        on another side than the verdict, separated by ``|``; ``attention``, the mean weight W of the first of two
        modalities; ``misleads``, whether that weight favours the other modality than the verdict; ``discordant``, the
        categories whose own verdict names another modality, separated by ``|``, and ``discordant_number``, their
        number; ``unjudged``, the number of categories with too few labelled samples for a verdict.

        ``matter``: the modalities with a share above 0.05 that relates to what is true, with their intervals, separated
        by ``|``. ``reason`` says why there is nothing to attribute, or why a verdict is undetermined if that is not for
        its balance. What a balance needs to be decided, if it stays the same: ``seeds_needed``, how many seeds (NaN
        where no number would do, or one seed says nothing about others); ``samples_needed``, how many times as many
        samples (infinite where no number would do).

    Raises
    ------
    NotApplicableError
        If no run was probed with permuted inputs, or a stand-in of one's own, of each modality.
    BadInputError
        If a run or a probe is damaged.

    Examples
    --------
    >>> study = mbias.load_example().select(variant="across_vcross")
    >>> table = mbias.analysis.diagnosis.verdicts(study)
    >>> table[["smoothing", "verdict", "balance", "balance_low", "balance_high"]].round(2)
      smoothing               verdict  balance  balance_low  balance_high
    0     no_ls  biased toward visual    -0.51        -0.62         -0.39
    1      ls_v  biased toward visual    -0.54        -0.65         -0.40
    """
    rows = []
    estimated = reused(precomputed, study, of_verdict)
    shown = {measure.display_name for measure in (PRIMARY, *BESIDE_VERDICT)}
    reasons = {name: text for name, text in estimated.left_out.items() if name in shown}
    for of_setting, use in _with_use(estimated):
        setting, verdict = of_setting.setting, decide(use)
        share = attention_of(of_setting)
        of_categories = category_rows(setting, use)
        discordant = [row["category"] for row in of_categories if row["discordant"]]
        named = favoured(verdict.words)
        contradicts = contradicting(of_setting, verdict)
        if f"use ({SWAPPED})" in contradicts:
            verdict = dataclasses.replace(verdict, flags=(*verdict.flags, DEPENDS))
        if named and discordant:
            verdict = dataclasses.replace(verdict, words=f"biased toward {named}")
        undetermined = verdict.words == UNDETERMINED and not verdict.reason
        pair = deciding(use, verdict) if undetermined else None
        seeds = seeds_needed(pair) if pair else None
        size, interaction = use.size.interval()[:, 0], use.interaction.interval()[:, 0]
        rows.append(
            {
                **setting.identity,
                **verdict_columns(verdict, setting),
                "size": float(use.size.point[0]),
                "size_low": float(size[0]),
                "size_high": float(size[1]),
                "interaction": float(use.interaction.point[0]),
                "interaction_low": float(interaction[0]),
                "interaction_high": float(interaction[1]),
                "contradicts": "|".join(contradicts),
                "attention": share,
                "misleads": named is not None and (share - 0.5) * verdict.balance < 0,
                "discordant": "|".join(discordant),
                "discordant_number": len(discordant),
                "unjudged": len(setting.categories) - len(of_categories),
                "seeds_needed": np.nan if seeds is None else float(seeds),
                "samples_needed": samples_needed(pair) if pair else np.inf if undetermined else np.nan,
                "samples": setting.samples,
                "stand_in": use.stand_in,
            }
        )
    return with_left_out(with_words(pd.DataFrame(rows), Words.of(open_study(study))), reasons)


def categories(study: StudyLike, precomputed: Estimates | None = None) -> pd.DataFrame:
    """The verdict on every category of every setting.

    Parameters
    ----------
    study, precomputed
        As for `verdicts`.

    Returns
    -------
    pandas.DataFrame
        One row per setting and category of at least `mbias.analysis.measures.verdict.FEWEST_POSITIVES` labelled
        samples: ``verdict``, with p-values adjusted over categories by Benjamini and Hochberg; ``balance`` of
        ``first`` and ``second``, with the ends of its 95 % interval; ``p``, adjusted, of the test whether the category
        is biased; ``discordant``, whether the verdict names another modality than that of the setting; and
        ``samples``, the number of samples with the category.

    Raises
    ------
    NotApplicableError
        As `verdicts`; also if no category has enough samples.
    BadInputError
        As `verdicts`.
    """
    rows: list[dict[str, Any]] = []
    few: dict[str, None] = {}
    for of_setting, use in _with_use(reused(precomputed, study, of_use)):
        of_categories = category_rows(of_setting.setting, use)
        judged = {row["category"] for row in of_categories}
        few |= dict.fromkeys(name for name in of_setting.setting.categories if name not in judged)
        rows += of_categories
    reason = f"fewer than {FEWEST_POSITIVES} labelled samples"
    if not rows:
        raise NotApplicableError(f"no category gets a verdict: {reason} in each; record more samples")
    table = with_words(pd.DataFrame(rows), Words.of(open_study(study)))
    return with_left_out(table, dict.fromkeys(few, reason))


def measures(study: StudyLike, precomputed: Estimates | None = None) -> pd.DataFrame:
    """What the balance of each measure would say by itself.

    Parameters
    ----------
    study, precomputed
        As for `verdicts`.

    Returns
    -------
    pandas.DataFrame
        One row per setting of two modalities and measure: ``verdict`` (biased toward a modality, balanced, or
        undetermined); ``balance``, with the ends of its 95 % interval; and ``causal``, whether inputs were changed for
        the measure.

    Raises
    ------
    NotApplicableError, BadInputError
        As `mbias.analysis.reliance.measures`.
    """
    rows = []
    estimated = reused(precomputed, study, estimates)
    for of_setting in estimated:
        setting = of_setting.setting
        for measure, of_measure in of_setting.by_measure.items():
            # The balance of cross-attention is between its two directions, not between inputs.
            if measure.baseline == "cross":
                continue
            balance = balance_of(measure, of_measure)
            rows.append(
                {
                    **setting.identity,
                    "measure": measure.display_name,
                    "causal": measure.causal,
                    "verdict": side(balance.low, balance.high, balance.p_balanced, setting.modalities),
                    "balance": balance.point,
                    "balance_low": balance.low,
                    "balance_high": balance.high,
                }
            )
    if not rows:
        raise NotApplicableError(f"no measure has a balance: {next(iter(estimated.left_out.values()))}")
    return with_left_out(pd.DataFrame(rows), estimated.left_out)


def finding(table: pd.DataFrame, study: StudyLike | None = None) -> list[str]:
    """What a table of `verdicts` shows: one sentence per setting and, with the study, the `explanations`."""
    sentences = [verdict_sentence(row) for row in table.itertuples()]
    return sentences + (explanations(table, study) if study else [])


def explanations(table: pd.DataFrame, study: StudyLike) -> list[str]:
    """What in training may explain the verdicts: which losses coincide, with and without floors, and the attention.

    Parameters
    ----------
    table
        A table of `verdicts`.
    study
        The study it was computed from.

    Returns
    -------
    list of str
        At most one sentence per setting.
    """
    try:
        errors = losses.coincidence(study)
    except NotApplicableError as error:
        return [f"How the verdicts relate to training is not known: {error}."]
    sentences = []
    study = open_study(study)
    by_name = {setting.display_name: setting for setting in settings(study)}
    for row in table.itertuples():
        setting = by_name[setting_name(row.run, row.variant, row.smoothing, row.mitigation, row.control)]
        runs = {run.path.resolve().name for run in setting.runs}
        in_setting = errors[errors["run"].map(lambda run, runs=runs: run.split("/")[-1] in runs)]
        sentences += _explanation(setting, row, in_setting)
    return sentences


QUESTION = Question(
    name="diagnosis",
    paper="the whole argument",
    tables=(
        Table(
            verdicts,
            Layout(
                ("variant", "smoothing", "mitigation", "control"),
                (),
                {
                    "verdict": lambda row: row.verdict,
                    "balance": with_interval("balance", "+.2f"),
                    "flags": lambda row: row.flags.replace("|", ", "),
                    "contradicts": lambda row: row.contradicts.replace("|", ", "),
                    "W": number("attention", ".2f"),
                    "seeds": lambda row: str(row.seeds),
                    "discordant": lambda row: str(row.discordant_number),
                    "remark": remark,
                },
                ("remark",),
            ),
            finding,
        ),
        Table(
            categories,
            Layout(
                ("variant", "smoothing", "mitigation", "control", "category"),
                (),
                {
                    "verdict": lambda row: row.verdict,
                    "balance": with_interval("balance", "+.2f"),
                    "discordant": lambda row: "yes" * row.discordant,
                },
            ),
        ),
        Table(
            measures,
            Layout(
                ("variant", "smoothing", "mitigation", "control", "measure"),
                (),
                {"verdict": lambda row: row.verdict, "balance": with_interval("balance", "+.2f")},
            ),
        ),
    ),
    drawn="verdicts",
    definitions={"the words of a verdict": definition},
)


def _with_use(estimated: Estimates) -> Iterator[tuple[Estimated, Use]]:
    """The settings that were probed with what a verdict rests on.

    Raises
    ------
    NotApplicableError
        If there is none.
    """
    known = [(of_setting, of_setting.use) for of_setting in estimated if of_setting.use is not None]
    if not known:
        raise NotApplicableError(next(iter(estimated.left_out.values())))
    yield from known


def _explanation(setting: Setting, row: Any, errors: pd.DataFrame) -> list[str]:
    """One sentence on the losses and the attention of a setting after training, if it has losses of modalities."""
    kinds = {kind: part.groupby("modality")["mse"].mean().sort_values() for kind, part in errors.groupby("kind")}
    if "optimised" not in kinds or len(kinds["optimised"]) < 2:
        return []
    near, far = kinds["optimised"].index[:2]
    ratio = kinds["optimised"][far] / kinds["optimised"][near]
    if len(kinds["optimised"]) > 2 and ratio < losses.EVEN:
        return []
    words = Words.of(setting.runs)
    text = (
        f"In training, {setting.display_name}: {words.joint_loss} followed {loss_name(str(near))} "
        f"(its MSE is {format_ratio(ratio)} times smaller than for {loss_name(str(far))}"
    )
    if "excess" in kinds and kinds["excess"].get(near, 0) > 0:
        text += (
            f"; {format_ratio(kinds['excess'][far] / kinds['excess'][near])} times without the floor of the smoothing"
        )
    weight = row.attention if near == setting.modalities[0] else 1 - row.attention
    if np.isnan(weight):
        return [f"{text})."]
    text += f"), and W_{subscript(str(near))} is {weight:.2f}."
    if not words.paper:
        return [text]
    return [
        f"{text} Where this weight is 1, p_wsl equals "
        f"p_{subscript(str(near))} by construction, so the two are one piece of evidence."
    ]
