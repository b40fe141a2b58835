import math

import pytest
import torch

from mbias.errors import BadInputError
from mbias.mitigation import AttentionEntropy, Step
from mbias.mitigation.losses.attention_entropy import entropy


def test_entropy_is_between_that_of_one_and_of_all_modalities():
    assert entropy(torch.tensor([[1.0], [0.0], [0.0]])).item() == pytest.approx(0, abs=1e-6)
    assert entropy(torch.full((2, 4, 3, 5), 1 / 3)).item() == pytest.approx(math.log(3))


def test_the_gradient_is_that_of_the_loss_less_the_entropy():
    logits = torch.randn(2, 4, 2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.double, requires_grad=True)
    attention = logits.softmax(-2)
    joint = (attention[:, :, 0] ** 2).sum()
    by_hand = -(attention * attention.log()).sum(2).mean()
    (expected,) = torch.autograd.grad(joint - 0.3 * by_hand, logits, retain_graph=True)
    (of_entropy,) = torch.autograd.grad(by_hand, logits, retain_graph=True)
    AttentionEntropy(weight=0.3).backward(Step(joint, attention=attention))

    assert of_entropy.abs().max() > 1e-3
    assert torch.allclose(logits.grad, expected, rtol=1e-10)


def test_saturated_attention_keeps_the_gradient_finite():
    logits = torch.tensor([[200.0], [-200.0]], requires_grad=True)
    AttentionEntropy().backward(Step(logits.sum() * 0, attention=logits.softmax(-2)))
    assert torch.isfinite(logits.grad).all()


def test_missing_attention_is_named():
    with pytest.raises(BadInputError, match="AttentionEntropy: the step has no attention; give the weights"):
        AttentionEntropy().loss(Step(torch.tensor(1.0)))
