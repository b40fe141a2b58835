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
