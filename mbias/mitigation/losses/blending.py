"""Gradient-Blending: weigh the losses by how well each of them generalises."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from mbias.errors import BadInputError
from mbias.mitigation.method import Mitigation, checked_number
from mbias.mitigation.step import Step, some_losses

JOINT = "joint"
"""The name of the joint loss beside those of the modalities."""

_LEAST = 1e-12


class GradientBlending(Mitigation):
    """Gradient-Blending (Wang, Tran and Feiszli, CVPR 2020), in the online form.

    The loss is a weighted sum of the joint loss and of each modality's own, L = sum of w_i L_i with weights that add up
    to 1. After every super-epoch, with L^T and L^V the losses on the training and the validation split::

        G_i = L^V_i(start) - L^V_i(end)                                       what generalises
        O_i = (L^V_i - L^T_i)(end) - (L^V_i - L^T_i)(start)                   what overfits
        w_i proportional to G_i / O_i ** 2                                    and 0 where G_i < 0

    All weights are equal until the first super-epoch ends. If the validation loss fell for no i, they stay as they are.

    Parameters
    ----------
    super_epoch
        The number of epochs between two estimates of the weights.

    Notes
    -----
    Cost: an evaluation of both splits at the end of the first epoch and of every super-epoch (`needs_evaluation`). The
    authors train every modality alone, and all together, from the weights at the start of a super-epoch to estimate
    what each does, which multiplies the time of training; here the estimates are of the branches of the one run.

    Pitfalls: public code takes the absolute value of G_i, which gives weight to a branch because its validation loss
    rose. The weights are fitted to the validation split: if it also selects the epoch, it is used twice. Weights add up
    to 1, so that gradients are smaller than with `UnimodalLosses`; with SGD, compare at a learning rate of its own.

    Examples
    --------
    >>> from mbias.mitigation import GradientBlending
    >>> method = GradientBlending()
    >>> start = {"train": {"joint": 2.0, "left": 2.0}, "validation": {"joint": 2.0, "left": 2.0}}
    >>> end = {"train": {"joint": 0.5, "left": 1.0}, "validation": {"joint": 1.0, "left": 1.5}}
    >>> method.weights_between(start, end)
    {'joint': 0.6666666666666666, 'left': 0.3333333333333333}
    """

    STATE = ("weights", "epoch", "start")

    def __init__(self, super_epoch: int = 10) -> None:
        self.super_epoch = checked_number("GradientBlending", "super_epoch", super_epoch, 1)
        self._weights: dict[str, float] = {}
        self._epoch = 0
        self._start: dict[str, dict[str, float]] = {}

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each loss; empty while all are equal."""
        return dict(self._weights)

    @property
    def needs_evaluation(self) -> bool:
        """Whether the weights are estimated at the end of this epoch, or the losses at the start are needed."""
        return self._epoch % self.super_epoch == 0

    def weights_between(
        self, start: Mapping[str, Mapping[str, float]], end: Mapping[str, Mapping[str, float]]
    ) -> dict[str, float]:
        """Estimate the weights from the losses at the start and the end of a super-epoch.

        Parameters
        ----------
        start, end
            The losses by name, ``"joint"`` among them, of the splits ``"train"`` and ``"validation"``.

        Returns
        -------
        dict of str to float
            Weights that add up to 1; empty if no validation loss fell.
        """
        raw = {}
        for name in end["validation"]:
            gain = start["validation"][name] - end["validation"][name]
            gap_end = end["validation"][name] - end["train"][name]
            gap_start = start["validation"][name] - start["train"][name]
            raw[name] = max(gain, 0.0) / max((gap_end - gap_start) ** 2, _LEAST)
        total = sum(raw.values())
        return {name: value / total for name, value in raw.items()} if total > 0 else {}

    def loss(self, step: Step) -> Tensor:
        """Return the weighted sum."""
        losses = {JOINT: step.joint, **some_losses(step, self)}
        if not self._weights:
            return sum(losses.values(), start=step.joint.new_zeros(())) / len(losses)
        unknown = losses.keys() ^ self._weights.keys()
        if unknown:
            raise BadInputError(f"GradientBlending: the losses of {sorted(unknown)} are not those of earlier epochs")
        return sum((self._weights[name] * loss for name, loss in losses.items()), start=step.joint.new_zeros(()))

    def end_epoch(self, train: Step | None = None, validation: Step | None = None) -> None:
        """Estimate the weights, if a super-epoch ends.

        Parameters
        ----------
        train, validation
            The losses of both splits, if `needs_evaluation`.
        """
        if self.needs_evaluation:
            if train is None or validation is None:
                raise BadInputError("GradientBlending: end_epoch needs the losses of the training and validation split")
            end = {"train": self._losses(train), "validation": self._losses(validation)}
            if self._start:
                self._weights = self.weights_between(self._start, end) or self._weights
            self._start = end
        self._epoch += 1

    def _losses(self, step: Step) -> dict[str, float]:
        return {name: loss.item() for name, loss in {JOINT: step.joint, **some_losses(step, self)}.items()}
