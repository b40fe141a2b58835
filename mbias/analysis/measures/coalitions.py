"""What a model predicts with each set of modalities: the values that measures of reliance are made of.

A value is a quotient of sums over samples (`outcome_parts`), so that a bootstrap over samples needs no second
evaluation.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from mbias.analysis.measures.values import balance
from mbias.analysis.settings import Setting, weak_labels
from mbias.errors import NotApplicableError
from mbias.passes import WHOLE, Pass
from mbias.records.probes import Probe, how_to_probe, read_probe
from mbias.records.run import Run
from mbias.scores.f_scores import predictions, segment_counts
from mbias.stats.estimates import Estimate, estimate_blocks
from mbias.stats.intervals import ratio
from mbias.stats.units import Rows, unit_sums

OUTCOMES = ("probability", "log_loss", "f_score", "f_audio", "f_visual")
"""The outcomes of a prediction: p_wsl where the label is present, at least 0; minus the cross-entropy of p_wsl, in
nats, at most 0; the F-score of p_wsl >= 0.5, in [0, 1]; the segment-level F-score of one modality's events, in [0, 1].
F-scores are of the counts of all samples, by category."""

FEWEST = 5
"""A category with fewer labelled samples is left out of means over categories."""

Function = Callable[[np.ndarray], np.ndarray]

_LEAST = 1e-7

_BLOCK = 2**25
"""The size in bytes of the parts that are computed at a time. Each block adds to the sums of all resamples."""


def probed(run: Run) -> Probe:
    """The probe of a run of two modalities.

    Raises
    ------
    NotApplicableError
        If the run was not probed, lacks labels, or does not have two modalities.
    BadInputError
        If the probe is damaged.
    """
    if len(run.header.modalities) != 2:
        raise NotApplicableError(
            f"{run.path}: these measures compare exactly two modalities, and the run has {len(run.header.modalities)}"
        )
    weak_labels(run)
    return read_probe(run)


def outcome_parts(run: Run, probe: Probe, of_pass: Pass, outcome: str, rows: Rows = slice(None)) -> np.ndarray:
    """Numerators and denominators of an outcome by sample and category.

    Returns
    -------
    numpy.ndarray
        float64, of shape (sample, category, 2).
    """
    joint = probe.values(of_pass, "p_joint", rows).astype(float)
    weak = run.truth["weak"][rows]
    if outcome == "probability":
        return np.stack([joint * weak, weak], axis=-1)
    if outcome == "log_loss":
        p = np.clip(joint, _LEAST, 1 - _LEAST)
        return np.stack([np.where(weak, np.log(p), np.log1p(-p)), np.ones_like(p)], axis=-1)
    if outcome == "f_score":
        predicted = joint >= 0.5
        return np.stack([2 * (predicted & weak), predicted.astype(int) + weak], axis=-1).astype(float)
    modality = outcome.removeprefix("f_")
    if modality not in run.header.modalities or modality not in run.truth:
        raise NotApplicableError(f"{run.path}: {modality} events are not recorded, so they have no F-score")
    index = run.header.modalities.index(modality)
    predicted, true = predictions(probe.values(of_pass, "p", rows), joint)[:, :, index], run.truth[modality][rows]
    if predicted.shape != true.shape:
        raise NotApplicableError(f"{run.path}: the probe has other segments than the truth, so F-scores do not apply")
    counts = segment_counts(predicted, true)
    return np.stack([2 * counts.tp, 2 * counts.tp + counts.fp + counts.fn], axis=-1).astype(float)


def coalition_parts(run: Run, outcome: str, baseline: str, rows: Rows = slice(None)) -> np.ndarray:
    """`outcome_parts` of the four coalitions of two modalities: both, only the first, only the second, neither.

    Where the baseline is drawn, the parts are means over its draws.

    Returns
    -------
    numpy.ndarray
        float64, of shape (sample, category, 4, 2).
    """
    probe = probed(run)
    first, second = run.header.modalities
    replaced: tuple[tuple[str, ...], ...] = ((second,), (first,), (first, second))
    whole = outcome_parts(run, probe, WHOLE, outcome, rows)
    others = [_mean_parts(run, probe, baseline, names, outcome, rows) for names in replaced]
    return np.stack([whole, *others], axis=2)


def enough(weak: np.ndarray) -> np.ndarray:
    """Whether at least `FEWEST` samples have a category, bool (category,)."""
    return np.asarray(weak.sum(axis=0) >= FEWEST)


def with_mean(values: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Values (..., category, k) with their mean over the categories kept put first, (..., 1 + category, k)."""
    mean = _mean_known(values[..., kept, :])
    return np.concatenate([mean[..., None, :], values], axis=-2)


def over_samples(setting: Setting, parts: Callable[[Run, Rows], np.ndarray], function: Function) -> Estimate:
    """Estimate a pair of numbers and their `balance`, by category.

    Parameters
    ----------
    setting
        The setting.
    parts
        From a run and some of its samples to parts of shape (sample, category, value, 2).
    function
        From values (..., value) to one number per modality, (..., 2).

    Returns
    -------
    Estimate
        Of shape (1 + category, 3); the first row is of the values' means over all categories with `FEWEST` samples.

    Raises
    ------
    NotApplicableError
        If no category has that many samples.
    """
    weak = setting.weak
    kept = enough(weak)

    def statistic(sums: np.ndarray) -> np.ndarray:
        pair = function(with_mean(ratio(sums), kept))
        return np.concatenate([pair, balance(pair[..., 0], pair[..., 1])[..., None]], axis=-1)

    # What does not apply to a run is said first.
    values = [parts(run, slice(1)).shape[2] for run in setting.runs]
    if not kept.any():
        raise NotApplicableError(f"no category has {FEWEST} labelled samples, which is too few; record more samples")
    # A mean over categories is as uncertain as those with few samples make it: the harmonic mean of their numbers.
    having = weak.sum(axis=0)
    number = np.concatenate([[1 / np.mean(1 / having[kept])], having])[:, None]
    at_once = max(1, _BLOCK // (16 * weak.shape[1] * values[0]))
    blocks = [
        functools.partial(unit_sums, functools.partial(parts, run), len(weak), None, at_once) for run in setting.runs
    ]
    return estimate_blocks(blocks, statistic, len(weak), number)


def _mean_parts(run: Run, probe: Probe, baseline: str, names: tuple[str, ...], outcome: str, rows: Rows) -> np.ndarray:
    passes = probe.draws(baseline, names)
    if not passes:
        raise NotApplicableError(
            f"{run.path}: the probe has no pass with {' and '.join(names)} replaced by {baseline!r}; "
            f"{how_to_probe(run)}"
        )
    mean: np.ndarray = np.mean([outcome_parts(run, probe, of_pass, outcome, rows) for of_pass in passes], axis=0)
    return mean


def _mean_known(values: np.ndarray) -> np.ndarray:
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=-2)
    number = known.sum(axis=-2)
    mean: np.ndarray = np.divide(total, number, out=np.full(total.shape, np.nan), where=number > 0)
    return mean
