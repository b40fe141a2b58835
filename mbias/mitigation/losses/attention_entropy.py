"""Attention entropy: reward attention that is spread over the modalities."""

from __future__ import annotations

from torch import Tensor

from mbias.mitigation.method import Mitigation, checked_number
from mbias.mitigation.step import Step, required


def entropy(weights: Tensor) -> Tensor:
    """The entropy of the attention over the modalities, averaged over everything else.

    Parameters
    ----------
    weights
        Weights that add up to 1 over the modalities, of shape (..., modality, category).

    Returns
    -------
    torch.Tensor
        A scalar in [0, log M] nats.

    Examples
    --------
    >>> import torch
    >>> entropy(torch.tensor([[0.5], [0.5]]))
    tensor(0.6931)
    """
    # At a weight of 0, the logarithm and its gradient are not finite.
    return -(weights * weights.clamp_min(1e-8).log()).sum(-2).mean()


class AttentionEntropy(Mitigation):
    """Reward attention that is spread over the modalities: L = L_joint + sum of L_m - weight * H(attention).

    H is the entropy over the modalities, in nats, averaged over samples, segments and categories. This is a method of
    mbias, for models that fuse by attention, such as HAN with W_av.

    Parameters
    ----------
    weight
        The weight lambda of the entropy; choose it on the validation split.

    Notes
    -----
    Cost: none.

    Pitfalls: even attention is not even use: a model can attend evenly to a modality whose features say nothing.
    Measure use by a probe. Attention that is saturated (exactly 0 and 1) has no gradient through its softmax.

    Examples
    --------
    >>> import torch
    >>> from mbias.mitigation import AttentionEntropy, Step
    >>> step = Step(joint=torch.tensor(1.0), attention=torch.full((4, 2, 3), 0.5))
    >>> AttentionEntropy(weight=1.0).loss(step)
    tensor(0.3069)
    """

    def __init__(self, weight: float = 0.1) -> None:
        self.weight = checked_number("AttentionEntropy", "weight", weight, 0)

    def loss(self, step: Step) -> Tensor:
        """Return the sum of all losses less the weighted entropy."""
        return super().loss(step) - self.weight * entropy(required(step, "attention", self))
