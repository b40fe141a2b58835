"""Quotients that are read by blocks: against textbook intervals, and against quotients of whole arrays."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mbias.stats.estimates import summed_by_group
from mbias.stats.intervals import linearised, student
from mbias.stats.ratios import Ratios


def counted(values, positive, groups=None):
    """The mean of the values of positive samples."""
    values, positive = (np.array(array, dtype=float)[:, None] for array in (values, positive))
    return Ratios((values * positive).__getitem__, positive.__getitem__, len(values), groups)


def test_a_mean_over_positive_samples_has_their_interval():
    values, positive = np.linspace(0.2, 0.8, 100), np.arange(100) % 14 == 0
    kept = values[positive]
    expected = [kept.mean(), *stats.t.interval(0.95, len(kept) - 1, kept.mean(), stats.sem(kept))]

    assert counted(values, positive).intervals()[:, 0] == pytest.approx(expected)


@pytest.mark.parametrize(("positives", "known"), [(1, False), (4, False), (5, True)])
def test_a_mean_over_fewer_than_five_samples_has_no_interval(positives, known):
    _, low, high = counted(np.linspace(0.2, 0.8, 50), np.arange(50) < positives).intervals()

    assert (np.isfinite([low, high]) == known).all()


def test_copies_of_a_sample_in_one_group_count_once():
    values, positive = np.linspace(0.2, 0.8, 12), np.arange(12) % 2 == 0
    copies = np.repeat(values, 3), np.repeat(positive, 3)

    assert counted(*copies, np.repeat(np.arange(12).astype(str), 3)).intervals() == pytest.approx(
        counted(values, positive).intervals()
    )
    # 18 positive samples, but only of four groups.
    assert np.isnan(counted(*copies, (np.arange(36) % 4).astype(str)).intervals()[1])


def test_values_that_do_not_vary_have_an_interval_of_no_width():
    assert counted(np.full(30, 0.1), np.ones(30)).intervals()[:, 0] == pytest.approx([0.1, 0.1, 0.1], abs=1e-12)


@given(seed=st.integers(0, 1000), at_once=st.integers(1, 40), grouped=st.booleans(), expected=st.booleans())
def test_means_over_cells_are_those_of_whole_arrays(seed, at_once, grouped, expected):
    rng = np.random.default_rng(seed)
    denominators = rng.integers(0, 3, (30, 1, 4)) * np.array([1, 1, 1, 0])
    numerators = rng.random((30, 2, 4)) * denominators
    groups = rng.integers(0, 7, 30).astype(str) if grouped else None
    means = Ratios(numerators.__getitem__, denominators.astype(float).__getitem__, 30, groups, at_once)
    if expected:
        with np.errstate(invalid="ignore"):
            quotients = (numerators.sum(axis=0) / denominators.sum(axis=0)).astype(np.float32)
        means = dataclasses.replace(means, expected=quotients)
    parts = summed_by_group(np.stack(np.broadcast_arrays(numerators, denominators), axis=-1), groups)

    # The last category is nowhere counted, and is in no mean.
    whole = student(linearised(parts)[..., :3].mean(axis=-1))
    np.testing.assert_allclose(means.means_over_last(), whole, rtol=1e-5 if expected else 1e-9)
    np.testing.assert_allclose(np.concatenate(list(means.parts())), parts)
    assert np.isnan(means.intervals()[:, :, 3]).all()
