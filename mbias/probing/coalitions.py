"""Which sets of modalities are replaced together: one by one, all, and those in between."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

EXACT = 6
"""Up to this number of modalities, all sets in between are replaced; of more, a sample of them."""

SAMPLED = 20
"""How many of the sets that are neither small nor large are sampled."""


def sets_in_between(modalities: Sequence[str], seed: int) -> list[tuple[str, ...]]:
    """The sets of two or more modalities, but not all, that Shapley values and interactions of pairs need.

    Parameters
    ----------
    modalities
        The names of the modalities.
    seed
        Seed of the sample.

    Returns
    -------
    list of tuple of str
        Up to `EXACT` modalities, all sets. Of more, all pairs, all sets that lack one or two modalities, and `SAMPLED`
        of the others, each with the set of what it lacks.

    Examples
    --------
    >>> sets_in_between(("text", "image", "sound"), 0)
    [('text', 'image'), ('text', 'sound'), ('image', 'sound')]
    """
    number = len(modalities)
    sets = [chosen for size in range(2, number) for chosen in itertools.combinations(range(number), size)]
    if number > EXACT:
        middle = [chosen for chosen in sets if 2 < len(chosen) < number - 2]
        halves = [chosen for chosen in middle if _complement(chosen, number) > chosen]
        drawn = np.random.default_rng(seed).choice(len(halves), min(SAMPLED // 2, len(halves)), replace=False)
        kept = {halves[index] for index in drawn}
        kept |= {_complement(chosen, number) for chosen in kept}
        sets = [chosen for chosen in sets if chosen not in middle or chosen in kept]
    return [tuple(modalities[position] for position in chosen) for chosen in sets]


def _complement(chosen: tuple[int, ...], number: int) -> tuple[int, ...]:
    return tuple(position for position in range(number) if position not in chosen)
