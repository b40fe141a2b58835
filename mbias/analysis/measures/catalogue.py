"""The list of the measures of reliance, and their estimates for the settings of a study."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mbias.analysis.measures.coalitions import FEWEST, coalition_parts, enough, over_samples, probed
from mbias.analysis.measures.parts import attention_parts, contribution_parts, cross_parts, score_parts, swap_parts
from mbias.analysis.measures.replaced import PERMUTED
from mbias.analysis.measures.use import Use, use
from mbias.analysis.measures.values import cooperation, drops, relative_drops, shapley
from mbias.analysis.measures.verdict import MARGIN
from mbias.analysis.per_run.mapping import mapped
from mbias.analysis.settings import Setting, reason_for, settings
from mbias.errors import BadInputError, NotApplicableError
from mbias.passes import BASELINES
from mbias.records.probes import read_probe
from mbias.records.run import Run
from mbias.records.study import StudyLike, open_study
from mbias.stats.bounded import Bounded
from mbias.stats.estimates import Estimate, stacked
from mbias.stats.significance import equivalence
from mbias.stats.units import Rows
from mbias.tables.names import display_name

_OF_MODALITY = {"f_audio": "audio", "f_visual": "visual"}
"""The modality of outcomes that are of one alone."""

SWAPPED = "swapped"
"""The stand-in of samples without a common label."""


@dataclass(frozen=True)
class Measure:
    """A measure of reliance.

    Parameters
    ----------
    name, outcome, baseline
        What identifies the measure.
    estimate
        Estimates the measure for a setting: first modality, second modality and balance, of shape (1 + category, 3),
        with all categories together in the first row.
    causal
        Whether inputs are changed for it.
    """

    name: str
    outcome: str
    baseline: str
    estimate: Callable[[Setting], Estimate]
    causal: bool = True

    def __reduce__(self) -> tuple[Callable[[str, str, str], Measure], tuple[str, str, str]]:
        # What estimates it is a closure, which cannot be sent to a worker.
        return _known, (self.name, self.outcome, self.baseline)

    @property
    def display_name(self) -> str:
        """The name on screen."""
        details = ", ".join(part for part in (display_name("outcome", self.outcome), self.baseline) if part)
        return f"{self.name} ({details})" if details else self.name

    def concerns(self, modalities: Sequence[str]) -> bool:
        """Whether its outcome is known for such modalities: F_a is of audio."""
        modality = _OF_MODALITY.get(self.outcome)
        return modality is None or modality in modalities

    @property
    def independent(self) -> bool:
        """Whether it changes inputs, into ones that the model knows, and is not the measure of the verdict."""
        return self.baseline == SWAPPED


@dataclass(frozen=True)
class Balance:
    """The balance of a measure, with the ends of its 95 % interval and the p of the equivalence test."""

    point: float
    low: float
    high: float
    p_balanced: float


def balance_of(measure: Measure, estimated: Estimate, row: int = 0) -> Balance:
    """The balance in a row of an estimate of a measure.

    Shares cannot be negative, so the interval of their balance is on the scale of the logarithm of their ratio. Other
    measures can change their sign, and a balance near 1 may then still be uncertain: their interval is symmetric.
    """
    balance = estimated.at(row, 2)
    if measure.name == PRIMARY.name:
        bounded = Bounded(balance)
        ends, p = bounded.interval(), bounded.within(MARGIN)
    else:
        ends, p = balance.interval(bounds=(-1, 1)), equivalence(balance, MARGIN)
    return Balance(float(balance.point), float(ends[0]), float(ends[1]), float(p))


@functools.cache
def _of_use(stand_in: str) -> Measure:
    return Measure("use", "", stand_in, lambda setting: _with_balance(setting, stand_in))


def _with_balance(setting: Setting, stand_in: str, known: Use | None = None) -> Estimate:
    """The shares of two modalities and their balance, from what is known already with the stand-in, if anything."""
    probed(setting.runs[0])
    used = known or use(setting, stand_in)
    first, second = used.share
    return stacked([first.estimate, second.estimate, used.balance[0, 1].estimate])


def _of_coalitions(name: str, outcome: str, baseline: str, function: Callable[[np.ndarray], np.ndarray]) -> Measure:
    def estimate_setting(setting: Setting) -> Estimate:
        return over_samples(setting, lambda run, rows: coalition_parts(run, outcome, baseline, rows), function)

    return Measure(name, outcome, baseline, estimate_setting)


def _of_parts(
    name: str, outcome: str, baseline: str, function: Callable[[Run, int, Rows], np.ndarray], causal: bool = False
) -> Measure:
    def estimate_setting(setting: Setting) -> Estimate:
        return over_samples(setting, lambda run, rows: function(run, probed(run).epoch, rows), lambda values: values)

    return Measure(name, outcome, baseline, estimate_setting, causal)


PRIMARY = _of_use(PERMUTED)
"""The measure that a verdict on two modalities rests on."""

SHAPLEY = _of_coalitions("Shapley", "probability", "mean", shapley)

MEASURES = (
    PRIMARY,
    _of_use(SWAPPED),
    _of_use("mean"),
    _of_use("zero"),
    SHAPLEY,
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

BESIDE_VERDICT = tuple(measure for measure in MEASURES if measure.independent or measure.name == "attention")
"""The measures that may contradict a verdict, and the attention."""

COOPERATION = _of_coalitions(
    "cooperation", "probability", "mean", lambda v: np.repeat(cooperation(v)[..., None], 2, axis=-1)
)
"""A measure of both modalities together, which has no balance."""


@dataclass(frozen=True)
class Estimated:
    """What is estimated of one setting.

    Parameters
    ----------
    setting
        The setting.
    use
        What its outputs depend on, with the stand-in that a verdict rests on; None where the probe lacks those passes.
    by_measure
        The estimates of the measures that apply.
    """

    setting: Setting
    use: Use | None
    by_measure: Mapping[Measure, Estimate] = field(default_factory=dict)


@dataclass(frozen=True)
class Estimates:
    """The estimates of every setting of a study.

    Parameters
    ----------
    settings
        One per setting.
    reasons
        By the name of a measure that does not apply to some settings, the reason for each of them.
    """

    settings: tuple[Estimated, ...]
    reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Estimated]:
        return iter(self.settings)

    @property
    def left_out(self) -> dict[str, str]:
        """What a reader must know of the measures that are left out, by name: the first reason, and for how many."""
        count = len(self.settings)
        return {
            name: reasons[0] + (f"; {len(reasons)} of {count} settings" if count > 1 else "")
            for name, reasons in self.reasons.items()
        }

    @property
    def too_few(self) -> dict[str, str]:
        """The categories that no measure's mean over categories includes, with the reason."""
        few = {
            of_setting.setting.categories[index]: None
            for of_setting in self
            if of_setting.by_measure
            for index in np.flatnonzero(~enough(of_setting.setting.weak))
        }
        return {", ".join(few): f"fewer than {FEWEST} labelled samples"} if few else {}


def estimates(study: StudyLike) -> Estimates:
    """Estimate every measure that applies, for every setting of a study.

    The estimates take most of the time of the tables of `mbias.reliance` and `mbias.diagnosis`; a caller who wants
    several tables computes them once and passes them on.

    Raises
    ------
    NotApplicableError
        If no measure applies to any setting: the first reason.
    BadInputError
        If a probe is damaged.
    """
    return _estimates(study, MEASURES)


def of_use(study: StudyLike) -> Estimates:
    """Estimate what a verdict rests on, without the other measures; see `estimates`."""
    return _estimates(study, ())


def of_verdict(study: StudyLike) -> Estimates:
    """Estimate what a verdict rests on, the measures that may contradict it, and the attention; see `estimates`."""
    return _estimates(study, BESIDE_VERDICT)


def _estimates(study: StudyLike, measures: Sequence[Measure]) -> Estimates:
    rows = []
    errors: list[NotApplicableError] = []
    reasons: dict[str, list[str]] = {}
    members = settings(open_study(study))
    for setting, (estimated, left_out) in zip(members, mapped(_of_setting, members, measures), strict=True):
        rows.append(estimated)
        errors += [error for _, error in left_out[:1] if estimated.use is None]
        for name, error in left_out:
            reasons.setdefault(name, []).append(reason_for(error, setting.runs))
    if not any(row.use or row.by_measure for row in rows):
        raise errors[0]
    return Estimates(tuple(rows), {name: tuple(texts) for name, texts in reasons.items()})


def _of_setting(
    setting: Setting, measures: Sequence[Measure]
) -> tuple[Estimated, list[tuple[str, NotApplicableError]]]:
    """The estimates of a setting, and why others are left out, the use first."""
    used: Use | None = None
    by_measure: dict[Measure, Estimate] = {}
    left_out: list[tuple[str, NotApplicableError]] = []
    try:
        used = use(setting).read()
    except NotApplicableError as error:
        left_out.append((PRIMARY.display_name, error))
    permuted = used is not None and used.stand_in == PERMUTED
    if used is not None and not permuted:
        left_out.append((PRIMARY.display_name, _without_permuted(setting, used)))
    for measure in (*measures, *_of_own_stand_ins(setting, used)) if measures == MEASURES else measures:
        if (measure is PRIMARY and not permuted) or not measure.concerns(setting.modalities):
            continue
        try:
            known = measure is PRIMARY
            by_measure[measure] = _with_balance(setting, PERMUTED, used) if known else measure.estimate(setting)
        except NotApplicableError as error:
            # Of more than two modalities there is a use, and only its one balance is lacking.
            if measure is not PRIMARY:
                left_out.append((measure.display_name, error))
    return Estimated(setting, used, by_measure), left_out


def _known(name: str, outcome: str, baseline: str) -> Measure:
    of_name = (m for m in MEASURES if (m.name, m.outcome, m.baseline) == (name, outcome, baseline))
    return next(of_name, None) or _of_use(baseline)


def _of_own_stand_ins(setting: Setting, used: Use | None) -> list[Measure]:
    """The use with each stand-in of one's own that replaced every modality alone."""
    if used is None:
        return []
    passes = read_probe(setting.runs[0]).passes
    own = dict.fromkeys(p.baseline for p in passes if p.baseline and p.baseline not in BASELINES)
    singles = {(p.baseline, p.replaced) for p in passes}
    return [_of_use(name) for name in own if all((name, (m,)) in singles for m in setting.modalities)]


def _without_permuted(setting: Setting, used: Use) -> NotApplicableError:
    return NotApplicableError(
        f"{setting.runs[0].path}: not every modality was permuted; what it uses rests on {used.stand_in!r} inputs, "
        f"which the model may not know"
    )


def reused(precomputed: Estimates | None, study: StudyLike, compute: Callable[[StudyLike], Estimates]) -> Estimates:
    """The precomputed estimates of a study or, without any, those that ``compute`` returns.

    Raises
    ------
    BadInputError
        If ``precomputed`` is something else.
    """
    if precomputed is None:
        return compute(study)
    if not isinstance(precomputed, Estimates):
        raise BadInputError("precomputed: not the estimates of a study; leave it out, or give what estimates() returns")
    return precomputed
