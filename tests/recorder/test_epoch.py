from __future__ import annotations

import numpy as np
import pytest
import torch

from mbias.errors import BadInputError
from mbias.recorder.epoch import EpochArrays, checked_index


def test_batches_of_any_order_fill_the_arrays_and_the_last_values_count():
    arrays = EpochArrays(4)
    arrays.add(np.array([3, 1]), {"p": torch.tensor([[3.0], [9.0]])})
    arrays.add(np.array([1, 0]), {"p": torch.tensor([[1.0], [0.0]])})
    with pytest.raises(BadInputError, match=r"1 of 4 samples are not recorded, the first is 'c'"):
        arrays.require_all("abcd")
    arrays.add(np.array([2]), {"p": torch.tensor([[2.0]])})
    arrays.require_all("abcd")
    np.testing.assert_array_equal(arrays.to_numpy()["p"], [[0], [1], [2], [3]])


def test_samples_of_different_shapes_are_refused():
    arrays = EpochArrays(2)
    arrays.add(np.array([0]), {"p": torch.zeros(1, 3)})
    with pytest.raises(BadInputError, match=r"'p': a sample has shape \(4,\) in this batch and \(3,\) in earlier ones"):
        arrays.add(np.array([1]), {"p": torch.zeros(1, 4)})


@pytest.mark.parametrize("index", [[1, 0], range(2), np.array([1]), torch.tensor([0, 1]), np.array([], dtype=int)])
def test_an_index_may_be_any_sequence_of_whole_numbers(index):
    np.testing.assert_array_equal(checked_index(index, 2), np.array(list(index), dtype=int))


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ([0, 23], "no sample has the index 23; it must be in 0 to 22"),
        ([-1], "no sample has the index -1"),
        ([0.5], "give one whole number per sample"),
        ([[0, 1]], r"shape \(1, 2\)"),
    ],
)
def test_the_error_says_what_is_wrong_with_an_index(index, message):
    with pytest.raises(BadInputError, match=message):
        checked_index(index, 23)
