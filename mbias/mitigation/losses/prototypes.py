"""PMR: pull the features of the slower modality to the prototypes of their categories."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mbias.mitigation.method import Mitigation, checked_number
from mbias.mitigation.step import Step, checked_modalities, of_each, required


class PMR(Mitigation):
    """Prototypical modal rebalance (Fan et al., CVPR 2023).

    The prototype of a category is the mean of the features of the samples that have it. A branch classifies by its
    features z alone, with p_m = softmax over categories of ``-|z - prototype|``; its score s_m is the mean p_m of the
    labels that are present. The slower modality gets the cross-entropy PCE of p_m as a further loss::

        L = L_joint + sum of L_m + alpha * sum of beta_m PCE_m
        beta_m = clip(max over k of s_k / s_m - 1, 0, 1)

    With two modalities, this is the formula of the paper: the faster one has beta 0, and the slower one
    clip(rho - 1, 0, 1). With more, each is compared with the fastest. For several labels per sample, the target of PCE
    is divided evenly among those that are present.

    Parameters
    ----------
    modalities
        The names of the modalities, two or more.
    alpha
        The weight of the further loss.
    momentum
        The weight of the earlier prototypes when those of an epoch are taken.

    Notes
    -----
    Cost: the distances (sample, category) of each branch; no further pass, since the prototypes of an epoch are means
    of the features that its steps computed. The authors compute them in a pass over a tenth of the training split
    before each epoch. Here the first epoch is trained without PCE.

    The paper's term for the faster modality in the first epochs (PER, an entropy) is not included.

    Pitfalls: in the authors' code, a category that the tenth does not hold gets the prototype 0 / 0, and NaN spreads
    from it; here it keeps its earlier prototype, or is left out. That code also has beta in {0, 1} instead of the
    clipped ratio. Gradients must flow through the features: detached ones make PCE a constant.

    Examples
    --------
    >>> from mbias.mitigation import PMR
    >>> PMR(["left", "right"]).weights({"left": 0.5, "right": 0.4})
    {'left': 0.0, 'right': 0.25}
    """

    STATE = ("prototypes", "seen", "sums", "counts")

    def __init__(self, modalities: Sequence[str], alpha: float = 0.6, momentum: float = 0.2) -> None:
        self.modalities = checked_modalities(modalities, "PMR")
        self.alpha = checked_number("PMR", "alpha", alpha, 0)
        self.momentum = checked_number("PMR", "momentum", momentum, 0, 1)
        self._prototypes: dict[str, Tensor] = {}
        self._seen: Tensor | None = None
        self._sums: dict[str, Tensor] = {}
        self._counts: Tensor | None = None

    def weights(self, scores: dict[str, float]) -> dict[str, float]:
        """The weight beta_m of each modality's PCE, in [0, 1].

        Parameters
        ----------
        scores
            The score s_m of each modality by its prototypes.

        Returns
        -------
        dict of str to float
            The weights; 0 for the fastest modality.
        """
        fastest = max(scores.values())
        return {name: min(fastest / max(score, 1e-8) - 1, 1.0) for name, score in scores.items()}

    def loss(self, step: Step) -> Tensor:
        """Return the sum of all losses and of the slower modalities' PCE."""
        total = super().loss(step)
        features, labels = of_each(step, "features", self.modalities, self), required(step, "labels", self)
        if self._seen is None:
            return total
        scores, entropies = {}, {}
        for modality, values in features.items():
            seen = self._seen.to(values.device)
            present = labels.to(values)[:, seen]
            distances = torch.cdist(values.flatten(1), self._prototypes[modality].to(values)[seen])
            logarithms = (-distances).log_softmax(-1)
            shares = present / present.sum(1, keepdim=True).clamp_min(1)
            entropies[modality] = -(shares * logarithms).sum() / shares.sum().clamp_min(1)
            scores[modality] = ((logarithms.exp() * present).sum() / present.sum().clamp_min(1)).item()
        weights = self.weights(scores)
        return total + self.alpha * sum(weights[name] * entropies[name] for name in self.modalities)

    def backward(self, step: Step) -> None:
        """Add the gradient of this step, and its features to the prototypes of the epoch."""
        super().backward(step)
        labels = required(step, "labels", self)
        for modality, values in of_each(step, "features", self.modalities, self).items():
            flat = values.detach().flatten(1)
            present = labels.to(flat)
            sums = present.T @ flat
            self._sums[modality] = self._sums[modality].to(sums) + sums if modality in self._sums else sums
        counts = labels.sum(0)
        self._counts = counts if self._counts is None else self._counts.to(counts) + counts

    def end_epoch(self, train: Step | None = None, validation: Step | None = None) -> None:
        """Take the prototypes of the epoch."""
        if self._counts is None:
            return
        present = self._counts > 0
        seen = torch.zeros_like(present) if self._seen is None else self._seen.to(present.device)
        for modality, sums in self._sums.items():
            new = sums / self._counts.to(sums).clamp_min(1)[:, None]
            old = self._prototypes.get(modality, new).to(new)
            blended = torch.where(_column(seen, new), (1 - self.momentum) * new + self.momentum * old, new)
            self._prototypes[modality] = torch.where(_column(present, new), blended, old)
        self._seen = seen | present
        self._sums, self._counts = {}, None


def _column(of_category: Tensor, like: Tensor) -> Tensor:
    """One value per category, for a tensor (category, feature)."""
    return of_category[:, None].to(like.device)
