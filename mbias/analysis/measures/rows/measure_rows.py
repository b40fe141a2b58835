"""The rows of tables of all measures of reliance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mbias.analysis.measures import parts
from mbias.analysis.measures.catalogue import PRIMARY, Measure, balance_of
from mbias.analysis.measures.rows.use_rows import with_ends
from mbias.analysis.measures.values import balance
from mbias.analysis.settings import Setting
from mbias.stats.bounded import Bounded
from mbias.stats.estimates import Estimate
from mbias.stats.intervals import student


def measure_columns(measure: Measure, estimated: Estimate) -> dict[str, Any]:
    """The columns of a measure."""
    pair = estimated.at(0, slice(2))
    low, high = Bounded(pair, 0, 1).interval() if measure.name == PRIMARY.name else pair.interval()
    balance = balance_of(measure, estimated)
    return {
        "value": pair.point,
        "value_low": low,
        "value_high": high,
        **with_ends("balance", balance.point, np.array([balance.low, balance.high])),
    }


def measure_rows(
    setting: Setting, measure: Measure, columns: dict[str, Any], modalities: Sequence[str]
) -> list[dict[str, Any]]:
    """The rows of a measure, one per modality."""
    return [
        {
            **setting.identity,
            "measure": measure.display_name,
            "kind": measure.name,
            "outcome": measure.outcome,
            "baseline": measure.baseline,
            "modality": modality,
            **{name: value[m] if name.startswith("value") else value for name, value in columns.items()},
            "causal": measure.causal,
            "samples": setting.samples,
        }
        for m, modality in enumerate(modalities)
    ]


def gradient_rows(setting: Setting) -> list[dict[str, Any]]:
    """The rows of the gradient ratio, with intervals over seeds."""
    norms = np.stack([parts.gradient_ratio(run) for run in setting.runs])
    norms = np.concatenate([norms, balance(norms[:, 0], norms[:, 1])[:, None]], axis=1)
    point, low, high = student(norms)
    columns = {
        "value": point[:2],
        "value_low": low[:2],
        "value_high": high[:2],
        **with_ends("balance", point[2], np.clip([low[2], high[2]], -1, 1)),
    }
    return measure_rows(
        setting, Measure("gradient", "", "", PRIMARY.estimate, causal=False), columns, setting.modalities
    )
