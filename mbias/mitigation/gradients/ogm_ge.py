"""OGM-GE: slow the gradient of the stronger modality down, and add noise."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch.nn import Parameter

from mbias.mitigation.branches import BranchMitigation, fresh_gradients
from mbias.mitigation.method import checked_number
from mbias.mitigation.step import Step
from mbias.mitigation.strength import mean_scores, ratios


class OGMGE(BranchMitigation):
    """On-the-fly gradient modulation with generalisation enhancement (Peng et al., CVPR 2022).

    In every step, with s_m the mean score that the branch of modality m gives to the labels that are present::

        rho_m = s_m / s_other                 with more modalities, s_m / mean of the other scores
        k_m   = 1 - tanh(alpha rho_m)         if rho_m > 1, and 1 otherwise
        g_m  <- k_m g_m + noise,              noise ~ N(0, deviation of the elements of g_m)

    where g_m is the gradient of a parameter that only modality m uses. The noise is drawn per parameter tensor from the
    gradient before it is scaled, for every modality, and is left out where a tensor has one element.

    Parameters
    ----------
    parameters
        The parameters that only one modality uses, by modality. Give them on the device on which the model is trained.
    alpha
        How much the stronger modality is slowed down.
    noise
        Whether to add the noise (GE).
    seed
        Seed of the noise.

    Notes
    -----
    Cost: one read of the scores, and one random number per parameter and step.

    Pitfalls: k_m jumps at rho_m = 1, from 1 to 1 - tanh(alpha). Adam divides a gradient by its own size, so that a
    constant k_m has no effect with it: only changes of k_m, and the noise, do. Public code divides a score by itself,
    so that rho_m is always 1 and nothing happens, or by the sum of the other scores, so that with three modalities
    rho_m is rarely above 1. Where gradients are accumulated over batches, only those of the step may be scaled. For a
    model without branches of its own, the authors cut the weights of the last layer into parts, each with an equal
    part of the bias, to have scores.

    Examples
    --------
    >>> import torch
    >>> from mbias.mitigation import OGMGE
    >>> left, right = torch.nn.Linear(4, 2), torch.nn.Linear(4, 2)
    >>> method = OGMGE({"left": left.parameters(), "right": right.parameters()}, alpha=0.5)
    >>> {name: round(k, 3) for name, k in method.coefficients({"left": 0.8, "right": 0.4}).items()}
    {'left': 0.238, 'right': 1.0}
    """

    STATE = ("generator",)

    def __init__(
        self,
        parameters: Mapping[str, Iterable[Parameter]],
        alpha: float = 0.3,
        noise: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__(parameters)
        self.alpha, self.noise = checked_number("OGMGE", "alpha", alpha, 0), noise
        self._generator = torch.Generator(self._all()[0].device).manual_seed(seed)

    def coefficients(self, scores: Mapping[str, float]) -> dict[str, float]:
        """The factor k_m of each modality's gradient, in [0, 1].

        Parameters
        ----------
        scores
            The mean score s_m of each modality.

        Returns
        -------
        dict of str to float
            The factors.
        """
        return {
            modality: 1 - math.tanh(self.alpha * ratio) if ratio > 1 else 1.0
            for modality, ratio in ratios(scores).items()
        }

    def backward(self, step: Step) -> None:
        """Add the gradient of this step, scaled and with noise."""
        factors = self.coefficients(mean_scores(step, self.parameters, self))
        with fresh_gradients(self._all()):
            super().backward(step)
            for modality, factor in factors.items():
                for parameter in self.parameters[modality]:
                    if parameter.grad is not None:
                        self._modulate(parameter.grad, factor)

    def _modulate(self, gradient: torch.Tensor, factor: float) -> None:
        deviation = gradient.std() if self.noise and gradient.numel() > 1 else None
        gradient.mul_(factor)
        if deviation is not None:
            drawn = torch.randn(gradient.shape, generator=self._generator, device=self._generator.device)
            gradient.add_(drawn.to(gradient) * deviation)
