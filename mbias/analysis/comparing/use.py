"""What two settings use, compared: the balance of two modalities, or the share of each of more."""

from __future__ import annotations

from typing import Any

import numpy as np

from mbias.analysis.measures.replaced import sums_by_category
from mbias.analysis.measures.use import Use, squared_change, use
from mbias.analysis.settings import Setting
from mbias.errors import NotApplicableError
from mbias.stats.bounded import Bounded
from mbias.stats.estimates import Estimate
from mbias.stats.pairs import PairSums
from mbias.stats.quotients import difference
from mbias.stats.significance import cliffs_delta, no_difference, standardised
from mbias.tables.names import subscript


def use_rows(first: Setting, second: Setting, groups: np.ndarray | None) -> list[dict[str, Any]]:
    """The rows of `mbias.analysis.compare.comparison` about what both settings use, without ``p_holm``.

    Parameters
    ----------
    first, second
        The settings, with the same seeds.
    groups
        The group of each sample, as `mbias.stats.estimates.estimate` takes it.

    Returns
    -------
    list of dict
        One row, the balance, of two modalities; of more, one row per modality, its share.

    Raises
    ------
    NotApplicableError
        If a run was not probed with permuted inputs.
    BadInputError
        If a probe is damaged.
    """
    uses = use(first), use(second)
    names = first.modalities
    if len(names) == 2:
        balances = [used.balance[0, 1] for used in uses]
        return [_use_row("balance", balances, balance_difference(*uses), groups)]
    changes = paired_changes(*uses)
    rows = []
    for m, name in enumerate(names):
        paired = difference(changes, np.arange(len(names)) == m, np.ones(len(names)))
        rows.append(_use_row(f"share {subscript(name)}", [used.share[m] for used in uses], paired, groups))
    return rows


def balance_difference(first: Use, second: Use) -> Estimate:
    """The balance of two modalities in the second setting less that in the first, paired, (1 + category,).

    Raises
    ------
    NotApplicableError
        If the two rest on different stand-ins.
    """
    return difference(paired_changes(first, second), (1, -1), (1, 1))


def paired_changes(first: Use, second: Use) -> PairSums:
    """The sums of the pairs whose means are the changes of each modality, of the runs of the first and the second.

    Raises
    ------
    NotApplicableError
        As `balance_difference`.
    """
    if first.stand_in != second.stand_in:
        raise NotApplicableError(
            f"{second.setting.runs[0].path}: probed with {second.stand_in!r} inputs, the other with "
            f"{first.stand_in!r}; probe both in one way"
        )
    terms = [((modality,), squared_change) for modality in first.setting.modalities]
    return sums_by_category((*first.replaced, *second.replaced), [terms], first.setting.groups)[0]


def _use_row(quantity: str, sides: list[Bounded], paired: Estimate, groups: np.ndarray | None) -> dict[str, Any]:
    """A row of `comparison` of one bounded quantity of both settings, and of their paired difference."""
    values = [(float(side.point[0]), *side.interval()[:, 0]) for side in sides]
    paired = paired.at(slice(1))
    widest = sides[0].high - sides[0].low
    low, high = paired.interval(bounds=(-widest, widest))
    values.append((float(paired.point[0]), low[0], high[0]))
    units = "samples" if groups is None else "groups"
    several = paired.seeds > 1
    by_seed = [side.estimate.by_seed[:, :1] for side in sides]
    return {
        "quantity": quantity,
        "level": "",
        **{
            f"{name}{end}": float(value)
            for name, of_side in zip(("value_a", "value_b", "difference"), values, strict=True)
            for end, value in zip(("", "_low", "_high"), of_side, strict=True)
        },
        "d_z": float(standardised(paired.by_seed)[0]) if several else np.nan,
        "cliffs_delta": float(cliffs_delta(by_seed[1], by_seed[0])[0]) if several else np.nan,
        "p": float(no_difference(paired)[0]),
        "tested": f"seeds and {units}" if several else units,
        "by_seed": np.concatenate(by_seed, axis=1),
    }
