"""The two controls: the joint loss alone, and the plain sum of all losses."""

from __future__ import annotations

from torch import Tensor

from mbias.mitigation.method import Mitigation, checked_number
from mbias.mitigation.step import Step, some_losses


class JointOnly(Mitigation):
    """Train with the joint loss alone: L = L_joint.

    The baseline of most published comparisons. The losses of the branches are left out, also if the step has them.

    Notes
    -----
    Cost: none.

    Pitfalls: the branches of their own may then not be trained at all, so that their scores say little about a
    modality: methods that compare scores need branches that share the layers of the joint prediction, or a loss of
    their own.

    Examples
    --------
    >>> import torch
    >>> from mbias.mitigation import JointOnly, Step
    >>> JointOnly().loss(Step(joint=torch.tensor(0.7), losses={"left": torch.tensor(0.5)}))
    tensor(0.7000)
    """

    def loss(self, step: Step) -> Tensor:
        """Return the joint loss."""
        return step.joint


class UnimodalLosses(Mitigation):
    """Train with a plain sum: L = L_joint + weight * sum of L_m over the modalities m.

    The control that every method has to be better than: it is as good as some of them, and often not among their
    baselines. HAN's guided loss L_g is such a sum.

    Parameters
    ----------
    weight
        The weight of each branch's loss.

    Raises
    ------
    BadInputError
        From `loss`, if the step has no loss of any branch.

    Notes
    -----
    Cost: the branches' predictions.

    Pitfalls: a sum that is compared with `JointOnly` at the same learning rate has larger gradients. That matters for
    SGD, and hardly for Adam.

    Examples
    --------
    >>> import torch
    >>> from mbias.mitigation import Step, UnimodalLosses
    >>> UnimodalLosses(weight=0.5).loss(Step(joint=torch.tensor(0.7), losses={"left": torch.tensor(0.5)}))
    tensor(0.9500)
    """

    def __init__(self, weight: float = 1.0) -> None:
        self.weight = checked_number("UnimodalLosses", "weight", weight, 0)

    def loss(self, step: Step) -> Tensor:
        """Return the weighted sum."""
        return step.joint + self.weight * sum(some_losses(step, self).values())
