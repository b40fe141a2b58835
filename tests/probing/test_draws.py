"""Permutations and donors."""

import subprocess
import sys

import numpy as np
import pytest

from mbias.probing.draws import derangement, donors


@pytest.mark.parametrize("size", [2, 3, 50])
def test_a_derangement_moves_every_element(size):
    moved = derangement(size, np.random.default_rng(size))

    assert sorted(moved) == list(range(size))
    assert (moved != np.arange(size)).all()


def test_without_groups_a_derangement_is_one_cycle():
    order = np.random.default_rng(5).permutation(9)
    moved = derangement(9, np.random.default_rng(5))

    assert list(moved[order]) == list(np.roll(order, 1))


@pytest.mark.parametrize("sizes", [(1, 1), (2, 2), (3, 1, 2), (4, 2, 1, 1), (25, 25), (30, 12, 18), (1,) * 20])
@pytest.mark.parametrize("seed", range(20))
def test_a_derangement_moves_every_element_into_another_group(sizes, seed):
    groups = np.random.default_rng(seed).permutation(np.repeat(list("abcdefghijklmnopqrst")[: len(sizes)], sizes))
    moved = derangement(len(groups), np.random.default_rng(seed), groups)

    assert sorted(moved) == list(range(len(groups)))
    assert (groups[moved] != groups).all()


@pytest.mark.parametrize(("large", "others"), [(5, 0), (5, 1), (7, 4), (30, 25)])
def test_as_few_elements_as_possible_stay_within_a_group_of_more_than_half(large, others):
    groups = np.random.default_rng(large).permutation(["large"] * large + [f"{i // 2}" for i in range(others)])
    moved = derangement(len(groups), np.random.default_rng(0), groups)

    assert sorted(moved) == list(range(len(groups)))
    assert (moved != np.arange(len(groups))).all()
    assert (groups[moved] == groups).sum() == large - others


def test_a_donor_is_of_another_group():
    rng = np.random.default_rng(0)
    labels, groups = rng.random((60, 5)) < 0.3, rng.integers(4, size=60)
    rows = donors(labels, np.random.default_rng(1), groups)
    drawn = rows >= 0

    assert drawn.any()
    assert (groups[rows[drawn]] != groups[drawn]).all()
    assert not (labels[drawn] & labels[rows[drawn]]).any()


def test_a_donor_has_labels_and_shares_none():
    labels = np.random.default_rng(0).random((60, 5)) < 0.3
    rows = donors(labels, np.random.default_rng(1))
    drawn = rows >= 0

    assert drawn.any()
    assert labels[rows[drawn]].any(axis=1).all()
    assert not (labels[drawn] & labels[rows[drawn]]).any()


def test_a_sample_that_shares_a_label_with_all_others_has_no_donor():
    labels = np.array([[1, 1], [1, 0], [0, 1], [0, 0]], dtype=bool)
    rows = donors(labels, np.random.default_rng(0))

    assert list(rows[:3]) == [-1, 2, 1]
    assert rows[3] in (0, 1, 2)


def test_draws_need_no_pytorch():
    script = "import sys, mbias.probing.draws; print('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "False\n"
    )
