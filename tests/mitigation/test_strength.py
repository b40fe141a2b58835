import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mbias.mitigation import Step
from mbias.mitigation.strength import mean_scores, ratios


def of_step(**more):
    scores = {"left": torch.tensor([[0.9, 0.2], [0.4, 0.6]]), "right": torch.tensor([[0.1, 0.1], [0.5, 0.3]])}
    fields = {"scores": scores, "labels": torch.tensor([[1, 0], [1, 1]])} | more
    return Step(torch.tensor(0.0), **fields)


def test_scores_are_means_over_the_labels_that_are_present():
    assert mean_scores(of_step(), ("left", "right"), None) == pytest.approx(
        {"left": (0.9 + 0.4 + 0.6) / 3, "right": (0.1 + 0.5 + 0.3) / 3}
    )


def test_samples_in_which_a_modality_was_not_seen_do_not_count():
    kept = {"left": torch.tensor([False, True]), "right": torch.tensor([True, True])}
    assert mean_scores(of_step(), ("left",), None, kept) == pytest.approx({"left": 0.5})


def test_logarithms_are_limited():
    scores = {"left": torch.tensor([[0.0, 0.2], [0.4, 0.6]])}
    means = mean_scores(of_step(scores=scores), ("left",), None, log=True)
    assert means["left"] == pytest.approx((math.log(1e-8) + math.log(0.4) + math.log(0.6)) / 3)


def test_without_present_labels_no_modality_is_stronger():
    means = mean_scores(of_step(labels=torch.zeros(2, 2)), ("left", "right"), None)
    assert ratios(means) == {"left": 1, "right": 1}


@given(st.lists(st.floats(0, 1), min_size=2, max_size=5))
def test_the_weakest_modality_never_has_a_ratio_above_one(values):
    scores = dict(enumerate(values))
    found = ratios(scores)
    assert found[min(scores, key=scores.get)] <= 1 + 1e-12
    if len(values) == 2 and min(values) > 1e-3:
        assert found[0] == pytest.approx(1 / found[1])
