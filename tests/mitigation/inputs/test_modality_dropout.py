import math

import pytest
import torch

from mbias.errors import BadInputError
from mbias.mitigation import ModalityDropout, Step
from tests.mitigation.toy import Toy, batch, gradients, grown, step

THREE = ("text", "audio", "video")


def scored(**values):
    """A step in which every sample has the one label, with these scores."""
    scores = {name: torch.as_tensor(value).double()[:, None] for name, value in values.items()}
    loss = torch.zeros((), dtype=torch.double, requires_grad=True)
    return Step(loss, scores=scores, labels=torch.ones(len(next(iter(scores.values()))), 1))


def test_probabilities_by_hand():
    method = ModalityDropout(("left", "right"), q_base=0.4, alpha=0.5)
    q = 0.4 * (1 + 0.5 * math.tanh(0.9 / 0.3 - 1))
    assert method.probabilities({"left": 0.9, "right": 0.3}) == pytest.approx({"left": q, "right": 0})
    assert method.probabilities({"left": 0.3, "right": 0.3}) == {"left": 0, "right": 0}
    assert ModalityDropout(("left", "right"), q_base=0.9).probabilities({"left": 0.9, "right": 0.1})["left"] == 1


def test_of_three_modalities_the_weakest_is_never_hidden():
    method = ModalityDropout(THREE)
    s = {"text": 0.9, "audio": 0.6, "video": 0.1}
    q = {name: 0.4 * (1 + 0.5 * math.tanh(s[name] / ((sum(s.values()) - s[name]) / 2) - 1)) for name in s}
    assert method.probabilities(s) == pytest.approx({"text": q["text"], "audio": q["audio"], "video": 0})

    method.backward(scored(**{name: [value] * 4 for name, value in s.items()}))
    x = {name: torch.ones(4000, 2) for name in THREE}
    hidden = method.inputs(x)
    assert hidden["video"] is x["video"]
    for name in ("text", "audio"):
        gone = (hidden[name] == 0).all(1)
        assert set(hidden[name].unique().tolist()) == {0, 1}
        assert torch.equal(gone, (hidden[name] == 0).any(1)), "whole samples"
        assert gone.double().mean().item() == pytest.approx(q[name], abs=0.03)


def test_samples_in_which_a_modality_is_hidden_do_not_count():
    """Otherwise hiding the stronger modality would make it look weak."""
    method = ModalityDropout(("left", "right"), q_base=0.5, alpha=0.0)
    method.backward(scored(left=[0.8] * 100, right=[0.6] * 100))
    hidden = (method.inputs({"left": torch.ones(100, 1), "right": torch.ones(100, 1)})["left"] == 0).flatten()
    assert 30 < hidden.sum() < 70
    left = torch.where(hidden, 0.01, 0.8)
    assert left.mean() < 0.6
    method.backward(scored(left=left, right=[0.6] * 100))
    assert method.state_dict()["q"] == pytest.approx({"left": 0.5, "right": 0})


def test_the_gradient_is_that_of_the_model_without_what_is_hidden():
    model = Toy()
    grown(model)
    method = ModalityDropout(("left", "right"))
    x, labels = batch()
    assert method.inputs(x) == x, "nothing is hidden before the first step"
    method.backward(step(model, x, labels))
    model.zero_grad()
    hidden = method.inputs(x)
    assert hidden["right"] is x["right"]
    assert 0 < (hidden["left"] == 0).all(1).sum() < len(labels)
    computed = step(model, hidden, labels)
    expected = gradients(computed.joint + sum(computed.losses.values()), list(model.parameters()))
    method.backward(computed)
    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), expected, strict=True))


def test_several_inputs_of_a_modality_are_hidden_together():
    method = ModalityDropout(("text", "image"), q_base=0.5, alpha=0.0)
    method.backward(scored(text=[0.8], image=[0.4]))
    text = {"ids": torch.full((50, 3), 7), "mask": torch.ones(50, 3)}
    hidden = method.inputs({"text": text, "image": torch.ones(50)})["text"]
    assert hidden["ids"].dtype == torch.long
    assert torch.equal((hidden["ids"] == 0).all(1), (hidden["mask"] == 0).all(1))
    assert 0 < (hidden["ids"] == 0).all(1).sum() < 50


def test_missing_inputs_are_named():
    with pytest.raises(BadInputError, match=r"ModalityDropout: the inputs have no 'right'; they have \['left'\]"):
        ModalityDropout(("left", "right")).inputs({"left": torch.ones(2, 1)})
