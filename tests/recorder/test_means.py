from __future__ import annotations

import numpy as np
import pytest
import torch

from mbias.recorder.means import WeightedMean, is_single


def test_numbers_and_tensors_are_weighted():
    mean = WeightedMean()
    for value, weight in ((0.5, 1), (torch.tensor(2.0, requires_grad=True), 2), (1.0, 5)):
        mean.add(value, weight)
    assert mean.value() == pytest.approx((0.5 + 2 * 2 + 5) / 8)


def test_many_small_values_are_summed_in_double_precision():
    mean = WeightedMean()
    mean.add(torch.tensor(1e8), 1)
    for _ in range(100):
        mean.add(torch.tensor(1.0), 1)
    assert mean.value() == pytest.approx((1e8 + 100) / 101, rel=1e-12)


def test_values_of_inference_mode_and_training_are_mixed():
    mean = WeightedMean()
    with torch.inference_mode():
        mean.add(torch.tensor(1.0), 1)
    mean.add(torch.tensor(3.0, requires_grad=True), 1)
    assert mean.value() == 2


@pytest.mark.parametrize(
    ("value", "single"),
    [
        (0.5, True),
        (np.float32(0.5), True),
        (np.array(0.5), True),
        (torch.tensor([[0.5]]), True),
        (np.ones(2), False),
        (np.array("0.5"), False),
        (torch.ones(2), False),
        (0.5j, False),
        ("0.5", False),
        (None, False),
    ],
)
def test_a_single_number_is_told_from_anything_else(value, single):
    assert is_single(value) is single
