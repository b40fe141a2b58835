"""What a figure shows, in one sentence with its numbers, for the caption below it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mbias.analysis.diagnosis import UNDETERMINED
from mbias.analysis.losses import EVEN
from mbias.analysis.settings import one_variant, setting_name
from mbias.tables.names import display_name, format_ratio, loss_name, setting_names, subscript


def losses(table: pd.DataFrame, kind: str = "optimised") -> str:
    """Of a table of `mbias.analysis.losses.coincidence`: along which loss L_wsl ran in every setting of one variant."""
    rows, variant = one_variant(table[table["kind"] == kind])
    names = setting_names(rows)
    near: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        errors = rows[names == name].groupby("modality", sort=False)["mse"].mean().sort_values()
        ratio = errors.iloc[-1] / errors.iloc[0] if len(errors) > 1 else np.inf
        side = f"nearer to {loss_name(str(errors.index[0]))}" if ratio >= EVEN else "as near to the one as to the other"
        beside = f" ({format_ratio(ratio)} times)" if EVEN <= ratio < np.inf else ""
        near.setdefault(side, []).append(f"{name}{beside}")
    sides = ", ".join(f"{side} in {_listed(settings)}" for side, settings in near.items())
    of = f" of {variant}" if variant else ""
    return f"L_wsl{of} runs {sides}; in brackets, how many times the other's MSE is this one's."


def attention(table: pd.DataFrame, scope: str = "all") -> str:
    """Of a table of `mbias.analysis.attention.shares`: the first modality's mean weight in every setting."""
    rows, variant = one_variant(table[table["scope"] == scope])
    if rows.empty:
        return ""
    first = rows["modality"].iloc[0]
    rows = rows[rows["modality"] == first]
    means = rows.groupby(setting_names(rows), sort=False)["attention"].mean()
    of = f" of {variant}" if variant else ""
    return f"Mean W_{subscript(first)}{of} is {_listed([f'{mean:.2f} in {name}' for name, mean in means.items()])}."


def movement(table: pd.DataFrame, scope: str = "all") -> str:
    """Of a table of `mbias.analysis.attention.movement`: from where to where the first modality's weight went."""
    rows, variant = one_variant(table[table["scope"] == scope])
    first, last = rows["epoch"].min(), rows["epoch"].max()
    rows = rows[rows["modality"] == rows["modality"].iloc[0]]
    means = rows.groupby([setting_names(rows), "epoch"], sort=False)["attention"].mean()
    ways = [
        f"from {means[name].iloc[0]:.2f} to {means[name].iloc[-1]:.2f} in {name}"
        for name in means.index.get_level_values(0).unique()
    ]
    of = f" of {variant}" if variant else ""
    weight = f"W_{subscript(rows['modality'].iloc[0])}"
    return f"Between epochs {first} and {last}, mean {weight}{of} went {_listed(ways)}."


def optima(table: pd.DataFrame) -> str:
    """Of a table of `mbias.analysis.mechanism.optima`: in how many categories training went where L_wsl is least."""
    rows, variant = one_variant(table)
    same = (rows["optimum"] > 0.5) == (rows["trained"] > 0.5)
    shares = same.groupby(setting_names(rows), sort=False).mean()
    of = f"In {variant}, the" if variant else "The"
    return (
        f"{of} trained weight is on the same side of 0.5 as the one that makes L_wsl least in "
        f"{_listed([f'{share:.0%} of the categories in {name}' for name, share in shares.items()])}."
    )


def measures(table: pd.DataFrame) -> str:
    """Of a table of `mbias.analysis.reliance.measures`: between what the primary measure's balances lie."""
    primary = table[table["measure"] == table["measure"].iloc[0]]
    rows = primary[primary["modality"] == primary["modality"].iloc[0]].sort_values("balance")
    low, high = rows.iloc[0], rows.iloc[-1]
    if len(rows) == 1:
        return f"The balance of Shapley values is {_balance(low)}."
    toward = f"{(rows['balance'] > 0).sum()} of {len(rows)} settings lean to {rows['modality'].iloc[0]}"
    return (
        f"By Shapley values {toward}: their balance lies between {_balance(low)} in {_setting(low)} and "
        f"{_balance(high)} in {_setting(high)}."
    )


def verdicts(table: pd.DataFrame) -> str:
    """Of a table of `mbias.analysis.diagnosis.verdicts`: how many settings have which verdict."""
    counts = table["verdict"].value_counts(sort=False).sort_index(key=lambda names: names == UNDETERMINED)
    if len(table) == 1:
        return f"{_setting(table.iloc[0])} is {counts.index[0]}: balance {_balance(table.iloc[0])}."
    said = _listed([f"{count} {'is' if count == 1 else 'are'} {name}" for name, count in counts.items()])
    return f"Of {len(table)} settings {said}."


def differences(table: pd.DataFrame) -> str:
    """Of a table of `mbias.analysis.compare.comparison`: how many differences hold, and which is the largest."""
    sure = table[table["p_holm"] <= 0.05]
    if sure.empty:
        return f"No difference of {len(table)} holds at 5 % after Holm's correction."
    row = sure.loc[sure["difference"].abs().idxmax()]
    level = f"{row['level']}-level " if isinstance(row["level"], str) and row["level"] else ""
    return (
        f"{len(sure)} of {len(table)} differences hold at 5 % after Holm's correction; the largest is of "
        f"{level}{display_name('metric', row['quantity'])}, {row['difference']:+.3f} "
        f"[{row['difference_low']:+.3f}, {row['difference_high']:+.3f}]."
    )


def _balance(row: pd.Series) -> str:
    return f"{row['balance']:+.2f} [{row['balance_low']:+.2f}, {row['balance_high']:+.2f}]"


def _setting(row: pd.Series) -> str:
    return setting_name(row["run"], row["variant"], row["smoothing"], row["control"])


def _listed(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
