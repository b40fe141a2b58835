"""Sums by unit, block by block: against sums of whole arrays."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mbias.stats.units import unit_sums


@given(
    groups=st.none() | st.lists(st.sampled_from("abcde"), min_size=1, max_size=30),
    at_once=st.integers(1, 31),
)
def test_every_unit_has_the_sum_of_its_samples(groups, at_once):
    samples = 12 if groups is None else len(groups)
    values = np.arange(2.0 * samples).reshape(samples, 2)
    keys = np.arange(samples) if groups is None else np.array(groups)
    expected = [values[keys == key].sum(axis=0) for key in np.unique(keys)]
    blocks = list(unit_sums(values.__getitem__, samples, None if groups is None else keys, at_once))

    assert np.concatenate(blocks).tolist() == np.array(expected).tolist()
