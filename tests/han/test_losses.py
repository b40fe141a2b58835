"""The losses and their targets, by hand."""

from __future__ import annotations

import torch

from mbias.han.losses import by_loss, cross_entropies, floor, probabilities, targets
from mbias.han.network import HANOutput
from mbias.terms import PRESETS, Smoothing


def test_smoothed_labels_by_hand():
    labels = torch.tensor([[1.0, 0.0]])
    smoothed = targets(labels, PRESETS["ls_v"])
    assert torch.equal(smoothed[0], labels)
    torch.testing.assert_close(smoothed[1], torch.tensor([[0.95, 0.05]]))
    assert torch.equal(smoothed[2], labels)
    torch.testing.assert_close(targets(labels, Smoothing(audio=0.3, k=3))[0], torch.tensor([[0.8, 0.1]]))


def test_no_loss_is_below_the_floor():
    labels, smoothing = torch.tensor([[1.0, 0.0, 0.0]]), Smoothing(0.1, 0.3, k=4)
    smoothed, least = targets(labels, smoothing), floor(labels, smoothing)
    torch.testing.assert_close(cross_entropies(smoothed, smoothed), least, atol=1e-5, rtol=0)
    for shift in (-0.01, 0.01):
        assert (cross_entropies((smoothed + shift).clamp(0, 1), smoothed)[:2] > least[:2]).all()
    assert least[2] == 0


def test_a_certain_and_wrong_probability_has_a_finite_loss():
    p = torch.tensor([[[0.0]], [[1.0]], [[0.5]]])
    losses = cross_entropies(p, torch.tensor([[[1.0]], [[1.0]], [[1.0]]]))
    torch.testing.assert_close(losses, torch.tensor([16.118, 1.19e-7, 0.6931]), atol=1e-3, rtol=0)


def test_probabilities_and_numbers_are_in_the_order_of_the_losses():
    output = HANOutput(*(torch.full((3, 25), value) for value in (0.5, 0.25, 0.75)), *(torch.empty(0),) * 3)
    audio, visual, wsl = probabilities(output)
    assert torch.equal(audio, output.audio) and torch.equal(visual, output.visual) and torch.equal(wsl, output.wsl)
    numbers = by_loss({"optimised": torch.tensor([0.25, 0.75, 0.5])})
    assert {loss: values["optimised"] for loss, values in numbers.items()} == {
        "audio": 0.25,
        "visual": 0.75,
        "wsl": 0.5,
    }
