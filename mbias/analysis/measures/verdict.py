"""From what a setting's outputs depend on to a verdict in words. Every word is defined here, by intervals.

Attention and losses have no part in a verdict; they may explain it. It rests on permuted inputs or, where none are
recorded of a modality, on a stand-in of one's own, and then says so: the model may not know such inputs.

nothing to attribute
    The outputs change too little: `Use.size`, the change with all modalities replaced over that of a perfect predictor,
    is below `FLOOR` with its 95 % interval (where that pass is missing, the largest change of one modality is);
    where labels are known, only if the separation is not beyond `FLOOR` with its interval either. Or the outputs do not
    tell present labels from absent ones: every `Use.separation`, of the whole and of each modality, is within `FLOOR`
    of 0 with its 95 % interval. All following words need the separation of the whole (without labels, the size) to be
    beyond `FLOOR` with its interval.
uses X alone
    Biased toward X, and the share of every other modality is below `ALONE` with its 95 % interval. A setting with a
    category that names another modality is only biased.
biased toward X
    The balance of X with every other modality is above `MARGIN` with its 95 % interval (with M modalities, at 5 % / M).
balanced
    For every two modalities, two one-sided tests at 5 % find the balance within `MARGIN` (a 90 % interval does).
undetermined
    None of these. Also, if there are fewer than `FEWEST_UNITS` independent samples or groups; if modalities stand in
    for each other, so that none alone changes the outputs, or the change of the one that would be named is less than
    `WHOLE_PART` of that of all while these are redundant; and, where labels are known, if the separation of a modality
    that would be named, or that would be called balanced, includes 0 with its 95 % interval: it may move outputs as
    noise does.

Flags stand beside a verdict:

X does not help
    Where labels are known: its share is not below `ALONE`, but its separation is within `FLOOR` of 0 with its 95 %
    interval, and replacing it does not make the squared error larger with its 95 % interval.
X harms
    Replacing X makes the squared error smaller, with its 95 % interval (with M modalities, at 5 % / M).
synergic, redundant
    `Use.interaction` is above `INTERACTING`, or below minus that, with its 95 % interval; never where the pass with all
    modalities replaced is missing.
depends on the stand-in
    With the inputs of samples without a common label, the balance is beyond `MARGIN` with its 95 % interval, on another
    side than the verdict.
seed N stands apart
    Of three seeds or more, one alone has a share of 1 - `ALONE` or more on its side, and its balance is more than twice
    `MARGIN` away from the mean of the others. Or, of four seeds or more, the balance of one is not what the others lead
    to expect (a t test of the deleted residual at 5 %, adjusted for the number of seeds), and more than `MARGIN` away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mbias.analysis.measures.apart import stands_apart
from mbias.analysis.measures.use import Use
from mbias.errors import NotApplicableError
from mbias.stats.bounded import Bounded
from mbias.stats.estimates import Estimate
from mbias.stats.intervals import LEVEL
from mbias.stats.significance import benjamini_hochberg
from mbias.tasks import Task

MARGIN = 0.2
"""A balance this close to 0 counts as balanced: neither of two modalities has more than 60 % of the change."""

ALONE = 0.05
"""A share below this is as good as none."""

FLOOR = 0.05
"""Outputs that separate labels, or change, by less than this part of a perfect predictor's have nothing to attribute.
It is above most networks before training or trained on shuffled labels (``benchmarks/adversarial.py``)."""

HELPFUL = 0.01
"""A squared error that becomes larger by this part of the variance of what is true is mentioned, even below `FLOOR`."""

WHOLE_PART = 0.25
"""Of redundant modalities, one whose change is less than this part of that of all is not named."""

INTERACTING = 0.1
"""An interaction this close to 0 is not mentioned."""

FEWEST_UNITS = 5
"""Fewer independent samples, or groups of samples, get no verdict."""

FEWEST_POSITIVES = 20
"""A category with fewer labelled samples gets no verdict."""

ALPHA = 0.05
DEPENDS = "depends on the stand-in"
NOTHING, BALANCED, UNDETERMINED = "nothing to attribute", "balanced", "undetermined"
EQUIVALENCE_LEVEL = 1 - 2 * ALPHA
"""The level of the interval that lies within the margin where the equivalence test rejects."""


@dataclass(frozen=True)
class Verdict:
    """A verdict with what it rests on.

    Parameters
    ----------
    words
        The verdict.
    first, second
        Positions of the two modalities that the balance compares: both of two; of more, the ones with the largest
        shares.
    balance
        Their balance, positive toward the first.
    low, high, level
        The interval that the verdict rests on: at 90 % for balanced, otherwise at 95 %.
    p_balanced
        p of the equivalence test.
    flags
        What stands beside the verdict.
    matter
        The modalities whose share is above `ALONE` with its 95 % interval and, where labels are known, whose separation
        is certain by that interval not to be 0; none where there is nothing to attribute.
    reason
        Why there is nothing to attribute, or why the verdict is undetermined if that is not for its balance; otherwise
        empty.
    """

    words: str
    first: int
    second: int
    balance: float
    low: float
    high: float
    level: float
    p_balanced: float
    flags: tuple[str, ...]
    matter: tuple[str, ...] = ()
    reason: str = ""


def decide(use: Use) -> Verdict:
    """The verdict on a setting, over all categories."""
    return _verdict(use, 0, p_biased(use)[0], float(p_balanced(use)[0]))


def decide_categories(use: Use, rows: np.ndarray) -> list[tuple[Verdict, float]]:
    """The verdicts on some categories (1 + category), with the p of a biased verdict.

    The p-values of both tests are adjusted over these categories by Benjamini and Hochberg.
    """
    biased = p_biased(use)[rows]
    least = biased.min(axis=1)
    adjusted = benjamini_hochberg(least)
    factor = np.divide(adjusted, least, out=np.ones(len(rows)), where=least > 0)
    balanced = benjamini_hochberg(p_balanced(use)[rows])
    return [
        (_verdict(use, int(row), biased[i] * factor[i], float(balanced[i])), float(adjusted[i]))
        for i, row in enumerate(rows)
    ]


def p_biased(use: Use) -> np.ndarray:
    """p-values of "not biased toward m", adjusted for the choice of m by Bonferroni, (1 + category, modality)."""
    positions = range(len(use.setting.modalities))
    largest = [
        np.max([use.balance[m, other].above(MARGIN) for other in positions if other != m], axis=0) for m in positions
    ]
    adjusted: np.ndarray = np.minimum(len(positions) * np.stack(largest, axis=-1), 1)
    return adjusted


def p_balanced(use: Use) -> np.ndarray:
    """p-values of the equivalence test over every two modalities, the largest one, (1 + category,)."""
    largest: np.ndarray = np.max([pair.within(MARGIN) for (a, b), pair in use.balance.items() if a < b], axis=0)
    return largest


def _verdict(use: Use, row: int, biased: np.ndarray, balanced: float) -> Verdict:
    modalities = use.setting.modalities
    shares = np.array([share.point[row] for share in use.share])
    first, second = (0, 1) if len(modalities) == 2 else np.argsort(-np.nan_to_num(shares), kind="stable")[:2].tolist()
    balance = use.balance[first, second]
    words, reason = _words(use, row, biased, balanced)
    level = EQUIVALENCE_LEVEL if words == BALANCED else LEVEL
    low, high = map(float, balance.at(row).interval(level))
    known = words != NOTHING and _independent(use) >= FEWEST_UNITS
    flags = _flags(use, row, balance) if known else ()
    matter = _mattering(use, row) if known else ()
    return Verdict(words, first, second, float(balance.point[row]), low, high, level, balanced, flags, matter, reason)


def side(low: float, high: float, p_balanced: float, modalities: tuple[str, ...]) -> str:
    """What the interval of one balance alone would say: biased toward a modality, balanced or undetermined."""
    if low > MARGIN:
        return f"biased toward {modalities[0]}"
    if high < -MARGIN:
        return f"biased toward {modalities[1]}"
    return BALANCED if p_balanced <= ALPHA else UNDETERMINED


def favoured(words: str) -> str | None:
    """The modality that a verdict names, or None."""
    for before, after in (("biased toward ", ""), ("uses ", " alone")):
        if words.startswith(before) and words.endswith(after):
            return words.removeprefix(before).removesuffix(after)
    return None


def _words(use: Use, row: int, biased: np.ndarray, balanced: float) -> tuple[str, str]:
    """The verdict, and its reason where it is not for the balance."""
    if _independent(use) < FEWEST_UNITS:
        return UNDETERMINED, f"{_independent(use)} independent samples or groups are too few"
    separations = _separations(use)
    small = bool(use.extent.at(row).interval()[1] <= FLOOR)
    beyond = _beyond_floor(separations[-1] if separations else use.extent, row)
    if small and not beyond:
        helping = _helping(use, row)
        beyond_chance = f", though {' and '.join(helping)} helps beyond chance" if helping else ""
        return NOTHING, f"the outputs change by less than {FLOOR:.0%} of a perfect predictor's{beyond_chance}"
    if separations and all(_within_floor(part, row) for part in separations):
        return NOTHING, f"the outputs do not {_tell(use)}"
    if not beyond:
        what = _tell(use) if separations else "change with the inputs"
        return UNDETERMINED, f"it is not certain that the outputs {what}"
    modalities = use.setting.modalities
    idle = [modality for m, modality in enumerate(modalities) if not _relates(use, row, m)]
    for m, modality in enumerate(modalities):
        if biased[m] <= ALPHA:
            if _replaceable(use, row, m):
                return UNDETERMINED, _STAND_IN
            if modality in idle:
                return UNDETERMINED, _unrelated(use, [modality])
            others = [share for other, share in enumerate(use.share) if other != m]
            alone = all(share.at(row).interval()[1] < ALONE for share in others)
            return (f"uses {modality} alone" if alone else f"biased toward {modality}"), ""
    if balanced <= ALPHA:
        return (UNDETERMINED, _unrelated(use, idle)) if idle else (BALANCED, "")
    return UNDETERMINED, _STAND_IN if np.isnan([share.point[row] for share in use.share]).all() else ""


_STAND_IN = "modalities stand in for each other, so that none alone shows what it contributes"


def _independent(use: Use) -> int:
    """The number of independent samples, or of their groups."""
    return use.setting.samples if use.setting.groups is None else len(np.unique(use.setting.groups))


def _replaceable(use: Use, row: int, m: int) -> bool:
    """Whether what a modality changes is little beside what all change together, while they are redundant."""
    if not use.interaction.at(row).interval()[1] < -INTERACTING:
        return False
    return bool(use.part(m).at(row).interval()[1] < WHOLE_PART)


def _helping(use: Use, row: int) -> list[str]:
    """The modalities that make the squared error smaller by `HELPFUL` or more, where labels are known."""
    try:
        helps = use.help("squared_error")
    except NotApplicableError:
        return []
    level = 1 - ALPHA / len(helps)
    over = len(use.setting.categories) if row == 0 else 1
    least = HELPFUL * use.replaced[0].with_sum(use.variance)[row] / over
    return [use.setting.modalities[m] for m, helped in enumerate(helps) if helped.at(row).interval(level)[0] > least]


def _tell(use: Use) -> str:
    regression = use.setting.task == Task.REGRESSION
    return "follow the target" if regression else "tell present labels from absent ones"


def _unrelated(use: Use, modalities: Sequence[str]) -> str:
    true = "the target" if use.setting.task == Task.REGRESSION else "labels"
    return f"it is not certain that what {' and '.join(modalities)} changes has to do with {true}"


def _mattering(use: Use, row: int) -> tuple[str, ...]:
    """The modalities whose share is above `ALONE` with its interval and, where labels are known, relates to them."""
    return tuple(
        modality
        for m, modality in enumerate(use.setting.modalities)
        if use.share[m].at(row).interval()[0] > ALONE and _relates(use, row, m)
    )


def _relates(use: Use, row: int, m: int) -> bool:
    """Whether what a modality changes is known to relate to labels, where they are known."""
    separations = _separations(use)
    if not separations:
        return True
    low, high = separations[m].at(row).interval()
    return bool(low > 0 or high < 0)


def _idle(use: Use, row: int) -> list[int]:
    """The positions of the modalities that change outputs without telling labels apart."""
    separations = _separations(use)
    if not separations:
        return []
    helps = use.help("squared_error")
    return [
        m
        for m, share in enumerate(use.share)
        if share.at(row).interval()[1] >= ALONE
        and _within_floor(separations[m], row)
        and not helps[m].at(row).interval()[0] > 0
    ]


def _separations(use: Use) -> Sequence[Estimate]:
    """The separations of the modalities and of all; none where labels are not known."""
    try:
        return use.separation
    except NotApplicableError:
        return ()


def _beyond_floor(effect: Estimate, row: int) -> bool:
    """Whether the interval of an effect is beyond `FLOOR`, on either side."""
    low, high = effect.at(row).interval()
    return bool(low > FLOOR or high < -FLOOR)


def _within_floor(effect: Estimate, row: int) -> bool:
    """Whether the interval of an effect is within `FLOOR` of 0."""
    low, high = effect.at(row).interval()
    return bool(low >= -FLOOR and high <= FLOOR)


def _flags(use: Use, row: int, balance: Bounded) -> tuple[str, ...]:
    flags = [f"{use.setting.modalities[m]} does not help" for m in _idle(use, row)]
    try:
        for modality, helped in zip(use.setting.modalities, use.help("squared_error"), strict=True):
            if helped.at(row).interval(1 - ALPHA / len(use.setting.modalities))[1] < 0:
                flags.append(f"{modality} harms")
    except NotApplicableError:
        pass
    low, high = use.interaction.at(row).interval()
    if low > INTERACTING:
        flags.append("synergic")
    if high < -INTERACTING:
        flags.append("redundant")
    apart = stands_apart(balance.estimate.by_seed[:, row], MARGIN, ALONE)
    if apart is not None:
        seed = use.setting.runs[apart].seed
        flags.append(f"seed {apart if seed is None else seed} stands apart")
    return tuple(flags)
