"""The paper's losses: L_a, L_v and L_wsl, with label smoothing by modality (section 3)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from mbias.han.network import HANOutput
from mbias.terms import Modality, Smoothing

LOSSES = ("audio", "visual", "wsl")
JOINT_LOSS = "wsl"

_LEAST = 1e-7


def targets(labels: Tensor, smoothing: Smoothing) -> Tensor:
    """Labels to train on, of shape (3, ...) in the order of `LOSSES`: (1 - delta) y + delta / K; y itself for L_wsl."""
    smoothed = [(1 - smoothing[m]) * labels + smoothing[m] / smoothing.k for m in Modality]
    return torch.stack([*smoothed, labels])


def probabilities(output: HANOutput) -> Tensor:
    """Video-level probabilities, of shape (3, B, C) in the order of `LOSSES`."""
    return torch.stack([output.audio, output.visual, output.wsl])


def cross_entropies(p: Tensor, targets: Tensor) -> Tensor:
    """Mean binary cross-entropy in nats, of shape (3,), from probabilities and targets of shape (3, B, C).

    Probabilities are clamped to [1e-7, 1 - 1e-7].
    """
    p = p.clamp(_LEAST, 1 - _LEAST)
    return -(targets * p.log() + (1 - targets) * (1 - p).log()).mean(dim=(1, 2))


def floor(labels: Tensor, smoothing: Smoothing) -> Tensor:
    """The least the losses can be for labels of shape (B, C): the mean entropy of their `targets`, in nats, (3,)."""
    smoothed = targets(labels, smoothing)
    return (torch.special.entr(smoothed) + torch.special.entr(1 - smoothed)).mean(dim=(1, 2))


def by_loss(values: Mapping[str, Tensor]) -> dict[str, dict[str, float]]:
    """Kinds of values, each of shape (3,), as numbers by loss and kind."""
    return {loss: {kind: float(value[i]) for kind, value in values.items()} for i, loss in enumerate(LOSSES)}
