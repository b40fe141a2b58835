"""Modality dropout: hide the stronger modality from some samples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mbias.errors import BadInputError
from mbias.mitigation.method import Features, Mitigation, checked_number
from mbias.mitigation.step import Step, checked_modalities
from mbias.mitigation.strength import mean_scores, ratios


class ModalityDropout(Mitigation):
    """Modality dropout (Neverova et al., TPAMI 2016) with the probability of OPM (Wei et al., TPAMI 2024).

    A stronger modality is set to zero in whole samples, each with probability::

        q_m = q_base (1 + alpha tanh(rho_m - 1))      if rho_m > 1, at most 1, and 0 otherwise
        rho_m = s_m / s_other                         with more modalities, s_m / mean of the other scores

    where s_m is the mean score that the branch of modality m gave, in the step before, to the labels that are present
    in samples in which it was not hidden. The weakest modality never has rho_m > 1, so that no sample loses
    everything.

    Parameters
    ----------
    modalities
        The names of the modalities, two or more.
    q_base
        The probability at rho_m = 1.
    alpha
        How much the probability grows with rho_m.
    seed
        Seed of what is hidden.

    Notes
    -----
    Cost: one random number per sample, and a copy of the inputs of the modality that is hidden.

    Pitfalls: call `inputs` in training only. The authors set features to zero, between branch and fusion, by the scores
    of the same step, and divide the others by the share that is kept; their code does so in 7 of 10 steps, after some
    epochs without. Here a branch gets zeros in place of its input, in every step, and nothing is scaled. Scores of
    samples in which a modality is hidden must not count, or hiding it makes it look weak. The losses of a hidden branch
    train it on zeros: leave ``losses`` empty to train with the joint loss alone, as the authors do. Public code divides
    by the sum of the other scores, so that with three modalities rho_m is rarely above 1.

    Examples
    --------
    >>> from mbias.mitigation import ModalityDropout
    >>> method = ModalityDropout(["left", "right"])
    >>> {name: round(q, 3) for name, q in method.probabilities({"left": 0.8, "right": 0.4}).items()}
    {'left': 0.552, 'right': 0.0}
    """

    STATE = ("generator", "q", "kept")

    def __init__(self, modalities: Sequence[str], q_base: float = 0.4, alpha: float = 0.5, seed: int = 0) -> None:
        self.modalities = checked_modalities(modalities, "ModalityDropout")
        self.q_base = checked_number("ModalityDropout", "q_base", q_base, 0, 1)
        self.alpha = checked_number("ModalityDropout", "alpha", alpha, 0)
        self._generator = torch.Generator().manual_seed(seed)
        self._q: dict[str, float] = dict.fromkeys(self.modalities, 0.0)
        self._kept: dict[str, Tensor] = {}

    def probabilities(self, scores: Mapping[str, float]) -> dict[str, float]:
        """The probability q_m with which each modality is hidden from a sample.

        Parameters
        ----------
        scores
            The mean score s_m of each modality.

        Returns
        -------
        dict of str to float
            The probabilities.
        """
        return {
            modality: min(self.q_base * (1 + self.alpha * math.tanh(ratio - 1)), 1.0) if ratio > 1 else 0.0
            for modality, ratio in ratios(scores).items()
        }

    def inputs(self, features: Features) -> Features:
        """Return the inputs, with zeros where a modality is hidden from a sample.

        Parameters
        ----------
        features
            The inputs by modality, each a tensor or several by name; the first dimension is the sample.

        Returns
        -------
        dict
            The inputs in the same form. Those of a modality that is not hidden are passed on as they are.

        Raises
        ------
        BadInputError
            If there is no input of a modality.
        """
        missing = [modality for modality in self.modalities if modality not in features]
        if missing:
            raise BadInputError(f"ModalityDropout: the inputs have no {missing[0]!r}; they have {sorted(features)}")
        changed = dict(features)
        for modality in self.modalities:
            value = features[modality]
            parts = {"": value} if isinstance(value, Tensor) else value
            samples = len(next(iter(parts.values())))
            # Drawn for every modality, so that the random numbers do not depend on which one is stronger.
            kept = torch.rand(samples, generator=self._generator) >= self._q[modality]
            self._kept[modality] = kept
            if self._q[modality] > 0:
                hidden = {name: _hidden(part, kept) for name, part in parts.items()}
                changed[modality] = hidden[""] if isinstance(value, Tensor) else hidden
        return changed

    def backward(self, step: Step) -> None:
        """Add the gradient of this step, and find out which modality is stronger."""
        super().backward(step)
        self._q = self.probabilities(mean_scores(step, self.modalities, self, self._kept or None))
        self._kept = {}


def _hidden(values: Tensor, kept: Tensor) -> Tensor:
    """The values, with zeros in the samples that are not kept."""
    shape = (-1, *[1] * (values.dim() - 1))
    return torch.where(kept.to(values.device).view(shape), values, torch.zeros_like(values))
