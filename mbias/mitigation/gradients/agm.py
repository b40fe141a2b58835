"""AGM: keep the ratio of the modalities' losses at its running mean."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from torch.nn import Parameter

from mbias.errors import BadInputError
from mbias.mitigation.branches import BranchMitigation, fresh_gradients
from mbias.mitigation.method import checked_number
from mbias.mitigation.step import Step
from mbias.mitigation.strength import mean_scores

_LARGEST = 10.0
"""The authors' limit on tau - r, which keeps the factor finite."""


class AGM(BranchMitigation):
    """Adaptive gradient modulation (Li et al., ICCV 2023).

    With s_m the mean log-probability that modality m alone gives to the labels that are present, in step t::

        r_m   = exp(mean over k of s_m - s_k)                   k: the other modalities
        tau_m = the same of the means of s over the steps before t; 1 in the first step
        g_m  <- exp(alpha min(tau_m - r_m, 10)) g_m

    so that a modality that is stronger than it used to be is slowed down, and sped up if it is weaker.

    Parameters
    ----------
    parameters
        The parameters that only one modality uses, by modality.
    alpha
        How strong the modulation is.

    Notes
    -----
    ``scores`` are the probabilities of what a modality alone contributes. In a model that is not late fusion, the
    authors take them from logits split by Shapley values (Eq. (1), (3)): `shapley_logits`. Their hooks scale the
    gradient of these logits; here, as in other public code, the gradient of the modality's own parameters is scaled.

    Cost: one read of the scores; with split logits, 2^M - 2 further forward passes without gradients.

    Pitfalls: s is a log-probability, so that r_m > 1 for the stronger modality. Code that computes s as a loss, without
    turning the difference round, slows the weaker modality down; an issue of the authors' repository asks about just
    that. Labels that are absent do not count. As with all scaled gradients, Adam undoes a constant factor.

    Examples
    --------
    >>> import torch
    >>> from mbias.mitigation import AGM
    >>> left, right = torch.nn.Linear(4, 2), torch.nn.Linear(4, 2)
    >>> method = AGM({"left": left.parameters(), "right": right.parameters()}, alpha=0.5)
    >>> {name: round(k, 3) for name, k in method.coefficients({"left": -0.2, "right": -0.9}).items()}
    {'left': 0.602, 'right': 1.286}
    """

    STATE = ("means", "steps")

    def __init__(self, parameters: Mapping[str, Iterable[Parameter]], alpha: float = 0.1) -> None:
        super().__init__(parameters)
        self.alpha = checked_number("AGM", "alpha", alpha, 0)
        self._means: dict[str, float] = dict.fromkeys(self.parameters, 0.0)
        self._steps = 0

    def coefficients(self, scores: Mapping[str, float]) -> dict[str, float]:
        """The factor of each modality's gradient, given the steps so far.

        Parameters
        ----------
        scores
            The mean log-probability s_m of each modality.

        Returns
        -------
        dict of str to float
            The factors: below 1 where a modality is stronger than on average so far.
        """
        now, before = _ratios(scores), _ratios(self._means)
        return {name: math.exp(self.alpha * min(before[name] - now[name], _LARGEST)) for name in now}

    def backward(self, step: Step) -> None:
        """Add the gradient of this step, scaled."""
        scores = mean_scores(step, self.parameters, self, log=True)
        factors = self.coefficients(scores)
        with fresh_gradients(self._all()):
            super().backward(step)
            for modality, factor in factors.items():
                for parameter in self.parameters[modality]:
                    if parameter.grad is not None:
                        parameter.grad.mul_(factor)
        self._steps += 1
        self._means = {name: mean + (scores[name] - mean) / self._steps for name, mean in self._means.items()}


def _ratios(scores: Mapping[str, float]) -> dict[str, float]:
    """The ratio r_m of each modality."""
    mean, modalities = sum(scores.values()) / len(scores), len(scores)
    return {name: math.exp(modalities / (modalities - 1) * (score - mean)) for name, score in scores.items()}


def shapley_logits(logits: Mapping[frozenset[str], Tensor]) -> dict[str, Tensor]:
    """Split a model's logits into what each modality contributes: their Shapley values, without an empty coalition.

    Parameters
    ----------
    logits
        The model's logits for every set of one or more modalities, with the others set to zero.

    Returns
    -------
    dict of str to torch.Tensor
        The contribution of each modality. They add up to the logits of all modalities, since the empty set counts as 0.

    Raises
    ------
    BadInputError
        If a set of modalities is missing.

    Examples
    --------
    >>> import torch
    >>> from mbias.mitigation import shapley_logits
    >>> both, left, right = frozenset(["left", "right"]), frozenset(["left"]), frozenset(["right"])
    >>> shapley_logits({both: torch.tensor(3.0), left: torch.tensor(2.0), right: torch.tensor(0.5)})
    {'left': tensor(2.2500), 'right': tensor(0.7500)}
    """
    modalities = sorted(frozenset().union(*logits))
    count = len(modalities)
    split: dict[str, Tensor] = {}
    for modality in modalities:
        others = [name for name in modalities if name != modality]
        terms = []
        for size in range(count):
            weight = 1 / (count * math.comb(count - 1, size))
            for members in itertools.combinations(others, size):
                without = frozenset(members)
                added = _of(logits, without | {modality})
                terms.append(weight * (added - _of(logits, without) if without else added))
        split[modality] = torch.stack(terms).sum(0)
    return split


def _of(logits: Mapping[frozenset[str], Tensor], members: frozenset[str]) -> Tensor:
    if members not in logits:
        raise BadInputError(f"shapley_logits: no logits of {sorted(members)} alone; give those of every set")
    return logits[members]
