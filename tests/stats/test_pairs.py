"""Means over pairs of a sample and its donors: by brute force, and by simulation of what is known."""

from __future__ import annotations

import numpy as np
import pytest

from mbias.probing.draws import derangement
from mbias.stats.bounded import Bounded
from mbias.stats.pairs import PairValues, joined, sums_of
from mbias.stats.quotients import difference
from mbias.stats.quotients import quotient as of_sums

DRAWS = 5


def quotient(by_seed, *factors, groups=None, **options):
    return of_sums(sums_of(by_seed, groups), *factors, **options)


def _random_pairs(rng, size=9, cells=2, roles=1, draws=3):
    donors = np.stack([[derangement(size, rng) for _ in range(roles)] for _ in range(draws)]).swapaxes(1, 2)
    return PairValues(rng.random((draws, size, cells)), donors)


@pytest.mark.parametrize("roles", [1, 2])
def test_influence_is_what_a_little_more_weight_of_a_sample_changes(roles):
    """A pair counts with the product of the weights of the samples in it."""
    pairs = _random_pairs(np.random.default_rng(1), roles=roles)
    draws, size, _ = pairs.values.shape

    def weighted_mean(weights):
        total, number = 0.0, 0.0
        for k in range(draws):
            for n in range(size):
                weight = weights[n] * np.prod([weights[donor] for donor in pairs.donors[k, n]])
                total, number = total + weight * pairs.values[k, n], number + weight
        return total / number

    step = 1e-6
    for n in range(size):
        more, less = np.ones(size), np.ones(size)
        more[n], less[n] = 1 + step, 1 - step
        slope = size * (weighted_mean(more) - weighted_mean(less)) / (2 * step)
        np.testing.assert_allclose(pairs.influence[n], slope, atol=1e-7)


def test_without_donors_pairs_are_independent():
    values = np.random.default_rng(2).random((3, 20, 1))
    pairs = PairValues(values)
    of_samples = values.mean(axis=0)
    estimated = quotient([[pairs]], [1.0])

    np.testing.assert_allclose(pairs.influence, of_samples - of_samples.mean())
    assert pairs.covariance(pairs) == 0
    assert estimated.point == pytest.approx(values.mean())
    # As in a mean of n values, with n - 2 instead of n - 1.
    assert estimated.se**2 == pytest.approx(((of_samples - values.mean()) ** 2).sum() / 20 / 18)


def test_noise_is_the_part_of_the_variance_that_the_draws_add():
    """Values that depend on the pair alone: the mean over pairs varies by s^2 / (n K)."""
    rng = np.random.default_rng(3)
    size, points, squared = 60, [], []
    for _ in range(400):
        donors = np.stack([derangement(size, rng) for _ in range(DRAWS)])[..., None]
        estimated = quotient([[PairValues(rng.normal(size=(DRAWS, size, 1)), donors)]], [1.0])
        points.append(estimated.point)
        squared.append(estimated.se**2)

    assert np.var(points) == pytest.approx(1 / (size * DRAWS), rel=0.25)
    # The least that the estimate goes down to is half of what it is with the noise: 3 / 2 of the truth at most.
    assert 1 <= np.mean(squared) * size * DRAWS <= 1.6


def test_quotients_by_hand():
    rng = np.random.default_rng(4)
    first, second = _random_pairs(rng), _random_pairs(rng)
    a, b = first.values.mean(axis=(0, 1)), second.values.mean(axis=(0, 1))

    np.testing.assert_allclose(quotient([[first, second]], (1, -1), (1, 1)).point, (a - b) / (a + b))
    np.testing.assert_allclose(
        quotient([[first, second]], (1, 2), divisor=np.array([2, 4])).point, (a + 2 * b) / [2, 4]
    )
    by_seed = quotient([[first, second], [second, first]], (1, 0), (1, 1))
    np.testing.assert_allclose(by_seed.by_seed, [a / (a + b), b / (a + b)])
    np.testing.assert_allclose(by_seed.point, 0.5)


def test_a_difference_of_a_setting_with_itself_is_zero_for_sure():
    rng = np.random.default_rng(11)
    terms = [_random_pairs(rng, size=30), _random_pairs(rng, size=30)]
    none = difference(sums_of([terms, terms]), (1, -1), (1, 1))

    assert (none.point == 0).all()
    assert (none.se == 0).all()


@pytest.mark.parametrize("same_donors", [True, False])
def test_differences_by_hand_and_by_adding_variances(same_donors):
    rng = np.random.default_rng(12)
    first, second = ([_random_pairs(rng, size=200, draws=4), _random_pairs(rng, size=200, draws=4)] for _ in range(2))
    if same_donors:
        second = [PairValues(b.values, a.donors) for a, b in zip(first, second, strict=True)]
    of_each = [quotient([terms], (1, -1), (1, 1)) for terms in (first, second)]
    found = difference(sums_of([first, second]), (1, -1), (1, 1))

    np.testing.assert_allclose(found.point, of_each[1].point - of_each[0].point)
    # Their values are independent.
    np.testing.assert_allclose(found.se**2, of_each[0].se ** 2 + of_each[1].se ** 2, rtol=0.25)


def test_cells_in_blocks_are_the_cells_of_the_whole():
    rng = np.random.default_rng(13)
    seeds = [[_random_pairs(rng, cells=3), _random_pairs(rng, cells=3)] for _ in range(3)]
    cut = [
        [[PairValues(t.values[..., cells], t.donors) for t in terms] for terms in seeds]
        for cells in (slice(1), slice(1, 3))
    ]
    whole, blocks = quotient(seeds, (1, -1), (1, 1)), of_sums(joined([*map(sums_of, cut)]), (1, -1), (1, 1))

    np.testing.assert_allclose(blocks.se, whole.se)
    np.testing.assert_allclose(blocks.df, whole.df)


@pytest.mark.parametrize("same_donors", [True, False])
def test_the_variance_of_a_mean_over_seeds_by_brute_force(same_donors):
    """Where seeds share their donors, the mean over seeds is itself a mean over pairs; otherwise their noises add."""
    rng = np.random.default_rng(14)
    seeds = [_random_pairs(rng, size=40, roles=2) for _ in range(3)]
    if same_donors:
        seeds = [PairValues(pairs.values, seeds[0].donors) for pairs in seeds]
    influence = np.mean([pairs.influence for pairs in seeds], axis=0)
    mean = np.mean([pairs.values for pairs in seeds], axis=0)
    own = [pairs.values.var(axis=(0, 1)) for pairs in seeds]
    noise = (mean.var(axis=(0, 1)) if same_donors else np.mean(own, axis=0) / 3) * 2 / 3
    total = (influence**2).sum(axis=0)
    expected = np.maximum(total - 40 * noise, total / 2) / 40**2 * 40 / 38

    np.testing.assert_allclose(quotient([[pairs] for pairs in seeds], [1.0]).samples_part, expected)


def test_where_nothing_changes_a_share_is_unknown():
    pairs = _random_pairs(np.random.default_rng(5))
    nothing = PairValues(np.zeros_like(pairs.values), pairs.donors)
    estimated = quotient([[nothing, nothing]], (1, 0), (1, 1))

    assert np.isnan(estimated.point).all()
    assert np.isnan(estimated.interval()).all()


def test_equal_seeds_are_as_uncertain_as_one():
    pairs = _random_pairs(np.random.default_rng(6), size=40)
    one, three = (quotient([[pairs, pairs]] * seeds, (1, 0)) for seeds in (1, 3))

    np.testing.assert_allclose(three.samples_part, one.samples_part)
    np.testing.assert_allclose(three.se, one.se)


def test_degrees_of_freedom_are_of_the_smallest_number_of_independent_samples():
    pairs = _random_pairs(np.random.default_rng(7), size=20)
    groups = np.arange(20) // 4

    assert quotient([[pairs]], [1.0]).df.tolist() == [19, 19]
    assert quotient([[pairs]], [1.0], samples=np.array([20, 7])).df.tolist() == [19, 6]
    assert quotient([[pairs]], [1.0], samples=np.array([20, 3]), groups=groups).df.tolist() == [4, 2]


def _model(a, v):
    return 1 / (1 + np.exp(-(1.5 * a + v)))


def _balance(a, v, rng, groups=None, known=True, use_groups=True):
    whole, size = _model(a, v), len(a)
    terms = []
    for modality in range(2):
        donors = np.stack([derangement(size, rng, groups) for _ in range(DRAWS)])
        replaced = np.stack([_model(a[d], v) if modality == 0 else _model(a, v[d]) for d in donors])
        terms.append(PairValues(((replaced - whole) ** 2)[..., None], donors[..., None] if known else None))
    return quotient([terms], (1, -1), (1, 1), groups=groups if use_groups else None)


@pytest.fixture(scope="module")
def true_balance():
    rng = np.random.default_rng(8)
    a, v, other = rng.normal(size=(3, 1_000_000))
    changes = [np.mean((_model(a, v) - replaced) ** 2) for replaced in (_model(other, v), _model(a, other))]
    return (changes[0] - changes[1]) / sum(changes)


def _covered(true_balance, seed, draw, repetitions=300, **options):
    rng = np.random.default_rng(seed)
    hits = []
    for _ in range(repetitions):
        low, high = Bounded(_balance(*draw(rng), rng, **options)).interval()[:, 0]
        hits.append(low <= true_balance <= high)
    return np.mean(hits)


def test_intervals_over_pairs_cover(true_balance):
    def draw(rng):
        return rng.normal(size=(2, 100))

    assert 0.91 <= _covered(true_balance, 9, draw) <= 0.98
    # Taking the donors as given makes the interval too short.
    assert _covered(true_balance, 9, draw, known=False) < 0.90


def test_with_clusters_of_five_only_intervals_over_groups_cover(true_balance):
    groups = np.arange(300) // 5

    def draw(rng):
        shared = np.repeat(rng.normal(size=(2, 60)), 5, axis=1)
        return np.sqrt(0.9) * shared + np.sqrt(0.1) * rng.normal(size=(2, 300))

    assert 0.90 <= _covered(true_balance, 10, draw, groups=groups) <= 0.98
    assert _covered(true_balance, 10, draw, groups=groups, use_groups=False) < 0.85
