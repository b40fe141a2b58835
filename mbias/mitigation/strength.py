"""How strong each modality is in a batch: the mean score of present labels, and its ratio to that of the others."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from mbias.errors import BadInputError
from mbias.mitigation.step import Step, of_each, required


def mean_scores(
    step: Step, modalities: Iterable[str], method: object, kept: Mapping[str, Tensor] | None = None, log: bool = False
) -> dict[str, float]:
    """The mean score s_m that each modality's own branch gives to the labels that are present.

    With one label per sample, it is the mean softmax probability of the true class.

    Parameters
    ----------
    step
        The step, with ``scores`` and ``labels``.
    modalities
        The modalities.
    method
        The method, for error messages.
    kept
        For each modality, which samples it was seen in, of shape (sample,); None for all.
    log
        Whether to average the logarithm of the score instead, which is limited to log(1e-8).

    Returns
    -------
    dict of str to float
        The means, in [0, 1], or their logarithms; 0 if no label is present.

    Raises
    ------
    BadInputError
        If the step lacks scores or labels, or their shapes differ.
    """
    scores, labels = of_each(step, "scores", modalities, method), required(step, "labels", method)
    means = []
    for modality, score in scores.items():
        if score.shape != labels.shape:
            raise BadInputError(
                f"{type(method).__name__}: scores[{modality!r}] has shape {tuple(score.shape)} and labels "
                f"{tuple(labels.shape)}; give both as (sample, category)"
            )
        present = labels.to(score)
        if kept is not None:
            present = present * kept[modality].to(score.device)[:, None]
        values = score.detach().clamp_min(1e-8).log() if log else score.detach()
        means.append((values * present).sum() / present.sum().clamp_min(1e-8))
    return dict(zip(scores, torch.stack(means).tolist(), strict=True))


def ratios(scores: Mapping[str, float]) -> dict[str, float]:
    """The ratio rho_m of each modality's score to the mean of the others'.

    With two modalities, it is the ratio s_m / s_other of the papers. The least score never has a ratio above 1.

    Parameters
    ----------
    scores
        The score of each modality, not negative.

    Returns
    -------
    dict of str to float
        The ratios; 1 where both are 0.

    Examples
    --------
    >>> ratios({"left": 0.5, "right": 0.25})
    {'left': 2.0, 'right': 0.5}
    >>> ratios({"text": 0.9, "audio": 0.4, "video": 0.2})["text"]
    3.0
    """
    total, others = sum(scores.values()), len(scores) - 1
    return {modality: _ratio(score, (total - score) / others) for modality, score in scores.items()}


def _ratio(score: float, other: float) -> float:
    if other > 0:
        return score / other
    return math.inf if score > 0 else 1.0
