"""A verdict, or what outputs depend on, in one sentence: what it rests on and how far it reaches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mbias.analysis.measures.needed import MOST_SEEDS
from mbias.analysis.measures.replaced import PERMUTED
from mbias.analysis.measures.verdict import BALANCED, FEWEST_POSITIVES, NOTHING, UNDETERMINED
from mbias.tables.names import name_list, setting_name, subscript


def verdict_sentence(row: Any) -> str:
    """What a row of `mbias.analysis.diagnosis.verdicts` says."""
    name = setting_name(row.run, row.variant, row.smoothing, row.mitigation, row.control)
    if row.verdict == NOTHING:
        changed = f"; the change with all inputs replaced is {row.size:.1%} of a perfect predictor's"
        return f"{name}: {NOTHING}; {row.reason}{changed * bool(np.isfinite(row.size))} ({_over(row)}){_rests_on(row)}."
    level = " at 90 %" if row.verdict == BALANCED else ""
    interval = f"[{row.balance_low:+.2f}, {row.balance_high:+.2f}]{level}"
    balance = f"; balance of {row.first} and {row.second} {row.balance:+.2f} {interval}" * bool(
        np.isfinite(row.balance)
    )
    text = f"{name}: {row.verdict}{balance} ({_over(row)}){_rests_on(row)}"
    if row.flags:
        text += f"; {row.flags.replace('|', ', ')}"
    if row.contradicts:
        several = "|" in row.contradicts
        text += f"; {row.contradicts.replace('|', ' and ')} {'contradict' if several else 'contradicts'} this"
    if row.misleads:
        text += f"; the attention, W_{subscript(row.first)} = {row.attention:.2f}, favours the other modality"
    if row.discordant_number:
        text += f"; {_counted(row.discordant_number)}: {name_list(row.discordant.split('|'))}"
    if row.unjudged:
        few = "1 category" if row.unjudged == 1 else f"{row.unjudged} categories"
        verb = "is" if row.unjudged == 1 else "are"
        text += f"; {few} of fewer than {FEWEST_POSITIVES} labelled samples {verb} not judged"
    if row.verdict == UNDETERMINED:
        text += f"; {remark(row)}" * bool(remark(row))
        text += "; record more samples" if row.reason else f"; {_what_is_needed(row)}"
    return f"{text}."


def remark(row: Any) -> str:
    """What is known where a verdict is undetermined: its reason, or which modalities matter; empty otherwise."""
    if row.verdict != UNDETERMINED or row.reason:
        return str(row.reason) if row.verdict == UNDETERMINED else ""
    several = row.matter.split("|") if "|" in row.matter else []
    return f"{' and '.join(several)} matter, and which one more is not certain" * bool(several)


def use_sentence(rows: pd.DataFrame) -> str:
    """What the rows of a setting in `mbias.analysis.reliance.use` say."""
    first = next(rows.itertuples())
    name = setting_name(first.run, first.variant, first.smoothing, first.mitigation, first.control)
    shares = ", ".join(
        f"{row.share:.2f} [{row.share_low:.2f}, {row.share_high:.2f}] for {row.modality}" for row in rows.itertuples()
    )
    replaced = "that of other samples" if first.stand_in == PERMUTED else f"replaced by {first.stand_in!r}"
    text = f"{name}: the share of the change when a modality is {replaced} is {shares}"
    if rows["help"].isna().any():
        return f"{text}."
    helps = ", ".join(
        f"{row.help:+.2g} [{row.help_low:+.2g}, {row.help_high:+.2g}] for {row.modality}" for row in rows.itertuples()
    )
    return f"{text}; the squared error then changes by {helps}."


def _counted(number: int) -> str:
    return f"{number} discordant {'category' if number == 1 else 'categories'}"


def _rests_on(row: Any) -> str:
    own = row.stand_in != PERMUTED
    return f"; this rests on {row.stand_in!r} inputs, which the model may not know" if own else ""


def _over(row: Any) -> str:
    if row.seeds == 1:
        return f"one seed, {row.samples:,} samples: holds for this trained network, not for its training"
    return f"{row.seeds} seeds, {row.samples:,} samples"


def _what_is_needed(row: Any) -> str:
    times = f"{row.samples_needed:.1f}" if row.samples_needed < 100 else f"{row.samples_needed:,.0f}"
    samples = f"about {times} times as many samples"
    if row.seeds == 1:
        decided = (
            f"{samples} would decide it for this network"
            if np.isfinite(row.samples_needed)
            else "with these balances, more samples would not decide it"
        )
        return f"{decided}; how much seeds differ is not known"
    options = [f"about {row.seeds_needed:.0f} seeds"] * bool(np.isfinite(row.seeds_needed))
    options += [samples] * bool(np.isfinite(row.samples_needed))
    if not options:
        return f"if the balance stays the same, no number of seeds up to {MOST_SEEDS} would decide it"
    return f"{' or '.join(options)} would decide it, if the balance stays the same"
