"""What a figure shows, in one sentence with its numbers, for the caption of the figure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mbias.analysis.losses import EVEN
from mbias.analysis.measures.verdict import NOTHING, UNDETERMINED
from mbias.analysis.mechanism import equal_weight
from mbias.analysis.settings import one_variant
from mbias.tables.names import display_name, format_ratio, loss_name, setting_name, setting_names, subscript
from mbias.tables.words import words_of


def losses(table: pd.DataFrame, kind: str = "optimised") -> str:
    """Which loss L_wsl follows in every setting of one variant, from `mbias.analysis.losses.coincidence`."""
    rows, variant = one_variant(table[table["kind"] == kind])
    names = setting_names(rows)
    near: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        errors = rows[names == name].groupby("modality", sort=False)["mse"].mean().sort_values()
        ratio = errors.iloc[1] / errors.iloc[0] if len(errors) > 1 else np.inf
        first, *others = (loss_name(str(modality)) for modality in errors.index)
        side = f"closest to {first}" if len(others) > 1 else f"closer to {first}"
        if ratio < EVEN:
            side = (
                f"as close to {first} as to {others[0]}" if len(others) > 1 else "as close to one loss as to the other"
            )
        factor = f" ({format_ratio(ratio)} times)" if EVEN <= ratio < np.inf else ""
        near.setdefault(side, []).append(f"{name}{factor}")
    sides = ", ".join(f"{side} in {_listed(settings)}" for side, settings in near.items())
    suffix = f" of {variant}" if variant else ""
    brackets = "the ratio of the larger MSE to the smaller one"
    if rows["modality"].nunique() > 2:
        brackets = "the ratio of the second smallest MSE to the smallest one"
    return f"{words_of(table).joint_loss}{suffix} is {sides}; in brackets, {brackets}."


def attention(table: pd.DataFrame, scope: str = "all") -> str:
    """The mean weight of the first modality in every setting, from `mbias.analysis.attention.shares`."""
    rows, variant = one_variant(table[table["scope"] == scope])
    if rows.empty:
        return ""
    suffix = f" of {variant}" if variant else ""
    if rows["modality"].nunique() > 2:
        means = rows.groupby([setting_names(rows), "modality"], sort=False)["attention"].mean()
        most = means[means.groupby(level=0, sort=False).idxmax()]
        largest = [f"{modality} in {name} ({mean:.2f})" for (name, modality), mean in most.items()]
        return f"The mean weight{suffix} is largest on {_listed(largest)}."
    first = rows["modality"].iloc[0]
    rows = rows[rows["modality"] == first]
    means = rows.groupby(setting_names(rows), sort=False)["attention"].mean()
    return f"Mean W_{subscript(first)}{suffix} is {_listed([f'{mean:.2f} in {name}' for name, mean in means.items()])}."


def movement(table: pd.DataFrame, scope: str = "all") -> str:
    """How the weight of the first modality changes over epochs, from `mbias.analysis.attention.movement`.

    Of more than two modalities, it is the one with the largest weight in the end.
    """
    rows, variant = one_variant(table[table["scope"] == scope])
    first, last = rows["epoch"].min(), rows["epoch"].max()
    shown = rows["modality"].iloc[0]
    if rows["modality"].nunique() > 2:
        shown = rows[rows["epoch"] == last].groupby("modality", sort=False)["attention"].mean().idxmax()
    rows = rows[rows["modality"] == shown]
    means = rows.groupby([setting_names(rows), "epoch"], sort=False)["attention"].mean()
    changes = [
        f"from {means[name].iloc[0]:.2f} to {means[name].iloc[-1]:.2f} in {name}"
        for name in means.index.get_level_values(0).unique()
    ]
    suffix = f" of {variant}" if variant else ""
    weight = f"W_{subscript(rows['modality'].iloc[0])}"
    return f"Between epochs {first} and {last}, mean {weight}{suffix} changes {_listed(changes)}."


def optima(table: pd.DataFrame) -> str:
    """In how many categories the trained weight is near the optimal one, from `mbias.analysis.mechanism.optima`."""
    rows, variant = one_variant(table)
    even = equal_weight(table)
    same = (rows["optimum"] > even) == (rows["trained"] > even)
    shares = same.groupby(setting_names(rows), sort=False).mean()
    start = f"In {variant}, the" if variant else "The"
    return (
        f"{start} trained weight is on the same side of {even:.2g} as the weight that minimises "
        f"{words_of(table).joint_loss} in "
        f"{_listed([f'{share:.0%} of the categories in {name}' for name, share in shares.items()])}."
    )


def use(table: pd.DataFrame) -> str:
    """Which modality the outputs depend on most, from `mbias.analysis.reliance.use`."""
    names = ["run", "variant", "smoothing", "mitigation", "control"]
    known = table.dropna(subset=["share"])
    settings = table.groupby(names, dropna=False).ngroups
    if known.empty:
        return f"The outputs of {settings} settings depend on no modality."
    largest = known.loc[known.groupby(names, sort=False, dropna=False)["share"].idxmax()]
    harmful = table[table["help_high"] < 0].groupby(names, dropna=False).ngroups
    harms = f" A modality harms in {harmful} settings." if harmful else ""
    if settings == 1:
        row = largest.iloc[0]
        return (
            f"The outputs of {_setting(row)} depend most on {row['modality']}: a share of {row['share']:.2f} "
            f"[{row['share_low']:.2f}, {row['share_high']:.2f}] of the squared change."
        )
    counts = largest["modality"].value_counts(sort=False)
    listed = _listed([f"{modality} in {count}" for modality, count in counts.items()])
    return f"The outputs depend most on {listed} of {settings} settings.{harms}"


def measures(table: pd.DataFrame) -> str:
    """The range of the balances of the first measure, from `mbias.analysis.reliance.measures`."""
    name = table["measure"].iloc[0]
    first = table[table["measure"] == name]
    rows = first[first["modality"] == first["modality"].iloc[0]].dropna(subset=["balance"]).sort_values("balance")
    if rows.empty:
        return f"The balance of {name} is not known."
    low, high = rows.iloc[0], rows.iloc[-1]
    if len(rows) == 1:
        return f"The balance of {name} is {_balance(low)}."
    toward = f"{(rows['balance'] > 0).sum()} of {len(rows)} settings rely more on {rows['modality'].iloc[0]}"
    return (
        f"By {name}, {toward}; the balance ranges from {_balance(low)} in {_setting(low)} to "
        f"{_balance(high)} in {_setting(high)}."
    )


def verdicts(table: pd.DataFrame) -> str:
    """How many settings have which verdict, from `mbias.analysis.diagnosis.verdicts`."""
    if len(table) == 1:
        row = table.iloc[0]
        balance = "" if row["verdict"] == NOTHING else f"; balance {_balance(row)}"
        return f"{_setting(row)}: {row['verdict']}{balance}."
    return f"{len(table)} settings: {_counts(table)}."


def categories(table: pd.DataFrame) -> str:
    """How many categories have which verdict, from `mbias.analysis.diagnosis.categories`."""
    settings = table.groupby(["run", "variant", "smoothing", "mitigation", "control"], dropna=False).ngroups
    of = f"{table['category'].nunique()} categories" + (f" in {settings} settings" if settings > 1 else "")
    return f"{of}: {_counts(table)}; {table['discordant'].sum()} discordant."


def differences(table: pd.DataFrame) -> str:
    """How many differences are significant, and which is the largest, from `mbias.analysis.compare.comparison`."""
    significant = table[table["p_holm"] <= 0.05]
    if significant.empty:
        return f"None of {len(table)} differences is significant at 5 % after Holm's correction."
    row = significant.loc[significant["difference"].abs().idxmax()]
    level = f"{row['level']}-level " if isinstance(row["level"], str) and row["level"] else ""
    return (
        f"{len(significant)} of {len(table)} differences {'is' if len(significant) == 1 else 'are'} significant at 5 % "
        f"after Holm's correction; the largest is that of {level}{display_name('metric', row['quantity'])}, "
        f"{row['difference']:+.3f} [{row['difference_low']:+.3f}, {row['difference_high']:+.3f}]."
    )


def _counts(table: pd.DataFrame) -> str:
    """How many rows have which verdict, the undecided ones last."""
    counts = table["verdict"].value_counts(sort=False).sort_index(key=lambda names: names.isin([NOTHING, UNDETERMINED]))
    return _listed([f"{count} {name}" for name, count in counts.items()])


def _balance(row: pd.Series) -> str:
    return f"{row['balance']:+.2f} [{row['balance_low']:+.2f}, {row['balance_high']:+.2f}]"


def _setting(row: pd.Series) -> str:
    return setting_name(row["run"], row["variant"], row["smoothing"], row["mitigation"], row["control"])


def _listed(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
