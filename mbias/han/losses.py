"""The paper's losses: L_a, L_v and L_wsl, with label smoothing by modality (section 3)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from mbias.han.network import HANOutput
from mbias.terms import Modality, Smoothing

LOSSES = ("audio", "visual", "wsl")
"""Names of the losses L_a, L_v and L_wsl, in the order of all arrays here."""

JOINT_LOSS = "wsl"
"""Name of the loss that both modalities share."""

_LEAST = 1e-7


def targets(labels: Tensor, smoothing: Smoothing) -> Tensor:
    """Smooth the labels for training: (1 - delta) y + delta / K for L_a and L_v, and y itself for L_wsl.

    Parameters
    ----------
    labels
        Labels y in [0, 1], of shape (...).
    smoothing
        The delta of each modality, and K.

    Returns
    -------
    torch.Tensor
        Targets of shape (3, ...), in the order of `LOSSES`.

    Examples
    --------
    >>> import torch
    >>> from mbias.han.losses import targets
    >>> from mbias.terms import Smoothing
    >>> targets(torch.tensor([1.0, 0.0]), Smoothing(visual=0.1))
    tensor([[1.0000, 0.0000],
            [0.9500, 0.0500],
            [1.0000, 0.0000]])
    """
    smoothed = [(1 - smoothing[m]) * labels + smoothing[m] / smoothing.k for m in Modality]
    return torch.stack([*smoothed, labels])


def probabilities(output: HANOutput) -> Tensor:
    """Stack the video-level probabilities p_a, p_v and p_wsl.

    Parameters
    ----------
    output
        Output of the network for B videos and C categories.

    Returns
    -------
    torch.Tensor
        Probabilities of shape (3, B, C), in the order of `LOSSES`.
    """
    return torch.stack([output.audio, output.visual, output.wsl])


def cross_entropies(p: Tensor, targets: Tensor) -> Tensor:
    """Mean binary cross-entropy over videos and categories.

    Parameters
    ----------
    p
        Probabilities of shape (3, B, C). They are clamped to [1e-7, 1 - 1e-7].
    targets
        Targets in [0, 1], of shape (3, B, C).

    Returns
    -------
    torch.Tensor
        Losses in nats, of shape (3,).

    Examples
    --------
    >>> import torch
    >>> from mbias.han.losses import cross_entropies
    >>> cross_entropies(torch.full((3, 2, 25), 0.5), torch.ones(3, 2, 25))
    tensor([0.6931, 0.6931, 0.6931])
    """
    p = p.clamp(_LEAST, 1 - _LEAST)
    losses: Tensor = -(targets * p.log() + (1 - targets) * (1 - p).log()).mean(dim=(1, 2))
    return losses


def floor(labels: Tensor, smoothing: Smoothing) -> Tensor:
    """Smallest values that the losses can have: the mean entropy of the `targets`.

    Parameters
    ----------
    labels
        Labels of shape (B, C).
    smoothing
        The delta of each modality, and K.

    Returns
    -------
    torch.Tensor
        Entropies in nats, of shape (3,), in the order of `LOSSES`.

    Examples
    --------
    >>> import torch
    >>> from mbias.han.losses import floor
    >>> from mbias.terms import Smoothing
    >>> floor(torch.ones(1, 25), Smoothing(visual=0.1))
    tensor([0.0000, 0.1985, 0.0000])
    """
    smoothed = targets(labels, smoothing)
    entropies: Tensor = (torch.special.entr(smoothed) + torch.special.entr(1 - smoothed)).mean(dim=(1, 2))
    return entropies


def by_loss(values: Mapping[str, Tensor]) -> dict[str, dict[str, float]]:
    """Convert tensors to numbers by loss and kind.

    Parameters
    ----------
    values
        Values of shape (3,) by kind, for example ``optimised``.

    Returns
    -------
    dict[str, dict[str, float]]
        Numbers by loss, and by kind within a loss.

    Examples
    --------
    >>> import torch
    >>> from mbias.han.losses import by_loss
    >>> by_loss({"optimised": torch.tensor([0.5, 0.25, 0.75])})
    {'audio': {'optimised': 0.5}, 'visual': {'optimised': 0.25}, 'wsl': {'optimised': 0.75}}
    """
    return {loss: {kind: float(value[i]) for kind, value in values.items()} for i, loss in enumerate(LOSSES)}
