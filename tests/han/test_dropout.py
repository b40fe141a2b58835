from __future__ import annotations

import torch

from mbias.han.dropout import dropout


def test_a_tenth_is_dropped_and_the_mean_is_kept():
    torch.manual_seed(0)
    x = torch.ones(999, 1001)
    dropped = dropout(x, training=True)
    assert set(dropped.unique().tolist()) == {0.0, torch.tensor(65536 / 58982).item()}
    n = x.numel()
    assert abs((dropped == 0).sum().item() - 0.1 * n) < 4 * (0.09 * n) ** 0.5
    assert abs(dropped.mean().item() - 1) < 0.002


def test_values_of_one_draw_are_dropped_independently():
    """Four values share a draw of random bits, but dropping one must not make dropping another more likely."""
    torch.manual_seed(1)
    zero = (dropout(torch.ones(400_000), training=True) == 0).double().reshape(-1, 4)
    correlations = torch.corrcoef(zero.T) - torch.eye(4)
    assert correlations.abs().max() < 0.02


def test_dropped_values_have_no_gradient():
    x = torch.ones(50, requires_grad=True)
    dropped = dropout(x, training=True)
    dropped.sum().backward()
    assert torch.equal(x.grad, dropped.detach())


def test_nothing_is_dropped_in_evaluation_mode():
    x = torch.randn(7)
    assert torch.equal(dropout(x, training=False), x)
    assert dropout(x.bfloat16(), training=True).dtype == torch.bfloat16
