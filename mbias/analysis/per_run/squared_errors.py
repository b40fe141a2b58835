"""How far the joint loss is from the loss of each modality, over the epochs of a run and over seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mbias.analysis.settings import SETTING_COLUMNS, Setting
from mbias.errors import NotApplicableError
from mbias.records.commits import Commit
from mbias.records.run import Run
from mbias.stats.intervals import student


def kinds(commit: Commit, loss: str) -> dict[str, float]:
    """The values of a loss at an epoch by kind: as optimised, the excess over its floor, and against hard labels."""
    values = commit.losses.get(loss, {})
    known: dict[str, float] = {kind: values[kind] for kind in ("optimised", "hard") if kind in values}
    if "optimised" in values and "floor" in values:
        known["excess"] = values["optimised"] - values["floor"]
    return known


def squared_errors(run: Run, kind: str) -> dict[str, float]:
    """The mean squared difference from the joint loss, of every loss that has the kind at every epoch."""
    run.commit()
    joint = run.header.joint_loss
    single = [loss for loss in run.header.losses if loss != joint]
    if not single:
        raise NotApplicableError(
            f"{run.path}: {joint!r} is the only loss; record a loss of each modality to compare it with"
        )
    known = {
        loss: np.array([kinds(commit, loss).get(kind, np.nan) for commit in run.commits]) for loss in (joint, *single)
    }
    if kind == "optimised" and np.isnan(known[joint]).any():
        raise NotApplicableError(f"{run.path}: an epoch lacks the optimised loss {joint!r}; record it at every epoch")
    errors = {loss: float(np.mean((known[joint] - known[loss]) ** 2)) for loss in single}
    return {loss: error for loss, error in errors.items() if np.isfinite(error)}


def error_rows(setting: Setting, kind: str) -> list[dict[str, Any]]:
    """The geometric means over seeds of `squared_errors` and of their ratios to the smallest one, with 95 % intervals.

    Returns
    -------
    list of dict
        One row per modality; none where an error is unknown or 0.
    """
    errors = pd.DataFrame([squared_errors(run, kind) for run in setting.runs])
    if errors.empty or not (errors > 0).all(axis=None):
        return []
    logs = np.log(errors)
    rows = []
    for loss in errors:
        row = {name: setting.identity[name] for name in SETTING_COLUMNS} | {"kind": kind, "modality": loss}
        for name, values in (("mse", logs[loss]), ("ratio", logs[loss] - logs[logs.mean().idxmin()])):
            ends = np.exp(student(values.to_numpy()))
            row |= dict(zip((name, f"{name}_low", f"{name}_high"), ends, strict=True))
        rows.append(row)
    return rows
