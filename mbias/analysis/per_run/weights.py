"""The summaries of W_av of one run, as columns and rows of tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from mbias.analysis.per_run import scopes
from mbias.records.run import Run
from mbias.records.summary import SCOPES, STATISTICS


def distribution(run: Run, epoch: int | str) -> list[dict[str, Any]]:
    """The distribution of W_av by category and modality: the columns of a table, by scope (NaN without a weight)."""
    shared = {"epoch": run.commit(epoch).epoch, "samples": len(run.samples)}
    return [
        {
            **shared,
            "scope": scope,
            **scopes.cells(run),
            **dict(zip(STATISTICS, statistics.reshape(len(STATISTICS), -1).astype(float), strict=True)),
        }
        for scope, statistics in zip(SCOPES, scopes.summary(run, epoch), strict=True)
    ]


def movement(run: Run) -> list[dict[str, Any]]:
    """The mean and the saturated share of W_av over categories, one row per epoch, scope and modality."""
    run.commit()
    rows = []
    for commit in (commit for commit in run.commits if "wav_summary" in commit.arrays):
        values = scopes.summary(run, commit.epoch)
        mean, saturated = values[:, STATISTICS.index("mean")], values[:, STATISTICS.index("saturated")]
        for row, scope in enumerate(SCOPES):
            known = ~np.isnan(mean[row, 0])
            if not known.any():
                continue
            for index, modality in enumerate(run.header.modalities):
                rows.append(
                    {
                        "epoch": commit.epoch,
                        "scope": scope,
                        "modality": modality,
                        "attention": mean[row, index, known].mean(dtype=float),
                        "saturated": saturated[row, index, known].mean(dtype=float),
                        "categories": int(known.sum()),
                    }
                )
    return rows
