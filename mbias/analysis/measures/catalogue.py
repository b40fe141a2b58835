"""The measures of reliance, and their estimates for the settings of a study."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mbias.analysis.measures.coalitions import coalition_parts, over_samples, probed
from mbias.analysis.measures.parts import attention_parts, contribution_parts, cross_parts, score_parts, swap_parts
from mbias.analysis.measures.values import cooperation, drops, relative_drops, shapley
from mbias.analysis.settings import Setting, settings
from mbias.errors import BadInputError
from mbias.records.run import Run
from mbias.records.study import Study
from mbias.stats.estimates import Estimate
from mbias.tables.names import display_name

BALANCE = (-1.0, 1.0)


@dataclass(frozen=True)
class Measure:
    """A measure of reliance as it stands in tables.

    Parameters
    ----------
    name, outcome, base
        What identifies it.
    estimate
        Of a setting: first modality, second modality, balance, of shape (1 + category, 3), all categories first.
    causal
        Whether inputs were changed for it.
    """

    name: str
    outcome: str
    baseline: str
    estimate: Callable[[Setting], Estimate]
    causal: bool = True

    @property
    def display_name(self) -> str:
        """The name on screen."""
        details = ", ".join(part for part in (display_name("outcome", self.outcome), self.baseline) if part)
        return f"{self.name} ({details})" if details else self.name


def _of_coalitions(name: str, outcome: str, baseline: str, function: Callable[[np.ndarray], np.ndarray]) -> Measure:
    def of(setting: Setting) -> Estimate:
        stacked = np.stack([coalition_parts(run, outcome, baseline) for run in setting.runs])
        return over_samples(setting.weak, stacked, function)

    return Measure(name, outcome, baseline, of)


def _of_parts(
    name: str, outcome: str, baseline: str, function: Callable[[Run, int], np.ndarray], causal: bool = False
) -> Measure:
    def of(setting: Setting) -> Estimate:
        stacked = np.stack([function(run, probed(run).epoch) for run in setting.runs])
        return over_samples(setting.weak, stacked, lambda values: values)

    return Measure(name, outcome, baseline, of, causal)


PRIMARY = _of_coalitions("Shapley", "probability", "mean", shapley)
"""The measure a verdict rests on."""


MEASURES = (
    PRIMARY,
    _of_coalitions("Shapley", "log_loss", "mean", shapley),
    _of_coalitions("Shapley", "f_score", "mean", shapley),
    _of_coalitions("drop", "probability", "mean", drops),
    _of_coalitions("drop", "probability", "zero", drops),
    _of_coalitions("drop", "probability", "permuted", drops),
    _of_coalitions("drop", "f_audio", "mean", drops),
    _of_coalitions("drop", "f_visual", "mean", drops),
    _of_coalitions("perceptual", "f_score", "permuted", relative_drops),
    _of_coalitions("utilisation", "f_score", "mean", relative_drops),
    _of_parts("swap", "", "swapped", swap_parts, causal=True),
    _of_parts("cross", "probability", "cross", cross_parts, causal=True),
    _of_parts("attention", "", "", attention_parts),
    _of_parts("contribution", "", "", contribution_parts),
    _of_parts("branch score", "", "", score_parts),
)


COOPERATION = _of_coalitions(
    "cooperation", "probability", "mean", lambda v: np.repeat(cooperation(v)[..., None], 2, axis=-1)
)
"""Of both modalities together, so without a balance."""


def applicable(setting: Setting) -> Iterator[tuple[Measure, Estimate]]:
    """The measures that the setting's records allow, with their estimates; the primary one first.

    Raises
    ------
    BadInputError
        If the primary one does not apply, and why.
    """
    yield PRIMARY, PRIMARY.estimate(setting)
    for measure in MEASURES[1:]:
        try:
            found = measure.estimate(setting)
        except BadInputError:
            continue
        yield measure, found


Estimates = Sequence[tuple[Setting, dict[Measure, Estimate]]]


def estimates(study: Study) -> Estimates:
    """Every setting with every measure that applies to it, the primary one first.

    They are what takes long in the tables below and in those of `mbias.analysis.diagnosis`; whoever wants several
    tables passes them on.

    Raises
    ------
    BadInputError
        If a run is not probed or has not two modalities.
    """
    return [(setting, dict(applicable(setting))) for setting in settings(study)]


def primary_estimates(study: Study) -> Estimates:
    """`estimates` of the primary measure alone."""
    return [(setting, {PRIMARY: PRIMARY.estimate(setting)}) for setting in settings(study)]
