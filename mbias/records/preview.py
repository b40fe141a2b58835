"""A study as a notebook displays it: one row per run, with a sparkline of its mean attention by epoch."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import numpy as np

from mbias.records.run import Run
from mbias.records.summary import STATISTICS
from mbias.terms import Variant, smoothing_name

MOST_RUNS = 40
"""The largest number of rows that are shown."""

MOST_EPOCHS = 8
"""The largest number of points in a sparkline."""

_WIDTH, _HEIGHT = 90, 22


def as_html(runs: Sequence[Run], left_out: Mapping[str, str]) -> str:
    """An HTML table of runs.

    Parameters
    ----------
    runs
        The runs of the study, at least one.
    left_out
        The reason by name of each run that was left out.

    Returns
    -------
    str
        HTML without scripts, in which all names are escaped.
    """
    modality = runs[0].header.modalities[0]
    simulated = any(run.header.simulated for run in runs)
    heads = ("run", "variant", "smoothing", "mitigation", "control", "seed", "epochs", f"mean W_{modality} by epoch")
    rows = "".join(_row(run) for run in runs[:MOST_RUNS])
    more = [f"and {len(runs) - MOST_RUNS} more runs"] * (len(runs) > MOST_RUNS)
    omitted = [f"left out {name}: {reason}" for name, reason in left_out.items()]
    notes = "".join(f"<p>{html.escape(text)}</p>" for text in more + omitted)
    title = f"{len(runs)} run{'s' * (len(runs) > 1)}{', on simulated data' * simulated}"
    return (
        f"<p><strong>mbias study: {title}</strong></p><table><thead><tr>"
        f"{''.join(f'<th>{html.escape(head)}</th>' for head in heads)}</tr></thead><tbody>{rows}</tbody></table>{notes}"
    )


def _row(run: Run) -> str:
    epochs = f"{len(run.commits)}{'' if run.complete else ', unfinished'}"
    variant = Variant(run.variant).display_name if run.variant in set(Variant) else run.variant
    smoothing = smoothing_name(run.smoothing) if run.smoothing else None
    texts = (run.name, variant, smoothing, run.mitigation, run.control, run.seed, epochs)
    cells = "".join(f"<td>{'' if text is None else html.escape(str(text))}</td>" for text in texts)
    return f"<tr>{cells}<td>{_sparkline(run)}</td></tr>"


def _sparkline(run: Run) -> str:
    """The mean attention on the first modality by epoch, from 0 to 1, with its last value; empty if not recorded."""
    holding = [commit.epoch for commit in run.commits if "wav_summary" in commit.arrays]
    if not holding:
        return ""
    positions = np.unique(np.linspace(0, len(holding) - 1, MOST_EPOCHS).round().astype(int))
    epochs = [holding[position] for position in positions]
    mean = STATISTICS.index("mean")
    weights = [float(np.nanmean(run.values("wav_summary", epoch)[0, mean, 0])) for epoch in epochs]
    x = np.interp(epochs, [1, max(2, epochs[-1])], [2, _WIDTH - 2])
    points = " ".join(f"{a:.1f},{2 + (1 - w) * (_HEIGHT - 4):.1f}" for a, w in zip(x, weights, strict=True))
    alt_text = f"from {weights[0]:.2f} to {weights[-1]:.2f}"
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" style="vertical-align: middle" role="img" aria-label="{alt_text}" '
        f'fill="none" stroke="currentColor">'
        f'<path d="M0 {_HEIGHT / 2}H{_WIDTH}" stroke-opacity="0.3" stroke-dasharray="2 2"/>'
        f'<polyline points="{points}" stroke-width="1.6"/></svg> {weights[-1]:.2f}'
    )
