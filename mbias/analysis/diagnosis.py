"""Is this model biased, toward what, how sure are we, and what would it take to decide?

The verdict rests on the balance of the Shapley values of p_wsl (`mbias.analysis.measures.catalogue.PRIMARY`) and its
95 % interval over seeds and samples. It is *biased toward* a modality where the whole interval is beyond a margin of
`MARGIN` on the side of that modality. It is *balanced* where two one-sided tests at 5 % find the balance within the
margin; a large p of a test for a difference would not show that. Otherwise it is *undetermined*. Attention and losses
are reported with the verdict as explanations, and have no part in it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mbias.analysis import losses
from mbias.analysis.measures.catalogue import PRIMARY, Estimates, Measure, estimates, primary_estimates, reused
from mbias.analysis.measures.coalitions import enough
from mbias.analysis.measures.verdict import ALPHA, ENOUGH_SEEDS, MARGIN, UNDETERMINED, agrees, decide, needed
from mbias.analysis.questions import Question, Table
from mbias.analysis.settings import Setting, settings
from mbias.errors import NotApplicableError
from mbias.records.study import StudyLike, open_study
from mbias.stats.estimates import Estimate
from mbias.stats.significance import benjamini_hochberg
from mbias.tables.layout import Layout, number, with_interval, with_left_out
from mbias.tables.names import format_ratio, loss_name, setting_name, subscript


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
        One row per setting. The verdict: ``verdict``; ``balance``, in [-1, 1], positive toward the first modality, with
        the ends of its interval, ``balance_low`` and ``balance_high``; ``p_balanced``, the p of the equivalence test;
        ``first`` and ``second``, the names of the modalities.

        Other evidence: ``agree``, how many of the ``others``, the further measures that change inputs, have a balance
        that agrees with the verdict (within the margin for balanced, beyond it on the same side for biased, of the
        same sign for undetermined); ``attention``, the mean weight W of the first modality; ``misleads``, whether
        the verdict is biased and that weight favours the other modality; ``discordant``, the categories whose own
        verdict is biased in another direction (p adjusted by Benjamini and Hochberg), separated by ``|``, and
        ``discordant_number``, their number.

        What an undetermined verdict needs: ``seeds_needed``, how many seeds would decide it (NaN where no number
        would, or for other verdicts); ``samples_needed``, whether more samples are needed instead.

    Raises
    ------
    NotApplicableError
        If a run was not probed, lacks labels, or does not have two modalities.
    BadInputError
        If a run or a probe is damaged.

    Examples
    --------
    >>> table = mbias.analysis.diagnosis.verdicts("models/demo")
    >>> table[["smoothing", "verdict", "balance", "misleads"]].round(2)
      smoothing               verdict  balance  misleads
    0      ls_a  biased toward visual    -0.54     False
    1      ls_v  biased toward visual    -0.34      True
    """
    rows = []
    estimated = reused(precomputed, study, estimates)
    for setting, by_measure in estimated:
        primary, *others = by_measure.items()
        row = decide(primary[1], 0, setting.modalities)
        causal = [(measure, other) for measure, other in others if measure.causal and _of_inputs(measure)]
        agree = [agrees(row["verdict"], row["balance"], float(other.point[0, 2])) for _, other in causal]
        weights = [other for measure, other in others if measure.name == "attention"]
        discordant = [c["category"] for c in _category_rows(setting, primary[1]) if c["discordant"]]
        share = float(weights[0].point[0, 0]) if weights else np.nan
        seeds, samples = needed(primary[1], row["verdict"])
        rows.append(
            {
                **setting.identity,
                **row,
                "agree": sum(agree),
                "others": len(agree),
                "attention": share,
                "misleads": row["verdict"].startswith("biased") and (share - 0.5) * row["balance"] < 0,
                "discordant": "|".join(discordant),
                "discordant_number": len(discordant),
                "seeds_needed": seeds,
                "samples_needed": samples,
                "first": setting.modalities[0],
                "second": setting.modalities[1],
                "samples": setting.samples,
            }
        )
    return with_left_out(pd.DataFrame(rows), estimated.left_out)


def categories(study: StudyLike, precomputed: Estimates | None = None) -> pd.DataFrame:
    """The verdict on every category of every setting.

    Parameters
    ----------
    study, precomputed
        As for `verdicts`.

    Returns
    -------
    pandas.DataFrame
        One row per setting and category (of at least `mbias.analysis.measures.coalitions.FEWEST` samples):
        ``verdict``; ``balance``, with the ends of its interval; ``p``, of the test whether the balance is beyond the
        margin (adjusted over categories by Benjamini and Hochberg); ``discordant``, whether the category is biased,
        by that p, in another direction than the setting; and ``samples``, the number of samples with the category.

    Raises
    ------
    NotApplicableError, BadInputError
        As `verdicts`.
    """
    rows: list[dict[str, Any]] = []
    for setting, by_measure in reused(precomputed, study, primary_estimates):
        rows += _category_rows(setting, by_measure[PRIMARY])
    return pd.DataFrame(rows)


def measures(study: StudyLike, precomputed: Estimates | None = None) -> pd.DataFrame:
    """The verdict that each measure would give by itself.

    Parameters
    ----------
    study, precomputed
        As for `verdicts`.

    Returns
    -------
    pandas.DataFrame
        One row per setting and measure: ``verdict``; ``balance``, with the ends of its interval; and ``causal``,
        whether inputs were changed for the measure.

    Raises
    ------
    NotApplicableError, BadInputError
        As `verdicts`.
    """
    rows = []
    estimated = reused(precomputed, study, estimates)
    for setting, by_measure in estimated:
        for measure, of_measure in by_measure.items():
            if _of_inputs(measure):
                row = decide(of_measure, 0, setting.modalities)
                rows.append({**setting.identity, "measure": measure.display_name, "causal": measure.causal, **row})
    return with_left_out(pd.DataFrame(rows), estimated.left_out)


def finding(table: pd.DataFrame, study: StudyLike | None = None) -> list[str]:
    """What a table of `verdicts` shows: one sentence per setting and, with the study, the `explanations`."""
    sentences = [_sentence(row) for row in table.itertuples()]
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
    for setting, row in zip(settings(study), table.itertuples(), strict=True):
        names = {run.path.resolve().name for run in setting.runs}
        in_setting = errors[errors["run"].map(lambda run: run.split("/")[-1]).isin(names)]
        sentences += _explanation(setting, row, in_setting)
    return sentences


QUESTION = Question(
    name="diagnosis",
    paper="the whole argument",
    tables=(
        Table(
            verdicts,
            Layout(
                ("variant", "smoothing", "control"),
                (),
                {
                    "verdict": lambda row: row.verdict,
                    "balance": with_interval("balance", "+.2f"),
                    "p balanced": number("p_balanced", ".3f"),
                    "agree": lambda row: f"{row.agree} of {row.others}",
                    "W": number("attention", ".2f"),
                    "seeds": lambda row: str(row.seeds),
                    "discordant": lambda row: str(row.discordant_number),
                },
            ),
            finding,
        ),
        Table(
            categories,
            Layout(
                ("variant", "smoothing", "control", "category"),
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
                ("variant", "smoothing", "control", "measure"),
                (),
                {"verdict": lambda row: row.verdict, "balance": with_interval("balance", "+.2f")},
            ),
        ),
    ),
    drawn="verdicts",
)


def _of_inputs(measure: Measure) -> bool:
    """Whether the balance of a measure is between inputs; that of cross-attention is between its two directions."""
    return measure.baseline != "cross"


def _category_rows(setting: Setting, estimated: Estimate) -> list[dict[str, Any]]:
    indices = np.flatnonzero(enough(setting.weak))
    beyond = np.minimum(2 * np.minimum(estimated.above(MARGIN), estimated.below(-MARGIN)), 1)[1 + indices, 2]
    adjusted = benjamini_hochberg(beyond)
    whole = decide(estimated, 0, setting.modalities)["verdict"]
    rows = []
    for index, p in zip(indices, adjusted, strict=True):
        row = decide(estimated, 1 + int(index), setting.modalities)
        side = setting.modalities[0] if row["balance"] > 0 else setting.modalities[1]
        rows.append(
            {
                **setting.identity,
                "category": setting.categories[index],
                **row,
                "p": float(p),
                "discordant": bool(p <= ALPHA and f"biased toward {side}" != whole),
                "samples": int(setting.weak[:, index].sum()),
            }
        )
    return rows


def _sentence(row: Any) -> str:
    text = (
        f"{setting_name(row.run, row.variant, row.smoothing, row.control)}: {row.verdict}; "
        f"balance {row.balance:+.2f} [{row.balance_low:+.2f}, {row.balance_high:+.2f}] ({_over(row)}); "
        f"{row.agree} of {row.others} other measures agree"
    )
    if row.misleads:
        text += f"; the attention, W_{subscript(row.first)} = {row.attention:.2f}, favours the other modality"
    if row.discordant_number:
        text += f"; {_counted(row.discordant_number)}: {row.discordant.replace('|', ', ')}"
    if row.verdict == UNDETERMINED:
        text += f"; {_what_is_needed(row)}"
    return f"{text}."


def _counted(number: int) -> str:
    return f"{number} discordant {'category' if number == 1 else 'categories'}"


def _over(row: Any) -> str:
    if row.seeds == 1:
        return f"one seed, {row.samples:,} samples: holds for this trained model, not for its training procedure"
    return f"{row.seeds} seeds, {row.samples:,} samples"


def _what_is_needed(row: Any) -> str:
    if row.samples_needed:
        return "more seeds would not decide it; record more samples"
    if row.seeds == 1:
        return f"how much seeds differ is not known; train {ENOUGH_SEEDS} seeds"
    return f"about {row.seeds_needed:.0f} seeds would decide it, if the balance stays the same"


def _explanation(setting: Setting, row: Any, errors: pd.DataFrame) -> list[str]:
    """One sentence on the losses and the attention of a setting after training, if it has losses of modalities."""
    kinds = {kind: part.groupby("modality")["mse"].mean().sort_values() for kind, part in errors.groupby("kind")}
    if "optimised" not in kinds or len(kinds["optimised"]) < 2:
        return []
    near, far = kinds["optimised"].index[0], kinds["optimised"].index[-1]
    ratio = kinds["optimised"][far] / kinds["optimised"][near]
    text = (
        f"In training, {setting.display_name}: L_wsl followed {loss_name(str(near))} "
        f"(its MSE is {format_ratio(ratio)} times smaller than for {loss_name(str(far))}"
    )
    if "excess" in kinds and kinds["excess"].get(near, 0) > 0:
        text += (
            f"; {format_ratio(kinds['excess'][far] / kinds['excess'][near])} times without the floor of the smoothing"
        )
    weight = row.attention if near == setting.modalities[0] else 1 - row.attention
    if np.isnan(weight):
        return [f"{text})."]
    return [
        f"{text}), and W_{subscript(str(near))} is {weight:.2f}. Where this weight is 1, p_wsl equals "
        f"p_{subscript(str(near))} by construction, so the two are one piece of evidence."
    ]
