"""Which sets of modalities are replaced together."""

from __future__ import annotations

import itertools

from mbias.probing.coalitions import EXACT, SAMPLED, sets_in_between

NAMES = tuple("abcdefgh")


def test_all_sets_of_few_modalities():
    assert sets_in_between(NAMES[:2], 0) == []
    for number in range(3, EXACT + 1):
        sets = sets_in_between(NAMES[:number], 0)
        expected = [s for size in range(2, number) for s in itertools.combinations(NAMES[:number], size)]
        assert sets == expected


def test_a_sample_of_the_sets_of_many_in_pairs_with_what_they_lack():
    sets = sets_in_between(NAMES, 0)
    middle = {s for s in sets if 2 < len(s) < 6}

    assert {s for s in sets if len(s) in (2, 6)} == {s for k in (2, 6) for s in itertools.combinations(NAMES, k)}
    assert len(middle) == SAMPLED
    assert {tuple(name for name in NAMES if name not in s) for s in middle} == middle
    assert sets_in_between(NAMES, 0) == sets
    assert sets_in_between(NAMES, 1) != sets
