"""MMPareto: a direction that helps both the joint and the unimodal loss."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from torch.nn import Parameter

from mbias.mitigation.branches import BranchMitigation, fresh_gradients, gradient
from mbias.mitigation.method import checked_number
from mbias.mitigation.step import Step, of_each

_LEAST = 1e-6
"""The norm of a vector, relative to the two it lies between, below which it is zero."""


def common_direction(joint: Tensor, own: Tensor, gamma: float = 1.0) -> Tensor:
    """A gradient that does not work against either of two.

    Parameters
    ----------
    joint, own
        The gradients of the joint loss and of a modality's own, of the same parameters, (element,).
    gamma
        The factor of the norm.

    Returns
    -------
    torch.Tensor
        A gradient of norm gamma * |joint + own|, (element,), whose products with both are not negative. It is zero if
        the two point in opposite directions, since there is no such gradient then.

    Examples
    --------
    >>> import torch
    >>> common_direction(torch.tensor([1.0, 1.0]), torch.tensor([0.0, 1.0]))
    tensor([1., 2.])
    >>> common_direction(torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 1.0]))
    tensor([0.4472, 0.8944])
    """
    total, difference = joint + own, own - joint
    if torch.dot(joint, own) > 0:
        return gamma * total
    # The shortest vector between the two: weight w of the joint gradient, 1 - w of the own one.
    weight = torch.dot(own, difference) / torch.dot(difference, difference).clamp_min(torch.finfo(joint.dtype).tiny)
    shortest = weight * joint + (1 - weight) * own
    norm = shortest.norm()
    # Between opposite gradients, the shortest vector is zero but for rounding, which must not be scaled up.
    if norm <= _LEAST * (joint.norm() + own.norm()):
        return torch.zeros_like(joint)
    scaled: Tensor = gamma * total.norm() / norm * shortest
    return scaled


class MMPareto(BranchMitigation):
    """MMPareto (Wei and Hu, ICML 2024).

    For the parameters of each modality, g_joint is the gradient of the joint loss and g_m that of its own. Where their
    cosine is positive, their sum is used; otherwise the shortest vector between them (the min-norm weights of two
    tasks), which has a non-negative product with both. Its norm is that of the sum, times gamma::

        h   = g_joint + g_m                                    if cos(g_joint, g_m) > 0
        h   = w g_joint + (1 - w) g_m,   w minimises |h|       otherwise
        g  <- gamma |g_joint + g_m| h / |h|

    Shared parameters get the gradient of the sum of all losses. Each modality has a loss of its own, so that any number
    of modalities is treated alike.

    Parameters
    ----------
    parameters
        The parameters that only one modality uses, by modality.
    gamma
        The factor of the norm.

    Notes
    -----
    Cost: 2 backward passes through each branch, besides the usual one.

    Pitfalls: public code takes both gradients from ``.grad`` without clearing it in between. Both are then the same
    sum, which never conflicts with itself, and nothing but gamma remains; here each comes from autograd. The authors'
    code restores the norm of every tensor by itself, after which the direction is no longer the common one; here it
    is restored for a modality as a whole. Without conflicts, gamma is a larger learning rate of the branches with
    SGD: the control for that is `UnimodalLosses` at this rate. Adam undoes gamma.

    Examples
    --------
    >>> import torch
    >>> from mbias.mitigation import MMPareto, Step
    >>> left, right = (torch.nn.Parameter(torch.zeros(2)) for _ in range(2))
    >>> joint, own = left @ torch.tensor([1.0, 0.0]), left @ torch.tensor([-1.0, 1.0])
    >>> method = MMPareto({"left": [left], "right": [right]}, gamma=1.0)
    >>> method.backward(Step(joint + right.sum(), {"left": own, "right": right.sum()}))
    >>> left.grad, right.grad
    (tensor([0.4472, 0.8944]), tensor([2., 2.]))
    """

    def __init__(self, parameters: Mapping[str, Iterable[Parameter]], gamma: float = 1.5) -> None:
        super().__init__(parameters)
        self.gamma = checked_number("MMPareto", "gamma", gamma, 0)

    def backward(self, step: Step) -> None:
        """Add the gradient of this step, with the common direction in each branch."""
        directions = {
            modality: self._direction(step.joint, loss, self.parameters[modality])
            for modality, loss in of_each(step, "losses", self.parameters, self).items()
        }
        with fresh_gradients(self._all()):
            super().backward(step)
            for modality, parts in directions.items():
                for parameter, part in zip(self.parameters[modality], parts, strict=True):
                    parameter.grad = part

    def _direction(self, joint: Tensor, own: Tensor, parameters: list[Parameter]) -> list[Tensor]:
        of_joint, of_own = (torch.cat([part.flatten() for part in gradient(loss, parameters)]) for loss in (joint, own))
        parts = torch.split(common_direction(of_joint, of_own, self.gamma), [p.numel() for p in parameters])
        return [part.view_as(p).clone() for part, p in zip(parts, parameters, strict=True)]
