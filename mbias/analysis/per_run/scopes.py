"""Attention and contributions by scope: numerators and denominators of each sample, and means with their intervals.

A scope says what a mean is over: ``all`` segments or samples, or those in which the category is ``present``. Parts are
arrays (..., 2) whose sums over samples give a mean as their quotient.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mbias.analysis.per_run.pooling import pooled, shares_of
from mbias.analysis.settings import Setting, reason_for
from mbias.errors import NotApplicableError
from mbias.records.run import Run
from mbias.records.summary import aligned, presence
from mbias.stats.estimates import estimate, summed_by_group
from mbias.stats.intervals import linearised, ratio, student, t_quantile
from mbias.tables.words import Words

Scoped = dict[str, np.ndarray]
"""An array by scope."""

FEWEST = 5
"""A mean over fewer samples, or groups of samples, has no interval."""

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


def contributions_of(run: Run, epoch: int | str) -> np.ndarray:
    """The contributions phi of the modalities to p_wsl (Eq. 3), (sample, modality, category).

    Raises
    ------
    NotApplicableError
        If the epoch lacks an array, or the contributions do not add up to the recorded p_wsl.
    """
    if "wav" not in run.header.arrays:
        raise no_attention(run)
    phi = pooled(run, epoch, "wav", "p")
    if "p_joint" in run.commit(epoch).arrays:
        joint = run.values("p_joint", epoch, ("sample", "category"))
        if np.abs(phi.sum(axis=1) - joint).max() > _ROUNDING:
            segmented = "segment" in run.header.arrays["wav"]
            raise NotApplicableError(
                f"{run.path}: p_joint is not the sum of {'W_tp ' * segmented}{Words.of([run]).weight} P (Eq. 3), "
                "so contributions do not apply"
            )
    return phi


def sample_scopes(run: Run, phi: np.ndarray) -> Scoped:
    """Which samples count for which category, bool (sample, category)."""
    everywhere = {"all": np.ones((len(phi), phi.shape[-1]), dtype=bool)}
    return everywhere | ({"present": run.truth["weak"]} if "weak" in run.truth else {})


def sample_parts(run: Run, values: np.ndarray) -> Scoped:
    """The value of each sample, and whether it counts, (sample, modality, category, 2)."""
    parts = {}
    for scope, mask in sample_scopes(run, values).items():
        counted = np.broadcast_to(mask[:, None], values.shape)
        parts[scope] = np.stack([values * counted, counted], axis=-1)
    return parts


def weight_parts(run: Run, epoch: int | str) -> Scoped:
    """The sum and the number of the weights W_av of each sample, (sample, modality, category, 2)."""
    present = presence(run.truth, run.header.modalities)
    weights, mask = aligned(run.values("wav", epoch), run.header.arrays["wav"], present, len(run.header.categories))
    masks = {"all": np.ones(()), **({} if mask is None else {"present": mask[..., None, :]})}
    between = tuple(range(1, weights.ndim - 2))
    parts = {}
    for scope, kept in masks.items():
        counted = np.broadcast_to(kept, weights.shape)
        parts[scope] = np.stack(
            [(weights * counted).sum(axis=between, dtype=float), counted.sum(axis=between)], axis=-1
        )
    return parts


def share_parts(runs: Sequence[Run], epoch: int | str) -> tuple[list[Scoped], dict[str, str]]:
    """`sample_parts` of the shares of phi, by run.

    Returns
    -------
    parts : list of dict
        Empty for a run to which contributions do not apply.
    reasons : dict
        Why they do not apply, under the name ``contribution``.
    """
    parts: list[Scoped] = []
    reasons: dict[str, str] = {}
    for run in runs:
        try:
            parts.append(sample_parts(run, shares_of(contributions_of(run, epoch))))
        except NotApplicableError as error:
            parts.append({})
            reasons.setdefault("contribution", reason_for(error, [run]))
    return parts, reasons


def over_samples(parts: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
    """The quotient of sums of parts (sample, ..., 2), in [0, 1], with the ends of its interval, (3, ...).

    Only samples (or groups) with a denominator count: they set the standard error and the degrees of freedom. Where
    denominators differ, their effective number counts (Kish 1965), which is smaller. With fewer than `FEWEST` samples,
    the ends are NaN.
    """
    parts = summed_by_group(parts, groups)
    weights = parts[..., 1]
    few = (weights > 0).sum(axis=0) < FEWEST
    effective = np.divide(weights.sum(axis=0) ** 2, (weights**2).sum(axis=0), out=np.ones(few.shape), where=~few)
    number = np.maximum(effective, 2)
    values = linearised(parts)
    mean = values.mean(axis=0)
    spread = ((values - mean) ** 2).sum(axis=0) * number / (number - 1)
    half = t_quantile(number - 1) * np.sqrt(spread) / len(parts)
    half = np.where(few, np.nan, half)
    clipped: np.ndarray = np.clip(np.stack([mean, mean - half, mean + half]), 0, 1)
    return clipped


def run_means(run: Run, epoch: int | str) -> tuple[dict[str, Scoped], dict[str, str]]:
    """Means over categories of a run, each with the ends of its 95 % interval over samples.

    Returns
    -------
    means : dict
        ``attention`` and ``contribution`` by scope, (3, modality).
    reasons : dict
        As `share_parts`.
    """

    def means(parts: Scoped) -> Scoped:
        return {scope: np.clip(student(_over_categories(array, run.groups)), 0, 1) for scope, array in parts.items()}

    shares, reasons = share_parts([run], epoch)
    return {"attention": means(weight_parts(run, epoch)), "contribution": means(shares[0])}, reasons


def setting_means(setting: Setting, epoch: int | str) -> tuple[dict[str, Scoped], dict[str, str]]:
    """`run_means` of all runs of a setting, with intervals over seeds and samples."""

    def means(by_run: list[Scoped]) -> Scoped:
        shared = [scope for scope in by_run[0] if all(scope in parts for parts in by_run)]
        return {scope: _over_seeds(np.stack([p[scope] for p in by_run]), setting.groups) for scope in shared}

    shares, reasons = share_parts(setting.runs, epoch)
    weights = [weight_parts(run, epoch) for run in setting.runs]
    return {"attention": means(weights), "contribution": means(shares)}, reasons


def _over_categories(parts: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    """The mean over categories of linearised parts, (sample or group, modality)."""
    mean: np.ndarray = np.nanmean(linearised(summed_by_group(parts, groups)), axis=-1)
    return mean


def _over_seeds(parts: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    """Mean over categories of the quotients of parts (seed, sample, ...), with its ends, (3, modality)."""
    # NaN where a resample lacks the category.
    estimated = estimate(parts, lambda sums: np.nanmean(ratio(sums), axis=-1), groups=groups)
    return np.concatenate([estimated.point[None], estimated.interval(bounds=(0, 1))])
