"""The columns of tables of what the outputs depend on."""

from __future__ import annotations

from typing import Any

import numpy as np

from mbias.analysis.measures.use import Use
from mbias.analysis.settings import Setting
from mbias.errors import NotApplicableError
from mbias.tasks import Task


def use_rows(setting: Setting, used: Use) -> list[dict[str, Any]]:
    """The rows of a setting, one per modality."""
    interaction = with_ends("interaction", float(used.interaction.point[0]), used.interaction.interval()[:, 0])
    helps = {"help": "squared_error", "help_log_loss": "log_loss"}
    if setting.task in (Task.SINGLE_LABEL, Task.BINARY):
        helps["help_accuracy"] = "error_rate"
    rows = []
    for m, modality in enumerate(setting.modalities):
        row = {**setting.identity, "modality": modality, **change_columns(used, m, 0), **share_columns(used, m, 0)}
        for column, loss in helps.items():
            try:
                helped = used.help(loss)[m]
                row |= with_ends(column, float(helped.point[0]), helped.interval()[:, 0])
            except NotApplicableError:
                row |= with_ends(column, np.nan, np.full(2, np.nan))
        rows.append({**row, **interaction, "samples": setting.samples, "stand_in": used.stand_in})
    return rows


def category_use_rows(setting: Setting, used: Use, category: int, samples: int) -> list[dict[str, Any]]:
    """The rows of a category, one per modality."""
    row = 1 + category
    return [
        {
            **setting.identity,
            "category": setting.categories[category],
            "modality": modality,
            **change_columns(used, m, row),
            **share_columns(used, m, row),
            "samples": samples,
        }
        for m, modality in enumerate(setting.modalities)
    ]


def change_columns(used: Use, m: int, row: int) -> dict[str, float]:
    """The root of the mean squared change; row 0 of `Use.change` is a sum over categories."""
    over = len(used.setting.categories) if row == 0 else 1
    change = used.change[m].at(row)
    squared = np.array([change.point, *change.interval(bounds=(0, np.inf))]) / over
    return with_ends("change", *_split(np.sqrt(squared)))


def share_columns(used: Use, m: int, row: int) -> dict[str, float]:
    """The share of a modality in one row of the estimates."""
    return with_ends("share", float(used.share[m].point[row]), used.share[m].at(row).interval())


def _split(values: np.ndarray) -> tuple[float, np.ndarray]:
    return float(values[0]), values[1:]


def with_ends(column: str, value: float, ends: np.ndarray) -> dict[str, float]:
    """A column and the two columns of the ends of its interval."""
    return {column: value, f"{column}_low": float(ends[0]), f"{column}_high": float(ends[1])}
