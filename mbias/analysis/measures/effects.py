"""What each of several modalities contributes, alone and with others: Shapley effects, and the interaction of pairs.

With change(S), the mean squared change of the output when the modalities in S are those of other samples
(`mbias.analysis.measures.use`), the Shapley effect of modality m is its Shapley value in the game of the sets S:

    shapley_m       the mean of change(S with m) - change(S) over the orders in which modalities can be replaced
    interaction_mn  (change_m + change_n - change(m, n)) / change(all)

Shapley effects add up to change(all); shown is their part of it. Source: Owen 2014; Song, Nelson & Staum 2016, with the
cost function of total effects. Where not all sets were probed, Shapley values are the weighted least-squares fit to
those that were (Lundberg & Lee 2017), which is exact for all sets.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mbias.analysis.measures.replaced import PERMUTED, Replaced, donors_of
from mbias.analysis.measures.rows.use_rows import with_ends
from mbias.analysis.measures.use import use
from mbias.analysis.settings import Setting, reason_for, settings
from mbias.errors import NotApplicableError
from mbias.passes import WHOLE, Pass
from mbias.records.probes import how_to_probe, read_probe
from mbias.records.run import Run
from mbias.records.study import StudyLike, open_study
from mbias.stats.estimates import Estimate
from mbias.stats.pairs import PairSums, PairValues, sums_of
from mbias.stats.quotients import quotient
from mbias.stats.units import rows_of_block
from mbias.tables.layout import with_left_out


@dataclass(frozen=True)
class Effects:
    """The changes of a setting with every probed set of modalities replaced.

    Parameters
    ----------
    setting
        The setting.
    sets
        The sets, as positions of modalities; the last one is of all.
    changes
        The sums over pairs of the squared changes with each set replaced, summed over categories.
    """

    setting: Setting
    sets: tuple[tuple[int, ...], ...]
    changes: PairSums

    def shapley(self, m: int) -> Estimate:
        """The part of the Shapley effect of modality m in the change with all replaced, of shape (1,)."""
        return self._part(shapley_factors(self.sets, len(self.setting.modalities))[m])

    def interaction(self, m: int, n: int) -> Estimate:
        """The interaction of two modalities, of shape (1,): above 0 where both are needed together."""
        factors = np.zeros(len(self.sets))
        factors[[self.sets.index((m,)), self.sets.index((n,))]] = 1
        factors[self.sets.index((m, n))] -= 1
        return self._part(factors)

    def _part(self, factors: np.ndarray) -> Estimate:
        together = np.zeros(len(self.sets))
        together[-1] = 1
        return quotient(self.changes, factors, together)


def shapley_factors(sets: Sequence[tuple[int, ...]], modalities: int) -> np.ndarray:
    """The factors by which the values of sets give Shapley values, (modality, set).

    Parameters
    ----------
    sets
        The sets with a known value, as positions of modalities: each modality, all of them (last), and others. The
        value of the empty set is 0.
    modalities
        The number of modalities.

    Returns
    -------
    numpy.ndarray
        Exact if all sets are known.

    Examples
    --------
    >>> shapley_factors([(0,), (1,), (0, 1)], 2)
    array([[ 0.5, -0.5,  0.5],
           [-0.5,  0.5,  0.5]])
    """
    inner = sets[:-1]
    holds = np.array([[float(m in chosen) for m in range(modalities)] for chosen in inner])
    weights = _kernel_weights([len(chosen) for chosen in inner], modalities)
    # Minimise sum w (value - holds @ phi)^2 where the values phi add up to that of all modalities.
    spread = np.linalg.inv(holds.T @ (weights[:, None] * holds))
    free = spread @ (holds * weights[:, None]).T
    toward = spread.sum(axis=1) / spread.sum()
    return np.column_stack([free - np.outer(toward, free.sum(axis=0)), toward])


def _kernel_weights(sizes: Sequence[int], modalities: int) -> np.ndarray:
    """The weight of each set: what its size has is spread evenly; sampled sizes share what all of them have."""
    of_size = {size: (modalities - 1) / (size * (modalities - size)) for size in range(1, modalities)}
    whole = {size for size in of_size if sizes.count(size) == math.comb(modalities, size)}
    sampled = [size for size in sizes if size not in whole]
    shared = sum(weight for size, weight in of_size.items() if size not in whole) / max(len(sampled), 1)
    return np.array([of_size[size] / sizes.count(size) if size in whole else shared for size in sizes])


def effects(setting: Setting) -> Effects:
    """The changes of a setting with every probed set of modalities replaced.

    Raises
    ------
    NotApplicableError
        If a run was not probed with every two modalities replaced together.
    BadInputError
        If a probe is damaged.
    """
    used = use(setting, PERMUTED)
    probes = [read_probe(run) for run in setting.runs]
    names = set.intersection(*({p.replaced for p in probe.passes if p.baseline == PERMUTED} for probe in probes))
    positions = {name: position for position, name in enumerate(setting.modalities)}
    for pair in itertools.combinations(setting.modalities, 2):
        if pair not in names:
            raise NotApplicableError(
                f"{setting.runs[0].path}: the probe has no pass with {' and '.join(pair)} replaced by 'permuted'; "
                f"{how_to_probe(setting.runs[0])} with interactions=True"
            )
    unordered = [tuple(positions[name] for name in chosen) for chosen in names]
    sets = sorted(unordered, key=lambda chosen: (len(chosen), chosen))
    changes = [
        [_change(run, replaced, tuple(setting.modalities[m] for m in chosen)) for chosen in sets]
        for run, replaced in zip(setting.runs, used.replaced, strict=True)
    ]
    return Effects(setting, tuple(sets), sums_of(changes, setting.groups))


def _change(run: Run, replaced: Replaced, names: tuple[str, ...]) -> PairValues:
    probe, samples = read_probe(run), len(run.samples)
    draws = probe.draws(PERMUTED, names)
    at_once = rows_of_block(8 * len(run.header.categories))

    def change(draw: Pass, rows: slice) -> np.ndarray:
        whole, outputs = (probe.values(of_pass, "p_joint", rows).astype(float) for of_pass in (WHOLE, draw))
        return replaced.summed((outputs - whole) ** 2)

    blocks = [slice(begin, begin + at_once) for begin in range(0, samples, at_once)]
    values = [np.concatenate([change(draw, rows) for rows in blocks]) for draw in draws]
    return PairValues(np.stack(values)[..., None], donors_of(probe, draws))


def shapley(study: StudyLike) -> pd.DataFrame:
    """The Shapley effect of each modality: its part of the change with all modalities replaced, with 95 % intervals.

    Unlike `mbias.reliance`'s ``share``, it divides among modalities what they do together. Cost: for M modalities and K
    draws, (1 + K (2^M - 1)) N passes up to 6 modalities, about (1 + 80 K) N for 7 and 100 for 8. Source: Shapley
    effects (Owen 2014; Song, Nelson & Staum 2016). Note: intervals do not include which sets of 7 or more were sampled.

    Parameters
    ----------
    study
        A path, a `Run`, a list of these, or a `Study`.

    Returns
    -------
    pandas.DataFrame
        One row per setting and modality: ``shapley``, which adds up to 1 over modalities, with the ends of its
        interval, ``_low`` and ``_high``, and ``samples``.

    Raises
    ------
    NotApplicableError
        If no run was probed with modalities replaced together.
    BadInputError
        If a run or a probe is damaged.
    """
    return _table(study, _shapley_rows)


def interactions(study: StudyLike) -> pd.DataFrame:
    """The interaction of every two modalities, with 95 % intervals.

    Parameters
    ----------
    study
        As for `shapley`.

    Returns
    -------
    pandas.DataFrame
        One row per setting and pair of modalities, ``first`` and ``second``: ``interaction``, the part of the change
        with all modalities replaced that needs both, above 0 where they act together, below 0 where each stands in for
        the other, with the ends of its interval, ``_low`` and ``_high``, and ``samples``.

    Raises
    ------
    NotApplicableError, BadInputError
        As `shapley`.
    """
    return _table(study, _interaction_rows)


def _table(study: StudyLike, rows_of: Callable[[Setting, Effects], list[dict[str, Any]]]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    reasons: dict[str, str] = {}
    for setting in settings(open_study(study)):
        try:
            rows += rows_of(setting, effects(setting))
        except NotApplicableError as error:
            reasons[setting.display_name] = reason_for(error, setting.runs)
    if not rows:
        raise NotApplicableError(next(iter(reasons.values())))
    return with_left_out(pd.DataFrame(rows), reasons)


def _shapley_rows(setting: Setting, of_sets: Effects) -> list[dict[str, Any]]:
    return [
        {
            **setting.identity,
            "modality": modality,
            **_columns("shapley", of_sets.shapley(m)),
            "samples": setting.samples,
        }
        for m, modality in enumerate(setting.modalities)
    ]


def _interaction_rows(setting: Setting, of_sets: Effects) -> list[dict[str, Any]]:
    return [
        {
            **setting.identity,
            "first": setting.modalities[m],
            "second": setting.modalities[n],
            **_columns("interaction", of_sets.interaction(m, n)),
            "samples": setting.samples,
        }
        for m, n in itertools.combinations(range(len(setting.modalities)), 2)
    ]


def _columns(name: str, estimate: Estimate) -> dict[str, float]:
    return with_ends(name, float(estimate.point[0]), estimate.interval()[:, 0])
