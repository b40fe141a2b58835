"""Diagnosing and re-learning: pull a branch back to its start by how much it overfits."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import Parameter

from mbias.errors import BadInputError
from mbias.mitigation.branches import BranchMitigation
from mbias.mitigation.method import checked_number
from mbias.mitigation.step import Step, of_each, required

_ITERATIONS = 20
"""Iterations of k-means."""


def purity(features: Tensor, labels: Tensor) -> float:
    """How well the clusters of features agree with the categories.

    The features are scaled to [-1, 1], one by one, and clustered by k-means into as many clusters as there are
    categories. A cluster stands for the category that most of its samples have; the purity is the part of all samples
    that have the category of their cluster. Samples without a label are left out.

    Parameters
    ----------
    features
        Features of shape (sample, ...).
    labels
        Labels of shape (sample, category), 0 and 1.

    Returns
    -------
    float
        The purity, in [0, 1].

    Raises
    ------
    BadInputError
        If there are fewer labelled samples than categories, or features that are not finite.

    Examples
    --------
    >>> import torch
    >>> purity(torch.tensor([[0.0], [0.1], [5.0], [5.2]]), torch.tensor([[1, 0], [1, 0], [0, 1], [1, 0]]))
    0.75
    """
    from scipy.cluster.vq import kmeans2

    truth = labels.detach().cpu().numpy() > 0
    values = features.detach().flatten(1).cpu().double().numpy()[truth.any(1)]
    truth = truth[truth.any(1)]
    categories = truth.shape[1]
    if len(values) < categories:
        raise BadInputError(
            f"Relearning: {len(values)} labelled samples for {categories} categories; give at least one per category"
        )
    if not np.isfinite(values).all():
        raise BadInputError("Relearning: the features are not finite; the model may have diverged")
    least, range_ = values.min(0), np.ptp(values, axis=0)
    scaled = 2 * (values - least) / np.where(range_ > 0, range_, 1) - 1
    with warnings.catch_warnings():
        # A cluster without samples is possible, and stands for no category.
        warnings.simplefilter("ignore", UserWarning)
        _, cluster = kmeans2(scaled, _centres(scaled, categories), minit="matrix", iter=_ITERATIONS)
    counts = [truth[cluster == index].sum(0).max() for index in np.unique(cluster)]
    return float(sum(counts) / len(values))


def _centres(values: np.ndarray, count: int) -> np.ndarray:
    """First centres, drawn among the values by their squared distance to those drawn before (k-means++)."""
    generator = np.random.default_rng(0)
    centres = [values[generator.integers(len(values))]]
    distance = np.full(len(values), np.inf)
    while len(centres) < count:
        distance = np.minimum(distance, ((values - centres[-1]) ** 2).sum(1))
        total = distance.sum()
        share = distance / total if total > 0 else np.full(len(values), 1 / len(values))
        centres.append(values[generator.choice(len(values), p=share)])
    return np.stack(centres)


class Relearning(BranchMitigation):
    """Diagnosing and re-learning (Wei et al., ECCV 2024).

    Every so many epochs, the clusters of each branch's features are compared with the categories on both splits. The
    more their purity differs, the more the branch has memorised, and the further it is pulled back to its start::

        gap_m     = |purity of train - purity of validation|
        theta_m  <- (1 - a) theta_m + a theta_m(start),      a = tanh(lambda gap_m)

    Any number of modalities is treated alike.

    Parameters
    ----------
    parameters
        The parameters that only one modality uses, by modality, with their values at the start of training.
    strength
        lambda.
    every
        The number of epochs between two pulls.
    times
        The number of pulls in all.

    Notes
    -----
    Cost: a copy of the parameters; at each pull, the features of both splits (`needs_evaluation`) and k-means. The
    features of an epoch are needed only then.

    Pitfalls: buffers, such as the running means of batch normalisation, and the optimizer's momentum are not pulled
    back, as in the authors' code; they have forgotten the start after some steps. A branch that has learned nothing has
    no gap, and is left alone. k-means depends on its start, and purity on the number of samples, so that small gaps
    are noise. For several labels per sample, purity favours frequent categories.

    Examples
    --------
    >>> import torch
    >>> from mbias.mitigation import Relearning
    >>> left, right = (torch.nn.Parameter(torch.zeros(1)) for _ in range(2))
    >>> method = Relearning({"left": [left], "right": [right]})
    >>> with torch.no_grad():
    ...     _ = left.fill_(1.0), right.fill_(1.0)
    >>> method.pull_back({"left": 0.2, "right": 0.0})
    >>> left, right
    (Parameter containing:
    tensor([0.4630], requires_grad=True), Parameter containing:
    tensor([1.], requires_grad=True))
    """

    STATE = ("start", "epoch", "done")

    def __init__(
        self, parameters: Mapping[str, Iterable[Parameter]], strength: float = 3.0, every: int = 20, times: int = 3
    ) -> None:
        super().__init__(parameters)
        self.strength = checked_number("Relearning", "strength", strength, 0)
        self.every = checked_number("Relearning", "every", every, 1)
        self.times = checked_number("Relearning", "times", times, 0)
        self._start = {name: [p.detach().clone() for p in own] for name, own in self.parameters.items()}
        self._epoch = self._done = 0

    @property
    def needs_evaluation(self) -> bool:
        """Whether the branches are pulled back at the end of this epoch."""
        return self._done < self.times and (self._epoch + 1) % self.every == 0

    def end_epoch(self, train: Step | None = None, validation: Step | None = None) -> None:
        """Pull the branches back, if it is time.

        Parameters
        ----------
        train, validation
            The features and labels of both splits, if `needs_evaluation`.
        """
        if self.needs_evaluation:
            if train is None or validation is None:
                raise BadInputError("Relearning: end_epoch needs the features of the training and validation split")
            of_train, of_validation = (self._purities(step) for step in (train, validation))
            self.pull_back({name: abs(of_train[name] - of_validation[name]) for name in self.parameters})
            self._done += 1
        self._epoch += 1

    def _purities(self, step: Step) -> dict[str, float]:
        labels = required(step, "labels", self)
        features = of_each(step, "features", self.parameters, self)
        return {name: purity(values, labels) for name, values in features.items()}

    def pull_back(self, gaps: Mapping[str, float]) -> None:
        """Pull each branch back to its start.

        Parameters
        ----------
        gaps
            The gap of purity of each modality, in [0, 1].
        """
        with torch.no_grad():
            for modality, parameters in self.parameters.items():
                share = math.tanh(self.strength * gaps[modality])
                for parameter, start in zip(parameters, self._start[modality], strict=True):
                    parameter.mul_(1 - share).add_(start.to(parameter), alpha=share)
