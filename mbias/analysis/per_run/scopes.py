"""Attention and contributions by scope: means over samples, with their intervals.

A scope says what a mean is over: ``all`` segments or samples, or those in which the category is ``present``. A mean is
a quotient of sums over samples, of cells (scope, ..., modality, category).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from mbias.analysis.per_run.pooling import pooled, shares_of
from mbias.analysis.settings import Setting, reason_for
from mbias.errors import NotApplicableError
from mbias.records.run import Run
from mbias.records.summary import SCOPES, STATISTICS, aligned, presence
from mbias.stats.estimates import estimate_blocks
from mbias.stats.intervals import ratio
from mbias.stats.ratios import Ratios
from mbias.stats.units import Rows, rows_of_block
from mbias.tables.words import Words

Scoped = dict[str, np.ndarray]
"""An array by scope."""

_ROUNDING = 0.01
"""How far p_joint may be from Eq. 3, in probability: half precision rounds to 0.004."""


def cells(run: Run) -> dict[str, np.ndarray]:
    """The modality and the category of each cell of an array (modality, category)."""
    modalities, names = run.header.modalities, run.header.categories
    return {"modality": np.repeat(modalities, len(names)), "category": np.tile(names, len(modalities))}


def no_attention(run: Run) -> NotApplicableError:
    """The error for a run that did not record its attention."""
    return NotApplicableError(f"{run.path}: no attention 'wav' is recorded, so this does not apply; record it as 'wav'")


def summary(run: Run, epoch: int | str) -> np.ndarray:
    """Statistics of W_av, (scope, statistic, modality, category), as `mbias.records.summary.attention_summary`.

    Raises
    ------
    NotApplicableError
        If the run did not record its attention, or not at that epoch.
    """
    if "wav" not in run.header.arrays:
        raise no_attention(run)
    return run.values("wav_summary", epoch)


def contributions_of(run: Run, epoch: int | str, rows: Rows = slice(None)) -> np.ndarray:
    """The contributions phi of the modalities to p_wsl (Eq. 3), (sample, modality, category).

    Raises
    ------
    NotApplicableError
        If the epoch lacks an array, or the contributions do not add up to the recorded p_wsl.
    """
    if "wav" not in run.header.arrays:
        raise no_attention(run)
    phi = pooled(run, epoch, "wav", "p", rows=rows)
    if "p_joint" in run.commit(epoch).arrays:
        joint = run.values("p_joint", epoch, ("sample", "category"), rows)
        if np.abs(phi.sum(axis=1) - joint).max() > _ROUNDING:
            segmented = "segment" in run.header.arrays["wav"]
            raise NotApplicableError(
                f"{run.path}: p_joint is not the sum of {'W_tp ' * segmented}{Words.of([run]).weight} P (Eq. 3), "
                "so contributions do not apply"
            )
    return phi


def sample_counts(run: Run) -> np.ndarray:
    """The number of samples that count for each category, (scope, category)."""
    everywhere = np.full(len(run.header.categories), len(run.samples))
    return np.stack([everywhere, run.truth["weak"].sum(axis=0)] if "weak" in run.truth else [everywhere])


def sample_means(run: Run, epoch: int | str, values: Callable[[np.ndarray], np.ndarray]) -> Ratios:
    """Means over samples of a function of the contributions phi, with cells (scope, ..., modality, category).

    Parameters
    ----------
    run, epoch
        The run and its epoch.
    values
        From contributions (sample, modality, category) to values (sample, ..., modality, category).
    """
    inner = values(np.zeros((1, len(run.header.modalities), len(run.header.categories)))).shape[1:]

    def counted(rows: Rows) -> np.ndarray:
        number = len(run.samples.index[rows])
        everywhere = np.ones((number, inner[-1]))
        masks = [everywhere, run.truth["weak"][rows]] if "weak" in run.truth else [everywhere]
        return np.stack(masks, axis=1).reshape((number, len(masks), *[1] * (len(inner) - 1), inner[-1]))

    def counted_values(rows: Rows) -> np.ndarray:
        kept: np.ndarray = values(contributions_of(run, epoch, rows))[:, None] * counted(rows)
        return kept

    return Ratios(counted_values, counted, len(run.samples), run.groups, _at_once(run, epoch))


def weight_means(run: Run, epoch: int | str) -> Ratios:
    """Means of the weights W_av over segments and samples, with cells (scope, modality, category)."""
    dimensions, categories = run.header.arrays.get("wav", ()), len(run.header.categories)
    inner = run.values("wav", epoch, rows=slice(1)).shape[1:]
    present = presence(run.truth, run.header.modalities)

    def with_present(weights: np.ndarray, rows: Rows) -> tuple[np.ndarray, np.ndarray | None]:
        return aligned(weights, dimensions, None if present is None else present[rows], categories)

    def sums(rows: Rows) -> np.ndarray:
        weights, mask = with_present(run.values("wav", epoch, rows=rows), rows)
        between = tuple(range(1, weights.ndim - 2))
        everywhere: np.ndarray = weights.sum(axis=between, dtype=float)
        if mask is None:
            return everywhere[:, None]
        if math.prod(mask.shape[1:-1]) == 1:
            where_present = everywhere * mask.reshape(len(mask), 1, -1)
        else:
            where_present = (weights * mask[..., None, :]).sum(axis=between, dtype=float)
        return np.stack([everywhere, where_present], axis=1)

    def numbers(rows: Rows) -> np.ndarray:
        # The weights themselves are not read, only their shape matters.
        none = np.broadcast_to(np.float32(0), (len(run.samples.index[rows]), *inner))
        weights, mask = with_present(none, rows)
        of_sample = math.prod(weights.shape[1:-2])
        everywhere = np.full((len(none), 1, 1, categories), float(of_sample))
        if mask is None:
            return everywhere
        times = of_sample / math.prod(mask.shape[1:-1])
        number = mask.sum(axis=tuple(range(1, mask.ndim - 1))) * times
        return np.concatenate([everywhere, number[:, None, None]], axis=1)

    expected = None
    if "wav_summary" in run.commit(epoch).arrays:
        expected = summary(run, epoch)[: 1 if present is None else 2, STATISTICS.index("mean")].astype(float)
    return Ratios(sums, numbers, len(run.samples), run.groups, _at_once(run, epoch), expected)


def run_means(run: Run, epoch: int | str) -> tuple[dict[str, Scoped], dict[str, str]]:
    """Means over categories of a run, each with the ends of its 95 % interval over samples.

    Returns
    -------
    means : dict
        ``attention`` and ``contribution`` by scope, (3, modality).
    reasons : dict
        Why contributions do not apply, under the name ``contribution``.
    """

    def means(of: Ratios) -> Scoped:
        return _by_scope(np.clip(of.means_over_last(), 0, 1))

    return _of_both(lambda: means(weight_means(run, epoch)), lambda: means(sample_means(run, epoch, shares_of)), [run])


def setting_means(setting: Setting, epoch: int | str) -> tuple[dict[str, Scoped], dict[str, str]]:
    """`run_means` of all runs of a setting, with intervals over seeds and samples."""

    def means(of: Callable[[Run], Ratios]) -> Scoped:
        return _over_seeds([of(run) for run in setting.runs])

    return _of_both(
        lambda: means(lambda run: weight_means(run, epoch)),
        lambda: means(lambda run: sample_means(run, epoch, shares_of)),
        setting.runs,
    )


def _of_both(
    attention: Callable[[], Scoped], contribution: Callable[[], Scoped], runs: Sequence[Run]
) -> tuple[dict[str, Scoped], dict[str, str]]:
    try:
        of_contributions, reasons = contribution(), {}
    except NotApplicableError as error:
        of_contributions, reasons = {}, {"contribution": reason_for(error, runs)}
    return {"attention": attention(), "contribution": of_contributions}, reasons


def _over_seeds(by_run: Sequence[Ratios]) -> Scoped:
    """Means over categories of the quotients of several runs of the same samples, (3, modality) by scope."""
    # NaN where a resample lacks the category.
    blocks = [of_run.parts for of_run in by_run]
    estimated = estimate_blocks(blocks, lambda sums: np.nanmean(ratio(sums), axis=-1), by_run[0].units)
    return _by_scope(np.concatenate([estimated.point[None], estimated.interval(bounds=(0, 1))]))


def _by_scope(means: np.ndarray) -> Scoped:
    """Means with the ends of their intervals, (3, scope, ...), by scope."""
    return dict(zip(SCOPES, means.swapaxes(0, 1), strict=False))


def _at_once(run: Run, epoch: int | str) -> int:
    """The number of samples whose weights make a block."""
    return rows_of_block(run.values("wav", epoch, rows=slice(1)).nbytes)
