"""Shapley effects and interactions: by hand, by brute force over orders, and where the truth has a closed form."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import mbias
from mbias import NotApplicableError
from mbias.analysis.measures.effects import effects, interactions, shapley, shapley_factors
from mbias.analysis.settings import settings


def _sets(number):
    return [s for size in range(1, number + 1) for s in itertools.combinations(range(number), size)]


@pytest.mark.parametrize("number", [2, 3, 4, 5])
def test_shapley_values_are_means_over_orders(number):
    sets = _sets(number)
    value = {(): 0.0} | dict(zip(sets, np.random.default_rng(number).random(len(sets)), strict=True))
    gains = np.zeros(number)
    orders = list(itertools.permutations(range(number)))
    for order in orders:
        for place, m in enumerate(order):
            gains[m] += value[tuple(sorted(order[: place + 1]))] - value[tuple(sorted(order[:place]))]

    factors = shapley_factors(sets, number)

    assert factors @ [value[s] for s in sets] == pytest.approx(gains / len(orders))


def test_sampled_sets_give_values_that_add_up_and_are_exact_for_sums():
    """Of a game in which modalities add up, any sets will do."""
    number = 7
    sets = [s for s in _sets(number) if len(s) in (1, 2, 5, 6, 7) or sum(s) % 3 == 0]
    worth = np.arange(1.0, 8.0)

    values = shapley_factors(sets, number) @ [worth[list(s)].sum() for s in sets]

    assert values == pytest.approx(worth)


@pytest.fixture(scope="module")
def found():
    """a + b c / 2: the variance is 1 + 1/4, of which b and c share the second part and need each other."""
    a, b, c = np.random.default_rng(0).normal(size=(3, 600, 1))
    return mbias.diagnose(
        lambda a, b, c: a[:, 0] + b[:, 0] * c[:, 0] / 2, {"a": a, "b": b, "c": c}, task="regression", interactions=True
    )


def test_effects_of_a_product(found):
    table = shapley(found.study)

    assert table["shapley"].sum() == pytest.approx(1)
    for row, true in zip(table.itertuples(), (0.8, 0.1, 0.1), strict=True):
        assert row.shapley_low < true < row.shapley_high
        assert row.shapley_high - row.shapley_low < 0.1


def test_interactions_of_a_product(found):
    table = interactions(found.study).set_index(["first", "second"])

    for pair, true in ((("a", "b"), 0), (("a", "c"), 0), (("b", "c"), 0.2)):
        row = table.loc[pair]
        assert row["interaction_low"] < true < row["interaction_high"]
    assert table.loc[("b", "c"), "interaction_low"] > 0


def test_the_parts_by_plain_loops(found):
    """From the recorded outputs and nothing else."""
    (setting,) = settings(found.study)
    probe = mbias.records.probes.read_probe(setting.runs[0])
    whole = probe.values(mbias.Pass(), "p_joint")

    def change(*names):
        return np.mean([(probe.values(mbias.Pass("permuted", names, k), "p_joint") - whole) ** 2 for k in range(5)])

    of_sets = effects(setting)
    every = change("a", "b", "c")
    shapley_a = (
        change("a") / 3
        + (change("a", "b") - change("b")) / 6
        + (change("a", "c") - change("c")) / 6
        + (every - change("b", "c")) / 3
    )
    assert of_sets.shapley(0).point == pytest.approx(shapley_a / every)
    assert of_sets.interaction(1, 2).point == pytest.approx((change("b") + change("c") - change("b", "c")) / every)


def test_a_probe_of_single_modalities_says_how_to_get_the_others():
    a, b, c = np.random.default_rng(0).normal(size=(3, 40, 1))
    found = mbias.diagnose(lambda a, b, c: a[:, 0], {"a": a, "b": b, "c": c}, task="regression", draws=1)

    with pytest.raises(NotApplicableError, match=r"no pass with a and b replaced by 'permuted'; .*interactions=True"):
        shapley(found.study)
