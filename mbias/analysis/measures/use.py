"""How much the outputs depend on each modality, and whether that helps: modalities of other samples stand in.

For a model f, a sample x, and x with its modality m taken from another sample (its donor):

    change_m  mean over samples and donors of the sum over categories of (f(x) - f(x with m replaced))^2
    share_m   change_m / (change_1 + change_2 + ...), in [0, 1]
    balance   (change_a - change_v) / (change_a + change_v), in [-1, 1]
    help_m    mean of (f(x with m replaced) - y)^2 - (f(x) - y)^2: above 0 where m helps, below 0 where it harms

No label enters a change, it cannot be negative, and nothing cancels in it. Half of ``change_m`` over the variance of f
is the total-effect index of global sensitivity analysis (Homma & Saltelli 1996; estimator of Jansen 1999). The real
modality of another sample is an input that the model knows; a mean or zeros need not be one.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mbias.analysis.measures.replaced import (
    PERMUTED,
    Family,
    Function,
    Replaced,
    blocks_of_categories,
    outputs_replaced,
    stand_in_of_verdict,
    sums_by_category,
    with_weights,
)
from mbias.analysis.settings import Setting
from mbias.errors import NotApplicableError
from mbias.records.probes import read_probe
from mbias.scores.sample_losses import loss_function, squared_error
from mbias.stats.bounded import Bounded
from mbias.stats.estimates import Estimate, stacked
from mbias.stats.pairs import PairSums
from mbias.stats.quotients import quotient
from mbias.tasks import Task

FAR = 3.0
"""Targets are clipped at this many interquartile ranges from the quartiles where a verdict is decided."""


@dataclass(frozen=True)
class Use:
    """What a setting's outputs depend on, with one stand-in; row 0 of every estimate is of all categories together.

    Parameters
    ----------
    setting
        The setting.
    replaced
        The outputs of each run.
    stand_in
        What replaced the modalities.
    """

    setting: Setting
    replaced: tuple[Replaced, ...]
    stand_in: str = PERMUTED

    def read(self) -> Use:
        """Read the outputs now, so that damage is found here and a worker does the reading."""
        _ = self._sums
        return self

    @functools.cached_property
    def change(self) -> tuple[Estimate, ...]:
        """The change by modality and, last, with all of them replaced if that was probed: squared units of the output.

        Row 0 is a sum over categories.
        """
        return tuple(self._quotient(self._factors(index)) for index in range(len(self._replacements)))

    @functools.cached_property
    def share(self) -> tuple[Bounded, ...]:
        """The share of each modality, in [0, 1]; NaN where no output changes."""
        together = self._factors(*self._positions)
        return tuple(Bounded(self._quotient(self._factors(m), together), 0, 1) for m in self._positions)

    @functools.cached_property
    def balance(self) -> dict[tuple[int, int], Bounded]:
        """The balance of every two modalities, by their positions, in [-1, 1]."""
        return {
            (a, b): Bounded(self._quotient(self._factors(a) - self._factors(b), self._factors(a, b)))
            for a, b in itertools.permutations(self._positions, 2)
        }

    @functools.cached_property
    def interaction(self) -> Estimate:
        """(sum of the changes - change_all) / change_all; NaN where the pass with all modalities replaced is missing.

        Above 0 where modalities act together (exclusive or: +1), 0 where they add up, below 0 where each stands in for
        the other (or, of a label that is rare). Where nearly all labels are present, read it for their absence.
        """
        if not self._has_all:
            return self._unknown
        together = self._factors(len(self._positions))
        return self._quotient(self._factors(*self._positions) - together, together)

    @functools.cached_property
    def size(self) -> Estimate:
        """change_all over that of a perfect predictor: twice the variance of what is true, summed over categories.

        Of labels, the variance is pi (1 - pi), with the prevalence pi. Where they are not known, pi is the mean output;
        for a regression without its target, the variance is that of the outputs. NaN where the pass with all modalities
        replaced is missing.
        """
        return self._of_perfect(len(self._positions)) if self._has_all else self._unknown

    @functools.cached_property
    def extent(self) -> Estimate:
        """`size`; where the pass with all modalities replaced is missing, the largest change of one, as such a part."""
        if self._has_all:
            return self.size
        singles = [self._of_perfect(m) for m in self._positions]
        largest = np.argmax([single.point for single in singles], axis=0)
        return stacked(singles).at(np.arange(self._cells), largest)

    def _of_perfect(self, position: int) -> Estimate:
        """The change of a modality, or of all together, over that of a perfect predictor."""
        return self._quotient(self._factors(position), divisor=self.replaced[0].with_sum(2 * self.variance))

    @property
    def _unknown(self) -> Estimate:
        nan = np.full(self._cells, np.nan)
        return Estimate(nan, nan, nan, np.tile(nan, (len(self.replaced), 1)), nan, nan)

    @functools.cached_property
    def variance(self) -> np.ndarray:
        """The variance of what is true, as far as it is known, (category,)."""
        if self.setting.labels is not None and self._varies:
            return self._by_block(lambda c: self._followed(c).var(axis=0))
        if self.setting.task == Task.REGRESSION:
            return self._by_block(lambda c: np.mean([run.whole(c).var(axis=0) for run in self.replaced], axis=0))
        pi = self._by_block(lambda c: np.mean([run.whole(c).mean(axis=0) for run in self.replaced], axis=0))
        variance: np.ndarray = pi * (1 - pi)
        return variance

    @functools.cached_property
    def _varies(self) -> bool:
        """Whether what is true is not the same for all samples."""
        return bool(self._by_block(lambda categories: np.ptp(self._followed(categories), axis=0)).any())

    def _true(self, categories: slice) -> np.ndarray:
        """What is true of each sample, float64 (sample, category)."""
        if self.setting.labels is None:
            raise NotApplicableError(
                f"{self.setting.runs[0].path}: the labels of its samples are not recorded; record the truth"
            )
        true: np.ndarray = self.setting.labels[:, categories].astype(float)
        return true

    def _followed(self, categories: slice) -> np.ndarray:
        """Labels, or the targets of a regression with outliers clipped, so that a few do not decide a verdict."""
        true = self._true(categories)
        if self.setting.task != Task.REGRESSION:
            return true
        low, high = np.quantile(true, [0.25, 0.75], axis=0)
        far = FAR * (high - low)
        within: np.ndarray = np.where(far > 0, np.clip(true, low - far, high + far), true)
        return within

    def _by_block(self, function: Callable[[slice], np.ndarray]) -> np.ndarray:
        """Values by category, (category,), of a block of categories at a time."""
        blocks = blocks_of_categories(len(self.setting.categories), 8 * self.setting.samples)
        return np.concatenate([function(categories) for categories in blocks])

    def part(self, m: int) -> Estimate:
        """The change of a modality as a part of that with all of them replaced."""
        return self._quotient(self._factors(m), self._factors(len(self._positions)))

    @functools.cached_property
    def separation(self) -> tuple[Estimate, ...]:
        """How far outputs on present labels are above those on absent ones: of each modality and, last, of all.

        The covariance of output and label over the variance of the label: the mean output where the label is present
        less that where it is absent. Of a regression, it is the slope of the outputs over the target: 1 for a perfect
        predictor. The part of modality m is the separation less the one with m replaced.

        Raises
        ------
        NotApplicableError
            If what is true is not recorded, or is the same for all samples.
        """
        if not self._by_block(lambda c: np.abs(self._centred(c)).max(axis=0)).any():
            raise NotApplicableError(f"{self.setting.runs[0].path}: all samples have the same labels")

        below = self.replaced[0].with_sum(self.variance)
        return tuple(self._of(sums, [1.0], divisor=below) for sums in self._sums["separation"])

    def _centred(self, categories: slice) -> np.ndarray:
        followed = self._followed(categories)
        centred: np.ndarray = followed - followed.mean(axis=0)
        return centred

    def help(self, loss: str) -> tuple[Estimate, ...]:
        """How much larger a loss becomes when each modality is replaced.

        Parameters
        ----------
        loss
            One of `mbias.scores.sample_losses.LOSSES`. Row 0 is the mean over categories; for one label per sample, the
            log-loss is categorical, and the decision is the category with the largest output.

        Raises
        ------
        NotApplicableError
            If what is true is not recorded, or the loss does not belong to the task.
        """
        if loss not in self._helps:
            self._helps[loss] = self._help(loss)
        return self._helps[loss]

    @functools.cached_property
    def _helps(self) -> dict[str, tuple[Estimate, ...]]:
        return {}

    def _help(self, loss: str) -> tuple[Estimate, ...]:
        task, categories = self.setting.task, len(self.setting.categories)
        self._true(slice(0))
        function = loss_function(loss, task)
        if function is None:
            raise NotApplicableError(f"{self.setting.runs[0].path}: the task {task.value!r} has no {loss}")

        of_samples = task == Task.SINGLE_LABEL and loss != "squared_error"
        over = np.array([1 if of_samples else categories] + [1] * categories)
        if loss in self._sums:
            return tuple(self._of(sums, [1.0], divisor=over) for sums in self._sums[loss])
        families = [[(modality, self._more(function))] for modality in self._singles]
        # The decision for a category depends on the outputs of all.
        at_once = task == Task.SINGLE_LABEL and loss == "error_rate"
        by_modality = sums_by_category(self.replaced, families, self.setting.groups, at_once)
        return tuple(self._of(sums, [1.0], divisor=over) for sums in by_modality)

    @functools.cached_property
    def _sums(self) -> dict[str, list[PairSums]]:
        """The sums of the pairs that a verdict rests on, of outputs that are read once."""
        families: dict[str, list[Family]] = {"change": [[(r, squared_change) for r in self._replacements]]}
        if self.setting.labels is not None:
            families["separation"] = [*([(m, self._lost)] for m in self._singles), [((), self._of_whole)]]
            families["squared_error"] = [[(m, self._more(squared_error))] for m in self._singles]
        listed = [family for of_name in families.values() for family in of_name]
        sums = iter(sums_by_category(self.replaced, listed, self.setting.groups))
        return {name: list(itertools.islice(sums, len(of_name))) for name, of_name in families.items()}

    def _lost(self, whole: np.ndarray, categories: slice) -> Callable[[np.ndarray], np.ndarray]:
        centred = self._centred(categories)
        return lambda outputs: (whole - outputs) * centred

    def _of_whole(self, whole: np.ndarray, categories: slice) -> Callable[[np.ndarray], np.ndarray]:
        product = (whole - whole.mean(axis=0)) * self._centred(categories)
        return lambda _: product

    def _more(self, loss: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Function:
        def more(whole: np.ndarray, categories: slice) -> Callable[[np.ndarray], np.ndarray]:
            true = self._true(categories)
            before = loss(whole, true)
            return lambda outputs: loss(outputs.astype(float), true) - before

        return more

    @property
    def _positions(self) -> range:
        return range(len(self.setting.modalities))

    @property
    def _replacements(self) -> list[tuple[str, ...]]:
        return self._singles + [self.setting.modalities] * self._has_all

    @property
    def _has_all(self) -> bool:
        """Whether all modalities together were replaced."""
        return all(self.setting.modalities in run.passes for run in self.replaced)

    def _factors(self, *positions: int) -> np.ndarray:
        """Factors of the changes: 1 for these positions, of modalities or of all together, and 0 for the others."""
        factors = np.zeros(len(self._replacements))
        factors[list(positions)] = 1
        return factors

    @property
    def _singles(self) -> list[tuple[str, ...]]:
        return [(modality,) for modality in self.setting.modalities]

    @property
    def _cells(self) -> int:
        return 1 + len(self.setting.categories)

    def _quotient(
        self,
        numerator: Sequence[float] | np.ndarray,
        denominator: Sequence[float] | np.ndarray | None = None,
        divisor: np.ndarray | float = 1.0,
    ) -> Estimate:
        """A quotient of changes, as `mbias.stats.pairs.quotient`."""
        return self._of(self._sums["change"][0], numerator, denominator, divisor)

    def _of(
        self,
        sums: PairSums,
        numerator: Sequence[float] | np.ndarray,
        denominator: Sequence[float] | np.ndarray | None = None,
        divisor: np.ndarray | float = 1.0,
    ) -> Estimate:
        number = np.full(self._cells, self.setting.samples)
        if self.setting.labels is not None and self.setting.task != Task.REGRESSION:
            # What a category's outputs depend on is seen where it is present.
            number[1:] = self.setting.labels.sum(axis=0)
        return quotient(sums, numerator, denominator, divisor, number)


def use(setting: Setting, stand_in: str | None = None) -> Use:
    """What the outputs of a setting depend on.

    Parameters
    ----------
    setting
        The setting; its runs were probed.
    stand_in
        What replaced the modalities, as `mbias.passes.Pass` names it. By default, what a verdict rests on
        (`mbias.analysis.measures.replaced.stand_in_of_verdict`).

    Returns
    -------
    Use
        Its estimates, computed when they are asked for.

    Raises
    ------
    NotApplicableError
        If a run was not probed, has one modality, or its probe lacks a pass with one modality replaced.
    BadInputError
        If a probe is damaged.
    """
    if stand_in is None:
        stand_in = stand_in_of_verdict(setting.modalities, [read_probe(run).passes for run in setting.runs])
    replaced = [outputs_replaced(run, stand_in) for run in setting.runs]
    return Use(setting, with_weights(setting, replaced), stand_in)


def squared_change(whole: np.ndarray, _: slice) -> Callable[[np.ndarray], np.ndarray]:
    """The squared change of outputs when modalities are replaced, as `mbias.analysis.measures.replaced.Function`."""
    return lambda outputs: (outputs - whole) ** 2
