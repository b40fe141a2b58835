"""What runs output with modalities replaced, and the stand-in that a verdict on them rests on."""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from mbias.analysis.settings import Setting
from mbias.errors import NotApplicableError
from mbias.passes import BASELINES, WHOLE, Pass
from mbias.records.probes import Probe, how_to_probe, read_probe
from mbias.records.run import Run
from mbias.stats.pairs import PairSummer, PairSums, PairValues, giving, joined, same_donors
from mbias.stats.units import rows_of_block
from mbias.tasks import Task

PERMUTED = "permuted"
"""The stand-in that a verdict rests on where it is recorded: inputs of other samples, which the model knows."""


Function = Callable[[np.ndarray, slice], Callable[[np.ndarray], np.ndarray]]
"""From outputs with nothing replaced, float64 (sample, category), and their categories to a function of outputs with
modalities replaced, float32 (sample, category), whose values have that shape."""

_BLOCK = 2**27
"""The size in bytes of what is computed at a time from the outputs of some categories."""

_THREADS = 2
"""Blocks of categories that are computed at once."""


@dataclass(frozen=True)
class Drawn:
    """The passes in which some modalities are replaced.

    Parameters
    ----------
    passes
        One pass per draw.
    donors
        As in `PairValues`.
    """

    passes: tuple[Pass, ...]
    donors: np.ndarray | None = None

    def __getstate__(self) -> dict[str, Any]:
        # The matrices are neither copied nor sent to workers.
        return {"passes": self.passes, "donors": self.donors}

    @functools.cached_property
    def matrices(self) -> list[csr_array]:
        """What `mbias.stats.pairs.giving` returns for the donors."""
        return giving(self.donors)

    def pairs(self, values: np.ndarray) -> PairValues:
        """Values (draw, sample, cell), which are overwritten, with the donors."""
        return PairValues(values, self.donors, self.matrices, disposable=True)


@dataclass(frozen=True)
class Replaced:
    """What a run outputs with modalities replaced.

    Parameters
    ----------
    probe
        The probe, from which outputs are read when they are needed.
    passes
        The passes by the replaced modalities; by none, the one in which nothing is replaced.
    weights
        What each category counts in a sum over categories, (category,); None where each counts 1.
    """

    probe: Probe
    passes: dict[tuple[str, ...], Drawn]
    weights: np.ndarray | None = None

    def whole(self, categories: slice) -> np.ndarray:
        """The outputs with nothing replaced, float64 (sample, category)."""
        return self.probe.values(WHOLE, "p_joint", categories=categories).astype(float)

    def values(
        self, replaced: tuple[str, ...], functions: Sequence[Function], categories: slice
    ) -> Iterator[np.ndarray]:
        """Yield the values of each function of the outputs, float64 (draw, sample, category)."""
        whole = self.whole(categories)
        outputs = [
            self.probe.values(of_pass, "p_joint", categories=categories) for of_pass in self.passes[replaced].passes
        ]
        for function in functions:
            of_outputs = function(whole, categories)
            values = np.empty((len(outputs), *whole.shape))
            for of_draw, of_pass in zip(values, outputs, strict=True):
                of_draw[:] = of_outputs(of_pass)
            yield values

    def summed(self, by_category: np.ndarray, categories: slice = slice(None)) -> np.ndarray:
        """The weighted sum over categories of values (..., category)."""
        total: np.ndarray = by_category.sum(axis=-1) if self.weights is None else by_category @ self.weights[categories]
        return total

    def with_sum(self, by_category: np.ndarray) -> np.ndarray:
        """Values by category, (..., category), with their weighted sum put first, (..., 1 + category)."""
        return np.concatenate([self.summed(by_category)[..., None], by_category], axis=-1)


def blocks_of_categories(categories: int, bytes_of_category: int) -> list[slice]:
    """All categories, in blocks of which each takes so many bytes at most, if it is not of one category."""
    size = max(1, min(categories, _BLOCK // max(1, bytes_of_category)))
    return [slice(begin, min(begin + size, categories)) for begin in range(0, categories, size)]


Family = Sequence[tuple[tuple[str, ...], Function]]
"""Terms that quotients are made of: the replaced modalities and the function of each."""


def sums_by_category(
    runs: Sequence[Replaced], families: Sequence[Family], groups: np.ndarray | None, at_once: bool = False
) -> list[PairSums]:
    """Sums over pairs of functions of the outputs of several runs, of a block of categories at a time.

    Parameters
    ----------
    runs
        The outputs of the runs, all of the same samples and categories.
    families
        The families of terms. All of them are computed from outputs that are read once.
    groups
        The group of each sample; None where every sample is independent.
    at_once
        Whether the functions need the outputs of all categories at once.

    Returns
    -------
    list of PairSums
        Of each family, with 1 + category cells, the first of which is the weighted sum over categories.
    """
    header, samples = runs[0].probe.run.header, len(runs[0].probe.run.samples)
    used: dict[tuple[str, ...], list[tuple[int, int, Function]]] = {}
    for f, family in enumerate(families):
        for term, (replaced, function) in enumerate(family):
            used.setdefault(replaced, []).append((f, term, function))
    same = [same_donors([[run.passes[r].donors for r, _ in family] for run in runs]) for family in families]

    def summers() -> list[PairSummer]:
        return [PairSummer(len(runs), len(f), of_f, groups) for f, of_f in zip(families, same, strict=True)]

    def of_block(categories: slice) -> tuple[list[PairSums], dict[tuple[int, int, int], np.ndarray]]:
        waiting, summed = dict(enumerate(summers())), {}
        done: dict[int, PairSums] = {}
        for replaced, users in used.items():
            for seed, run in enumerate(runs):
                by_user = run.values(replaced, [function for *_, function in users], categories)
                for (f, term, _), values in zip(users, by_user, strict=True):
                    summed[f, term, seed] = run.summed(values, categories)
                    waiting[f].add(seed, term, run.passes[replaced].pairs(values))
            # What a family keeps in memory is freed as soon as its last term is added.
            done |= {f: waiting.pop(f).sums() for f in {f for f, *_ in users} if families[f][-1][0] == replaced}
        return [done[f] for f in range(len(families))], summed

    categories = len(header.categories)
    kept = _kept([run.passes for run in runs], families)
    blocks = [slice(categories)] if at_once else blocks_of_categories(categories, 8 * samples * kept)
    totals: dict[tuple[int, int, int], np.ndarray] = {}
    by_block = []
    with ThreadPoolExecutor(_THREADS) as pool:
        for sums, summed in pool.map(of_block, blocks):
            by_block.append(sums)
            totals = {key: totals.get(key, 0) + values for key, values in summed.items()}
    of_all = summers()
    for (f, term, seed), values in totals.items():
        of_all[f].add(seed, term, runs[seed].passes[families[f][term][0]].pairs(values[..., None]))
    return [joined([first.sums(), *rest]) for first, *rest in zip(of_all, *by_block, strict=True)]


def _kept(passes: Sequence[Mapping[tuple[str, ...], Drawn]], families: Sequence[Family]) -> int:
    """How many numbers are kept at a time of each sample and category."""
    used = {replaced for family in families for replaced, _ in family}
    draws = max(len(of_run[replaced].passes) for of_run in passes for replaced in used)
    donors = [[of_run[replaced].donors for replaced in used if replaced] for of_run in passes]
    shared = bool((same_donors(donors).sum(axis=(1, 2)) > len(passes)).any())
    single = Counter(family[0][0] for family in families if len(family) == 1)
    at_a_time = max(single.values(), default=0)
    influences = sum(len(family) for family in families if len(family) > 1) + at_a_time
    # Of all runs the influences and, where donors are shared, the values; of one run, what these are computed from.
    return len(passes) * (influences + draws * shared * (1 + at_a_time)) + 3 * draws


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
    passes: dict[tuple[str, ...], Drawn] = {(): Drawn((WHOLE,))}
    _check(probe, (WHOLE,))
    for replaced in (*((modality,) for modality in modalities), modalities):
        draws = tuple(probe.draws(stand_in, replaced))
        if not draws and replaced == modalities:
            continue
        if not draws:
            raise NotApplicableError(
                f"{run.path}: the probe has no pass with {' and '.join(replaced)} replaced by {stand_in!r}; "
                f"{how_to_probe(run)}"
            )
        _check(probe, draws)
        passes[replaced] = Drawn(draws, donors_of(probe, draws))
    return Replaced(probe, passes)


def _check(probe: Probe, passes: Sequence[Pass]) -> None:
    """Raise where outputs have another shape, or those of a sample do not add up to 1: they are read by category."""
    samples, at_once = len(probe.run.samples), rows_of_block(4 * len(probe.run.header.categories))
    for of_pass in passes:
        for begin in range(0, samples if probe.run.task == Task.SINGLE_LABEL else 1, at_once):
            probe.values(of_pass, "p_joint", slice(begin, begin + at_once))


def with_weights(setting: Setting, replaced: Sequence[Replaced]) -> tuple[Replaced, ...]:
    """The outputs with what each category counts: targets of different units count in their standard deviations."""
    if setting.task != Task.REGRESSION or len(setting.categories) == 1:
        return tuple(replaced)
    known = setting.labels
    variance = (replaced[0].whole(slice(None)) if known is None else known.astype(float)).var(axis=0)
    weights: np.ndarray = np.divide(1.0, variance, out=np.zeros_like(variance), where=variance > 0)
    return tuple(dataclasses.replace(of_run, weights=weights) for of_run in replaced)


def donors_of(probe: Probe, draws: Sequence[Pass]) -> np.ndarray | None:
    """The donors of each draw, (draw, sample, role); None where they were not recorded."""
    try:
        donors = np.stack([probe.values(draw, "donors") for draw in draws])
    except NotApplicableError:
        return None
    donors = donors if donors.ndim == 3 else donors[..., None]
    # A sample without a donor keeps its own modality.
    return np.where(donors < 0, np.arange(donors.shape[1])[:, None], donors)
