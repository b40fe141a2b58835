"""Is this model biased, toward what, how sure are we, and what would settle it?

The verdict rests on the balance of the Shapley values of p_wsl (`mbias.analysis.measures.catalogue.PRIMARY`) and its
95 % interval over seeds and samples: *biased toward* a modality where the whole interval is beyond `MARGIN` on its
side, *balanced* where two one-sided tests at 5 % find it within the margin (a large p of a test for a difference would
not do), *undetermined* else. Attention and losses stand beside it: they explain, they do not decide.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mbias.analysis import losses
from mbias.analysis.measures.catalogue import BALANCE, PRIMARY, Estimates, Measure, estimates, primary_estimates
from mbias.analysis.measures.coalitions import enough
from mbias.analysis.power import LAYOUT as POWER
from mbias.analysis.settings import Setting, setting_name, settings
from mbias.errors import BadInputError
from mbias.records.study import Study
from mbias.stats.estimates import LEVEL, Estimate
from mbias.stats.intervals import t_quantile
from mbias.stats.significance import benjamini_hochberg, equivalence
from mbias.tables.layout import Layout, number, with_interval
from mbias.tables.names import format_ratio, loss_name, subscript

MARGIN = 0.2
"""A balance within this of 0 counts as balanced: neither modality has more than 60 % of what the two give."""

ALPHA = 0.05
ENOUGH_SEEDS = 6
"""With fewer, no sign-flip test over seeds can reach 5 %."""

MOST_SEEDS = 100
BALANCED, UNDETERMINED = "balanced", "undetermined"

LAYOUTS = {
    "power": POWER,
    "verdicts": Layout(
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
    "categories": Layout(
        ("variant", "smoothing", "control", "category"),
        (),
        {
            "verdict": lambda row: row.verdict,
            "balance": with_interval("balance", "+.2f"),
            "discordant": lambda row: "yes" * row.discordant,
        },
    ),
    "measures": Layout(
        ("variant", "smoothing", "control", "measure"),
        (),
        {"verdict": lambda row: row.verdict, "balance": with_interval("balance", "+.2f")},
    ),
}


def verdicts(study: Study, found: Estimates | None = None) -> pd.DataFrame:
    """The verdict on every setting.

    Parameters
    ----------
    found
        The study's `mbias.analysis.measures.catalogue.estimates`, where they are at hand.

    Returns
    -------
    pandas.DataFrame
        A row a setting: ``verdict``; ``balance`` in [-1, 1], positive toward the first modality, with its ends;
        ``p_balanced`` of the equivalence test; ``agree`` of ``others`` further measures that change inputs have their
        balance where the verdict says (within the margin, or beyond it; for an undetermined one, on its side);
        ``attention``, the mean of the first modality's W, of which ``misleads`` says whether it names another side
        than a biased verdict; ``discordant``, the categories whose own verdict is biased in another direction (p
        adjusted by Benjamini and Hochberg), separated by ``|``, and their number; ``seeds_needed``, how many seeds
        would settle an undetermined one (NaN where no number of them, or where it is settled); ``samples_needed``,
        whether samples, not seeds, are what is missing; ``first`` and ``second``, the modalities' names.

    Raises
    ------
    BadInputError
        If a run is not probed or has not two modalities.
    """
    rows = []
    for setting, by_measure in found or estimates(study):
        primary, *others = by_measure.items()
        row = decide(primary[1], 0, setting.modalities)
        causal = [(measure, other) for measure, other in others if measure.causal and _of_inputs(measure)]
        agree = [_agrees(row["verdict"], row["balance"], float(other.point[0, 2])) for _, other in causal]
        weights = [other for measure, other in others if measure.name == "attention"]
        discordant = [c["category"] for c in _category_rows(setting, primary[1]) if c["discordant"]]
        share = float(weights[0].point[0, 0]) if weights else np.nan
        seeds, samples = _settling(primary[1], row["verdict"])
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
    return pd.DataFrame(rows)


def categories(study: Study, found: Estimates | None = None) -> pd.DataFrame:
    """The verdict on every category of every setting.

    Parameters
    ----------
    found
        The study's `mbias.analysis.measures.catalogue.estimates`, where they are at hand.

    Returns
    -------
    pandas.DataFrame
        A row a setting and category (of `mbias.analysis.measures.coalitions.FEWEST` samples or more): ``verdict``,
        ``balance`` with its ends, ``p`` that it is not beyond the margin (adjusted over categories by Benjamini and
        Hochberg), ``discordant``, whether it is biased, by that p, in another direction than the whole; ``samples``.
    """
    rows: list[dict[str, Any]] = []
    for setting, by_measure in found or primary_estimates(study):
        rows += _category_rows(setting, by_measure[PRIMARY])
    return pd.DataFrame(rows)


def measures(study: Study, found: Estimates | None = None) -> pd.DataFrame:
    """The verdict that every measure would give by itself.

    Parameters
    ----------
    found
        The study's `mbias.analysis.measures.catalogue.estimates`, where they are at hand.

    Returns
    -------
    pandas.DataFrame
        A row a setting and measure: ``verdict``, ``balance`` with its ends, ``causal``, whether inputs were changed.
    """
    rows = []
    for setting, by_measure in found or estimates(study):
        for measure, of_measure in by_measure.items():
            if _of_inputs(measure):
                row = decide(of_measure, 0, setting.modalities)
                rows.append({**setting.identity, "measure": measure.display_name, "causal": measure.causal, **row})
    return pd.DataFrame(rows)


def finding(table: pd.DataFrame, study: Study | None = None) -> list[str]:
    """What a table of `verdicts` says: a sentence a setting; with the study also what in training explains it."""
    sentences = [_sentence(row) for row in table.itertuples()]
    return sentences + (explanations(table, study) if study else [])


def explanations(table: pd.DataFrame, study: Study) -> list[str]:
    """What in the training goes with the verdicts: smoothing, its floor, the losses that coincide, the attention."""
    try:
        errors = losses.coincidence(study)
    except BadInputError:
        return []
    sentences = []
    for setting, row in zip(settings(study), table.itertuples(), strict=True):
        names = {run.path.resolve().name for run in setting.runs}
        mine = errors[errors["run"].map(lambda run: run.split("/")[-1]).isin(names)]
        sentences += _explanation(setting, row, mine)
    return sentences


def seeds_needed(of: Estimate, row: int, level: float = LEVEL) -> int | None:
    """How many seeds would take the interval of a balance off the margins, were the balance as it is.

    None where no number up to `MOST_SEEDS` does: then the samples are too few.
    """
    distance = abs(abs(float(of.point[row, 2])) - MARGIN)
    samples, seeds = float(of.samples_part[row, 2]), float(of.seeds_part[row, 2]) * of.seeds
    for more in range(2, MOST_SEEDS + 1):
        if t_quantile(more - 1, level) * np.sqrt(samples + seeds / more) <= distance:
            return more
    return None


def _of_inputs(measure: Measure) -> bool:
    """Whether a measure's balance is between inputs: cross-attention's is between its two directions."""
    return measure.baseline != "cross"


def decide(found: Estimate, row: int, modalities: tuple[str, ...]) -> dict[str, Any]:
    """The verdict on one row of an estimate (first number, second number, balance), with what it rests on.

    Returns
    -------
    dict
        ``verdict``; ``balance``, ``balance_low``, ``balance_high``, 95 %; ``p_balanced``, of the equivalence test.
    """
    low, high = (float(end[row, 2]) for end in found.interval(bounds=BALANCE))
    point, p = float(found.point[row, 2]), float(equivalence(found, MARGIN)[row, 2])
    return {
        "verdict": _verdict(low, high, p, modalities),
        "balance": point,
        "balance_low": low,
        "balance_high": high,
        "p_balanced": p,
    }


def _category_rows(setting: Setting, found: Estimate) -> list[dict[str, Any]]:
    places = np.flatnonzero(enough(setting.weak))
    beyond = np.minimum(2 * np.minimum(found.above(MARGIN), found.below(-MARGIN)), 1)[1 + places, 2]
    adjusted = benjamini_hochberg(beyond)
    whole = decide(found, 0, setting.modalities)["verdict"]
    rows = []
    for place, p in zip(places, adjusted, strict=True):
        row = decide(found, 1 + int(place), setting.modalities)
        side = setting.modalities[0] if row["balance"] > 0 else setting.modalities[1]
        rows.append(
            {
                **setting.identity,
                "category": setting.categories[place],
                **row,
                "p": float(p),
                "discordant": bool(p <= ALPHA and f"biased toward {side}" != whole),
                "samples": int(setting.weak[:, place].sum()),
            }
        )
    return rows


def _verdict(low: float, high: float, p_balanced: float, modalities: tuple[str, ...]) -> str:
    if low > MARGIN:
        return f"biased toward {modalities[0]}"
    if high < -MARGIN:
        return f"biased toward {modalities[1]}"
    return BALANCED if p_balanced <= ALPHA else UNDETERMINED


def _agrees(verdict: str, balance: float, other: float) -> bool:
    if verdict == BALANCED:
        return abs(other) <= MARGIN
    return balance * other > 0 and (verdict == UNDETERMINED or abs(other) > MARGIN)


def _settling(found: Estimate, verdict: str) -> tuple[float, bool]:
    """How many seeds would settle an undetermined verdict, NaN where none; and whether samples are what is missing."""
    if verdict != UNDETERMINED:
        return np.nan, False
    if found.seeds < 2:
        return float(ENOUGH_SEEDS), False
    needed = seeds_needed(found, 0)
    return (np.nan, True) if needed is None else (float(max(needed, found.seeds + 1)), False)


def _sentence(row: Any) -> str:
    text = (
        f"{setting_name(row.run, row.variant, row.smoothing, row.control)}: {row.verdict}; "
        f"balance {row.balance:+.2f} [{row.balance_low:+.2f}, {row.balance_high:+.2f}] ({_over(row)}); "
        f"{row.agree} of {row.others} other measures agree"
    )
    if row.misleads:
        text += f"; its attention, W_{subscript(row.first)} = {row.attention:.2f}, points to the other side"
    if row.discordant_number:
        text += f"; {_counted(row.discordant_number)}: {row.discordant.replace('|', ', ')}"
    if row.verdict == UNDETERMINED:
        text += f"; {_what_settles(row)}"
    return f"{text}."


def _counted(number: int) -> str:
    return f"{number} discordant {'category' if number == 1 else 'categories'}"


def _over(row: Any) -> str:
    if row.seeds == 1:
        return f"one seed, {row.samples:,} samples: of this trained model, not of its training"
    return f"{row.seeds} seeds, {row.samples:,} samples"


def _what_settles(row: Any) -> str:
    if row.samples_needed:
        return "no number of seeds would settle it, more samples would"
    if row.seeds == 1:
        return f"how much seeds differ is not known: train {ENOUGH_SEEDS}"
    return f"about {row.seeds_needed:.0f} seeds would settle it, were the balance as it is"


def _explanation(setting: Setting, row: Any, errors: pd.DataFrame) -> list[str]:
    """One sentence on where the losses and the attention of a setting went."""
    kinds = {kind: part.groupby("modality")["mse"].mean().sort_values() for kind, part in errors.groupby("kind")}
    if "optimised" not in kinds or len(kinds["optimised"]) < 2:
        return []
    near, far = kinds["optimised"].index[0], kinds["optimised"].index[-1]
    ratio = kinds["optimised"][far] / kinds["optimised"][near]
    text = (
        f"In training, {setting.display_name}: L_wsl ran along {loss_name(str(near))} "
        f"({format_ratio(ratio)} times nearer than along {loss_name(str(far))}"
    )
    if "excess" in kinds and kinds["excess"].get(near, 0) > 0:
        text += (
            f"; {format_ratio(kinds['excess'][far] / kinds['excess'][near])} times with the smoothing's floor taken off"
        )
    weight = row.attention if near == setting.modalities[0] else 1 - row.attention
    if np.isnan(weight):
        return [f"{text})."]
    return [
        f"{text}), and W_{subscript(str(near))} went to {weight:.2f}; where it is 1, p_wsl is p_{subscript(str(near))} "
        f"by construction, so the two are one piece of evidence."
    ]
