"""Which run a row is about: the columns that stand first in every table of runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pandas as pd

from mbias.analysis.labels import label
from mbias.records.run import Run
from mbias.records.study import Study
from mbias.terms import PRESETS, Variant

VARIANT_ORDER = tuple(Variant)
"""The order of the paper's Table 1."""

SMOOTHING_ORDER = tuple(PRESETS)
"""The order of the paper's Table 2."""


def identified(study: Study) -> Iterator[tuple[Run, dict[str, Any]]]:
    """Every run with the columns that identify it, in the order of the paper's tables.

    The columns are ``run`` (name of its folder; with the folder above where two runs share a name), ``variant``,
    ``smoothing``, ``control`` and ``seed`` (None for a foreign model), and ``simulated``.
    """
    names = Counter(run.name for run in study)
    for run in sorted(study, key=_place):
        path = run.path.resolve()
        yield (
            run,
            {
                "run": run.name if names[run.name] == 1 else f"{path.parent.name}/{run.name}",
                "variant": run.variant,
                "smoothing": run.smoothing,
                "control": run.control,
                "seed": run.seed,
                "simulated": run.header.simulated,
            },
        )


def place_of(name: str | None, order: tuple[str, ...]) -> tuple[int, str]:
    """Key that sorts names as ``order`` has them, and others behind, by name."""
    return (order.index(name) if name in order else len(order), str(name))


def one_variant(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The rows of one variant, and its label.

    The variant is the original network's, A_cross + V_cross, where the table has it, else the first in the paper's
    order; a table of foreign models comes back whole, with an empty label.
    """
    variants = sorted(table["variant"].dropna().unique(), key=lambda name: place_of(name, VARIANT_ORDER))
    if not variants:
        return table, ""
    chosen: str = Variant.ACROSS_VCROSS if Variant.ACROSS_VCROSS in variants else variants[0]
    return table[table["variant"] == chosen], label("variant", chosen)


def _place(run: Run) -> tuple:
    seed = -1 if run.seed is None else run.seed
    return (
        place_of(run.variant, VARIANT_ORDER),
        place_of(run.smoothing, SMOOTHING_ORDER),
        str(run.control or ""),
        seed,
        run.name,
    )
