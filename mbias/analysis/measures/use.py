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

from mbias.analysis.settings import Setting
from mbias.errors import NotApplicableError
from mbias.records.probes import WHOLE, Pass, Probe, how_to_probe, read_probe
from mbias.records.run import Run
from mbias.stats.bounded import Bounded
from mbias.stats.estimates import Estimate
from mbias.stats.pairs import PairValues, difference, quotient

PERMUTED = "permuted"
"""The stand-in that a verdict rests on."""

_LEAST = 1e-7


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
    """

    whole: np.ndarray
    passes: dict[tuple[str, ...], tuple[np.ndarray, np.ndarray | None]]

    def pairs(self, replaced: tuple[str, ...], function: Callable[[np.ndarray], np.ndarray]) -> PairValues:
        """A function of the outputs, by category; its sum over categories comes first, (draw, sample, 1 + category)."""
        outputs, donors = self.passes[replaced]
        return PairValues(_with_sum(function(outputs)), donors)


@dataclass(frozen=True)
class Use:
    """What a setting's outputs depend on, with one stand-in; row 0 of every estimate is of all categories together.

    Parameters
    ----------
    setting
        The setting.
    replaced
        The outputs of each run.
    """

    setting: Setting
    replaced: tuple[Replaced, ...]

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
        """(sum of the changes - change_all) / change_all.

        Above 0 where modalities act together (exclusive or: +1), 0 where they add up, below 0 where each stands in for
        the other (or, of a label that is rare). Where nearly all labels are present, read it for their absence.
        """
        together = self._factors(len(self._positions))
        return self._quotient(self._factors(*self._positions) - together, together)

    @functools.cached_property
    def size(self) -> Estimate:
        """change_all over that of a perfect predictor, 2 sum of pi (1 - pi), with the prevalence pi of each category.

        Where labels are not known, pi is the mean output.
        """
        of_outputs = np.mean([run.whole.mean(axis=0) for run in self.replaced], axis=0)
        pi = of_outputs if self._labels is None else self._labels.mean(axis=0)
        return self._quotient(self._factors(len(self._positions)), divisor=_with_sum(2 * pi * (1 - pi)))

    @functools.cached_property
    def separation(self) -> tuple[Estimate, ...]:
        """How far outputs on present labels are above those on absent ones: of each modality and, last, of all.

        The covariance of output and label over the variance of the label: the mean output where the label is present
        less that where it is absent. The part of modality m is the separation less the one with m replaced.

        Raises
        ------
        NotApplicableError
            If labels are not recorded.
        """
        weak = self.setting.weak.astype(float)
        centred = weak - weak.mean(axis=0)
        below = _with_sum((centred**2).mean(axis=0))
        parts: list[Estimate] = []
        for replaced in self._singles:
            terms = [
                [run.pairs(replaced, lambda f, whole=run.whole: (whole - f) * centred)]  # type: ignore[misc]
                for run in self.replaced
            ]
            parts.append(self._of(terms, [1.0], divisor=below))
        whole = [
            [PairValues(_with_sum(((run.whole - run.whole.mean(axis=0)) * centred)[None]))] for run in self.replaced
        ]
        return (*parts, self._of(whole, [1.0], divisor=below))

    def help(self, loss: str) -> tuple[Estimate, ...]:
        """How much larger a loss becomes when each modality is replaced, mean over categories.

        Parameters
        ----------
        loss
            ``squared_error`` or ``log_loss``, in nats.

        Raises
        ------
        NotApplicableError
            If labels are not recorded.
        """
        if loss not in self._helps:
            self._helps[loss] = self._help({"squared_error": _squared_error, "log_loss": _log_loss}[loss])
        return self._helps[loss]

    @functools.cached_property
    def _helps(self) -> dict[str, tuple[Estimate, ...]]:
        return {}

    def _help(self, loss: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> tuple[Estimate, ...]:
        weak = self.setting.weak
        over = np.array([weak.shape[1]] + [1] * weak.shape[1])
        result = []
        for replaced in self._singles:
            terms = [
                [run.pairs(replaced, lambda f, whole=run.whole: loss(f, weak) - loss(whole, weak))]  # type: ignore[misc]
                for run in self.replaced
            ]
            result.append(self._of(terms, [1.0], divisor=over))
        return tuple(result)

    @functools.cached_property
    def _terms(self) -> list[list[PairValues]]:
        """By run, the pairs whose means are the changes."""
        return [
            [
                run.pairs(replaced, lambda f, whole=run.whole: (f - whole) ** 2)  # type: ignore[misc]
                for replaced in self._replacements
            ]
            for run in self.replaced
        ]

    @property
    def _positions(self) -> range:
        return range(len(self.setting.modalities))

    @property
    def _replacements(self) -> list[tuple[str, ...]]:
        together = self.setting.modalities
        return self._singles + [together] * all(together in run.passes for run in self.replaced)

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

    @property
    def _labels(self) -> np.ndarray | None:
        return self.setting.weak if "weak" in self.setting.runs[0].truth else None

    def _quotient(
        self,
        numerator: Sequence[float] | np.ndarray,
        denominator: Sequence[float] | np.ndarray | None = None,
        divisor: np.ndarray | float = 1.0,
    ) -> Estimate:
        """A quotient of changes, as `mbias.stats.pairs.quotient`."""
        return self._of(self._terms, numerator, denominator, divisor)

    def _of(
        self,
        terms: Sequence[Sequence[PairValues]],
        numerator: Sequence[float] | np.ndarray,
        denominator: Sequence[float] | np.ndarray | None = None,
        divisor: np.ndarray | float = 1.0,
    ) -> Estimate:
        number = np.full(self._cells, self.setting.samples)
        if self._labels is not None:
            # What a category's outputs depend on is seen where it is present.
            number[1:] = self._labels.sum(axis=0)
        return quotient(terms, numerator, denominator, divisor, number, self.setting.groups)


def use(setting: Setting, stand_in: str = PERMUTED) -> Use:
    """What the outputs of a setting depend on.

    Parameters
    ----------
    setting
        The setting; its runs were probed.
    stand_in
        What replaced the modalities, a baseline of `mbias.records.probes.BASELINES`.

    Returns
    -------
    Use
        Its estimates, computed when they are asked for.

    Raises
    ------
    NotApplicableError
        If a run was not probed, has one modality, or its probe lacks one of the passes.
    BadInputError
        If a probe is damaged.
    """
    return Use(setting, tuple(_replaced(run, stand_in) for run in setting.runs))


def balance_difference(first: Use, second: Use) -> Estimate:
    """The balance of two modalities in the second setting less that in the first, paired, (1 + category,)."""
    factors = first._factors(0) - first._factors(1), first._factors(0, 1)
    return difference(first._terms, second._terms, *factors, groups=first.setting.groups)


def _replaced(run: Run, stand_in: str) -> Replaced:
    """The outputs of a run with each modality replaced and, for permuted ones, with all of them."""
    modalities = run.header.modalities
    if len(modalities) < 2:
        raise NotApplicableError(f"{run.path}: one modality, so there is no other one to compare it with")
    probe = read_probe(run)
    passes = {}
    for replaced in (*((modality,) for modality in modalities), modalities):
        draws = probe.draws(stand_in, replaced)
        if not draws and replaced == modalities and stand_in != PERMUTED:
            continue
        if not draws:
            raise NotApplicableError(
                f"{run.path}: the probe has no pass with {' and '.join(replaced)} replaced by {stand_in!r}; "
                f"{how_to_probe(run)}"
            )
        outputs = np.stack([probe.values(draw, "p_joint").astype(float) for draw in draws])
        passes[replaced] = (outputs, _donors(probe, draws))
    return Replaced(probe.values(WHOLE, "p_joint").astype(float), passes)


def _donors(probe: Probe, draws: Sequence[Pass]) -> np.ndarray | None:
    """The donors of each draw, (draw, sample, role); None where they were not recorded."""
    try:
        donors = np.stack([probe.values(draw, "donors") for draw in draws])
    except NotApplicableError:
        return None
    donors = donors if donors.ndim == 3 else donors[..., None]
    # A sample without a donor keeps its own modality.
    return np.where(donors < 0, np.arange(donors.shape[1])[:, None], donors)


def _with_sum(by_category: np.ndarray) -> np.ndarray:
    return np.concatenate([by_category.sum(axis=-1, keepdims=True), by_category], axis=-1)


def _squared_error(output: np.ndarray, weak: np.ndarray) -> np.ndarray:
    error: np.ndarray = (output - weak) ** 2
    return error


def _log_loss(output: np.ndarray, weak: np.ndarray) -> np.ndarray:
    p = np.clip(output, _LEAST, 1 - _LEAST)
    loss: np.ndarray = -np.where(weak, np.log(p), np.log1p(-p))
    return loss
