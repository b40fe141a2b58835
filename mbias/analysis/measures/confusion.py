"""Modality confusion: how often a model is right with one modality alone, and wrong with all of them.

A modality is alone where a stand-in replaces all others (`mbias.passes.Pass`). Over samples, and draws of the stand-in:

    alone_m      the share that the model gets right with modality m alone
    together     the share that it gets right with all modalities
    confusion_m  mu_m, the share that it gets right with m alone, and wrong with all modalities

The row ``any`` counts a sample once if a modality gets it right alone, whichever it is. What is right depends on the
task. One label per sample: the category with the largest output is the label. Two classes: the output lies on the
label's side of one half. Several labels: the output of at least one label reaches one half (a hit); for a sample
without labels, no output does.

Source: VGGSounder (Zverev et al., ICCV 2025), whose mu is the share of samples in percent, of hits by the best k
categories or by an answer in text. It feeds one modality alone. Here the others are replaced, since few models take one
modality alone. A stand-in can mislead, or be right by luck (another sample's modality has labels of its own), or be no
input that the model knows (zeros, the mean): compare several before reading a small mu as good fusion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mbias.analysis.measures.replaced import donors_of
from mbias.analysis.measures.rows.use_rows import with_ends
from mbias.analysis.settings import Setting, reason_for, settings
from mbias.errors import NotApplicableError
from mbias.passes import WHOLE, Pass
from mbias.records.probes import Probe, how_to_probe, read_probe
from mbias.records.study import StudyLike, open_study
from mbias.scores.sample_losses import loss_function
from mbias.stats.bounded import Bounded
from mbias.stats.intervals import LEVEL
from mbias.stats.pairs import PairValues, sums_of
from mbias.stats.quotients import quotient
from mbias.stats.units import rows_of_block
from mbias.tables.layout import Layout, with_interval, with_left_out
from mbias.tasks import Task

ANY = "any"
"""The row of all modalities: right with at least one of them alone."""

_WITHIN = "cross"
"""A baseline that replaces a modality only where others attend to it, so that none is alone."""


def right(outputs: np.ndarray, labels: np.ndarray, task: Task) -> np.ndarray:
    """Whether a model is right about each sample.

    Parameters
    ----------
    outputs
        Outputs of the task, of shape (..., sample, category).
    labels
        What is true, 0 or 1, of shape (sample, category).
    task
        The task; a regression has no right and wrong outputs.

    Returns
    -------
    numpy.ndarray
        bool, of shape (..., sample).

    Examples
    --------
    A hit, a miss, and a sample without labels that gets none:

    >>> import numpy as np
    >>> from mbias.tasks import Task
    >>> right(np.array([[0.9, 0.8], [0.9, 0.4], [0.1, 0.2]]), np.array([[1, 0], [0, 1], [0, 0]]), Task.MULTILABEL)
    array([ True, False,  True])
    """
    wrong = loss_function("error_rate", task)
    if wrong is not None:
        correct: np.ndarray = wrong(outputs, labels).sum(axis=-1) == 0
        return correct
    predicted = outputs >= 0.5
    hit: np.ndarray = np.where(labels.any(axis=-1), (predicted & (labels > 0)).any(axis=-1), ~predicted.any(axis=-1))
    return hit


def confusion(study: StudyLike) -> pd.DataFrame:
    """How often the model is right with one modality alone and wrong with all, with 95 % intervals.

    Cost: of two modalities, no passes beyond those of `mbias.reliance`; of M modalities, K M N passes more, in which
    all but one are replaced, for K draws.

    Parameters
    ----------
    study
        A path, a `Run`, a list of these, or a `Study`.

    Returns
    -------
    pandas.DataFrame
        One row per setting, ``stand_in`` (what replaced the other modalities) and ``modality``, and one row of ``any``
        modality: ``alone``, ``together`` and ``confusion``, shares of samples in [0, 1], each with the ends of its
        interval over seeds and samples (or groups of samples), ``_low`` and ``_high``; and ``samples``.

    Raises
    ------
    NotApplicableError
        If no run was probed with all modalities but one replaced, or labels are not recorded.
    BadInputError
        If a run or a probe is damaged.

    Examples
    --------
    >>> study = mbias.load_example().select(variant="across_vcross")
    >>> table = mbias.reliance(study, table="confusion")
    >>> table.loc[table["smoothing"] == "ls_v", ["modality", "alone", "together", "confusion"]].head(3).round(2)
       modality  alone  together  confusion
    12    audio   0.69      0.85       0.07
    13   visual   0.74      0.85       0.02
    14      any   0.93      0.85       0.09
    """
    rows: list[dict[str, Any]] = []
    reasons: dict[str, str] = {}
    for setting in settings(open_study(study)):
        try:
            rows += _rows(setting)
        except NotApplicableError as error:
            reasons[setting.display_name] = reason_for(error, setting.runs)
    if not rows:
        raise NotApplicableError(next(iter(reasons.values())))
    return with_left_out(pd.DataFrame(rows), reasons)


LAYOUT = Layout(
    ("variant", "smoothing", "mitigation", "control", "stand_in", "modality"),
    (),
    {
        "right alone": with_interval("alone", ".3f"),
        "right together": with_interval("together", ".3f"),
        "mu": with_interval("confusion", ".3f"),
    },
)


def _rows(setting: Setting) -> list[dict[str, Any]]:
    run, labels = setting.runs[0], setting.labels
    if setting.task == Task.REGRESSION:
        raise NotApplicableError(f"{run.path}: a regression has no right and wrong outputs, so this does not apply")
    if labels is None:
        raise NotApplicableError(f"{run.path}: the labels of its samples ('weak') are not recorded; record the truth")
    probes = [read_probe(of_run) for of_run in setting.runs]
    whole = [_right(probe, WHOLE, labels)[None, :, None] for probe in probes]
    together = _columns("together", [PairValues(of_seed.astype(float)) for of_seed in whole], setting)
    rows = []
    for stand_in in _stand_ins(setting, probes):
        by_seed = [_alone(setting, probe, stand_in, labels) for probe in probes]
        for modality in (*setting.modalities, ANY):
            alone = [of_seed[modality] for of_seed in by_seed]
            confused = [PairValues(a.values * ~of_seed, a.donors) for a, of_seed in zip(alone, whole, strict=True)]
            row = {**setting.identity, "stand_in": stand_in, "modality": modality}
            row |= {**_columns("alone", alone, setting), **together, **_columns("confusion", confused, setting)}
            rows.append({**row, "samples": setting.samples})
    return rows


def _others(modalities: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """By modality, all others."""
    return {modality: tuple(name for name in modalities if name != modality) for modality in modalities}


def _stand_ins(setting: Setting, probes: Sequence[Probe]) -> list[str]:
    """The stand-ins that replaced all modalities but one, for each of them, in the order of the passes."""
    others = _others(setting.modalities)
    probed = set.intersection(*({(p.baseline, p.replaced) for p in probe.passes} for probe in probes))
    names = dict.fromkeys(p.baseline for p in probes[0].passes if p.baseline not in ("", _WITHIN))
    found = [name for name in names if all((name, replaced) in probed for replaced in others.values())]
    if len(others) < 2 or not found:
        run = setting.runs[0]
        several = " with interactions=True" if len(others) > 2 else ""
        raise NotApplicableError(
            f"{run.path}: the probe does not have all modalities but one replaced; {how_to_probe(run)}{several}"
        )
    return found


def _alone(setting: Setting, probe: Probe, stand_in: str, labels: np.ndarray) -> dict[str, PairValues]:
    """Whether a run is right with each modality alone, and with any of them, by draw and sample."""
    alone = {}
    for modality, replaced in _others(setting.modalities).items():
        draws = probe.draws(stand_in, replaced)
        values = np.stack([_right(probe, draw, labels) for draw in draws])[..., None].astype(float)
        alone[modality] = PairValues(values, donors_of(probe, draws))
    draws_of_all = min(len(pairs.values) for pairs in alone.values())
    values = np.max([pairs.values[:draws_of_all] for pairs in alone.values()], axis=0)
    donors = [pairs.donors[:draws_of_all] for pairs in alone.values() if pairs.donors is not None]
    return alone | {ANY: PairValues(values, np.concatenate(donors, axis=2) if donors else None)}


def _right(probe: Probe, of_pass: Pass, labels: np.ndarray) -> np.ndarray:
    """`right` of the outputs of a pass, bool (sample,), of a block of samples at a time."""
    at_once = rows_of_block(8 * labels.shape[1])
    blocks = [slice(begin, begin + at_once) for begin in range(0, len(labels), at_once)]
    return np.concatenate([right(probe.values(of_pass, "p_joint", b), labels[b], probe.run.task) for b in blocks])


def _columns(name: str, by_seed: Sequence[PairValues], setting: Setting) -> dict[str, float]:
    """A share of samples with the ends of its interval."""
    estimated = quotient(sums_of([[values] for values in by_seed], setting.groups), [1.0])
    point, ends = float(estimated.point[0]), Bounded(estimated, 0, 1).interval()[:, 0]
    independent = setting.samples if setting.groups is None else len(np.unique(setting.groups))
    # Where no sample differs, nothing varies: the bound of a binomial share with no event.
    unseen = 1 - ((1 - LEVEL) / 2) ** (1 / independent)
    low = 1 - unseen if point == 1 else float(ends[0])
    high = unseen if point == 0 else float(ends[1])
    return with_ends(name, point, np.array([low, high]))
