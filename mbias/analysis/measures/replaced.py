"""What runs output with modalities replaced, and the stand-in that a verdict on them rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mbias.errors import NotApplicableError
from mbias.passes import BASELINES, WHOLE, Pass
from mbias.records.probes import Probe, how_to_probe, read_probe
from mbias.records.run import Run
from mbias.stats.pairs import PairValues

PERMUTED = "permuted"
"""The stand-in that a verdict rests on where it is recorded: inputs of other samples, which the model knows."""


@dataclass(frozen=True)
class Replaced:
    """What a run outputs with modalities replaced.

    Parameters
    ----------
    whole
        p_wsl with nothing replaced, (sample, category).
    passes
        By the replaced modalities, the outputs of each draw (draw, sample, category) and the donors (draw, sample,
        role), or None where they were not recorded.
    weights
        What each category counts in a sum over categories, (category,); None where each counts 1.
    """

    whole: np.ndarray
    passes: dict[tuple[str, ...], tuple[np.ndarray, np.ndarray | None]]
    weights: np.ndarray | None = None

    def pairs(self, replaced: tuple[str, ...], function: Callable[[np.ndarray], np.ndarray]) -> PairValues:
        """A function of the outputs, by category; its sum over categories comes first, (draw, sample, 1 + category)."""
        outputs, donors = self.passes[replaced]
        return PairValues(self.with_sum(function(outputs)), donors)

    def with_sum(self, by_category: np.ndarray) -> np.ndarray:
        """Values by category, (..., category), with their weighted sum put first, (..., 1 + category)."""
        counted = by_category if self.weights is None else by_category * self.weights
        return np.concatenate([counted.sum(axis=-1, keepdims=True), by_category], axis=-1)


def stand_in_of_verdict(modalities: tuple[str, ...], of_runs: Sequence[Iterable[Pass]]) -> str:
    """The stand-in that a verdict on runs rests on.

    It is ``permuted`` where each modality alone is permuted. Otherwise it is the stand-in of one's own that replaces
    each modality alone; of several, the first that also replaces all together. Where none does, it is the one that
    lacks the fewest modalities.

    Parameters
    ----------
    modalities
        The modalities of the runs.
    of_runs
        The recorded passes of each run.

    Returns
    -------
    str
        The name of the stand-in.

    Examples
    --------
    >>> own = [Pass("no input", ("image",)), Pass("no input", ("text",))]
    >>> stand_in_of_verdict(("image", "text"), [[WHOLE, *own, Pass("permuted", ("image",))]])
    'no input'
    """
    named = [dict.fromkeys((of_pass.baseline, of_pass.replaced) for of_pass in passes) for passes in of_runs]
    common = [key for key in named[0] if all(key in of_run for of_run in named)]
    own = dict.fromkeys(name for name, _ in common if name and name not in BASELINES)

    def rank(name: str) -> tuple[int, bool, bool]:
        alone = sum((name, (modality,)) in common for modality in modalities)
        return alone, name == PERMUTED, (name, modalities) in common

    return max((PERMUTED, *own), key=rank)


def outputs_replaced(run: Run, stand_in: str) -> Replaced:
    """The outputs of a run with each modality replaced and, where it is recorded, with all of them.

    Raises
    ------
    NotApplicableError
        If the run was not probed, has one modality, or its probe lacks a pass with one modality replaced.
    BadInputError
        If the probe is damaged.
    """
    modalities = run.header.modalities
    if len(modalities) < 2:
        raise NotApplicableError(f"{run.path}: one modality, so there is no other one to compare it with")
    probe = read_probe(run)
    passes = {}
    for replaced in (*((modality,) for modality in modalities), modalities):
        draws = probe.draws(stand_in, replaced)
        if not draws and replaced == modalities:
            continue
        if not draws:
            raise NotApplicableError(
                f"{run.path}: the probe has no pass with {' and '.join(replaced)} replaced by {stand_in!r}; "
                f"{how_to_probe(run)}"
            )
        outputs = np.stack([probe.values(draw, "p_joint").astype(float) for draw in draws])
        passes[replaced] = (outputs, donors_of(probe, draws))
    return Replaced(probe.values(WHOLE, "p_joint").astype(float), passes)


def donors_of(probe: Probe, draws: Sequence[Pass]) -> np.ndarray | None:
    """The donors of each draw, (draw, sample, role); None where they were not recorded."""
    try:
        donors = np.stack([probe.values(draw, "donors") for draw in draws])
    except NotApplicableError:
        return None
    donors = donors if donors.ndim == 3 else donors[..., None]
    # A sample without a donor keeps its own modality.
    return np.where(donors < 0, np.arange(donors.shape[1])[:, None], donors)
