"""Attention floor: no modality can be attended to less than a given share."""

from __future__ import annotations

from torch import Tensor

from mbias.mitigation.method import Mitigation, checked_number


class AttentionFloor(Mitigation):
    """Mix the attention with even attention: W <- (1 - share) W + share / M, over M modalities.

    Each modality then has a weight of at least share / M, and the branch that the model ignores still gets a gradient.
    This is a method of mbias, for models that fuse by attention, such as HAN with W_av.

    Parameters
    ----------
    share
        The part of the attention that is even, in [0, 1]; choose it on the validation split.

    Notes
    -----
    Cost: none.

    Pitfalls: the floor is part of the model. Its forward must mix in evaluation too: ``method.attention(weights)``. The
    recorded attention must be the mixed one, which is even by construction where the share is 1; as with
    `AttentionEntropy`, use is not attention.

    Examples
    --------
    >>> import torch
    >>> from mbias.mitigation import AttentionFloor
    >>> AttentionFloor(share=0.2).attention(torch.tensor([[1.0], [0.0]])).squeeze()
    tensor([0.9000, 0.1000])
    """

    def __init__(self, share: float = 0.2) -> None:
        self.share = checked_number("AttentionFloor", "share", share, 0, 1)

    def attention(self, weights: Tensor) -> Tensor:
        """Return the mixed attention.

        Parameters
        ----------
        weights
            Weights of shape (..., modality, category).

        Returns
        -------
        torch.Tensor
            Weights of the same shape, that add up to 1 over the modalities as before.
        """
        return (1 - self.share) * weights + self.share / weights.shape[-2]
