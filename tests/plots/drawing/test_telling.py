from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbias.plots.drawing.telling import MOST, telling


def values(number):
    """Shuffled values 0, 1, ..., of categories c0, c1, ..."""
    shuffled = np.random.default_rng(0).permutation(number)
    return pd.Series(shuffled.astype(float), index=[f"c{value}" for value in shuffled])


def names(*numbers):
    return [f"c{number}" for number in numbers]


def test_up_to_the_most_all_are_drawn():
    drawn = telling(values(MOST), "mean", pd.Series({"c7": 1}))

    assert drawn.names == names(*reversed(range(MOST)))
    assert (drawn.breaks, drawn.note) == ((), "")


def test_of_more_both_ends_are_drawn():
    drawn = telling(values(101), "mean")

    assert drawn.names == names(*range(100, 80, -1), *range(19, -1, -1))
    assert drawn.breaks == (20,)
    assert drawn.note == "40 of 101 categories: 20 of the largest mean, 20 of the smallest; all are in the table"


def test_discordant_ones_between_the_ends_take_places_of_the_ends():
    """c0 is at an end; of c40, c50 and c90, all are drawn, and the ends share the other 37 places."""
    drawn = telling(values(101), "mean", pd.Series(1, index=names(90 - 10, 50, 40, 0)))

    assert drawn.names == names(*range(100, 81, -1), 80, 50, 40, *range(17, -1, -1))
    assert drawn.breaks == (19, 22)
    assert "19 of the largest mean, 18 of the smallest, 3 of 3 others that favour another modality" in drawn.note


def test_of_many_discordant_ones_those_in_most_settings_and_then_the_farthest_are_drawn():
    """Values run from 0 to 100 with mean 50: c75 is as far from it as c25, and c20 farther."""
    against = pd.Series(dict.fromkeys(names(*range(20, 30), *range(70, 76)), 1) | {"c50": 2})
    drawn = telling(values(101), "mean", against)

    assert drawn.names[15:25] == names(75, 74, 50, 26, 25, 24, 23, 22, 21, 20)
    assert "10 of 17 others" in drawn.note


@settings(deadline=None)
@given(
    st.lists(st.floats(-1, 1), min_size=MOST + 1, max_size=3 * MOST),
    st.dictionaries(st.integers(0, 3 * MOST), st.integers(1, 3)),
)
def test_as_many_as_fit_are_drawn_in_order_with_the_extremes(numbers, against):
    by_category = pd.Series(numbers, index=[f"c{index}" for index in range(len(numbers))])
    drawn = telling(by_category, "mean", pd.Series({f"c{index}": count for index, count in against.items()}, dtype=int))
    shown = by_category[drawn.names]

    assert len(set(drawn.names)) == MOST
    assert shown.is_monotonic_decreasing
    assert (shown.max(), shown.min()) == (by_category.max(), by_category.min())


@pytest.mark.parametrize("width", [3.0, 7.0])
def test_the_note_is_broken_into_lines(width):
    drawn = telling(values(500), "mean")

    assert " ".join(drawn.lines(width)) == drawn.note
    assert telling(values(5), "mean").lines(width) == []
