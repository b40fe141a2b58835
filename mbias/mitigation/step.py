"""What a training step, or an evaluation of a whole split, computed: the input of every mitigation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor

from mbias.errors import BadInputError

_HINTS = {
    "losses": "give the scalar loss of each modality's own branch",
    "scores": "give the probabilities (sample, category) of each modality's own branch",
    "labels": "give 0 and 1 of shape (sample, category); one-hot for one label per sample",
    "features": "give the features (sample, feature) of each modality's own branch",
    "attention": "give the weights of the modalities, of shape (..., modality, category)",
}


@dataclass(frozen=True)
class Step:
    """What a model computed from one batch; at the end of an epoch, from a whole split.

    A method reads what its formula needs, and raises BadInputError if that is missing. Only ``joint`` is always needed.

    Parameters
    ----------
    joint
        Scalar loss of the prediction from all modalities together.
    losses
        Scalar loss of each modality's own branch, by modality. May be empty: then no method trains with them.
    scores
        Probabilities of each modality's own branch, of shape (sample, category), by modality: sigmoid or softmax.
    labels
        What is true, without label smoothing: 0 and 1 of shape (sample, category); one-hot for one label per sample.
    features
        Features of each modality's own branch, of shape (sample, feature), by modality.
    attention
        Weights of the modalities that add up to 1 over them, of shape (..., modality, category).

    Examples
    --------
    >>> import torch
    >>> from mbias.mitigation import Step
    >>> step = Step(joint=torch.tensor(0.7), losses={"left": torch.tensor(0.5), "right": torch.tensor(0.9)})
    >>> sorted(step.losses)
    ['left', 'right']
    """

    joint: Tensor
    losses: Mapping[str, Tensor] = field(default_factory=dict)
    scores: Mapping[str, Tensor] | None = None
    labels: Tensor | None = None
    features: Mapping[str, Tensor] | None = None
    attention: Tensor | None = None


def of_each(
    step: Step, name: Literal["losses", "scores", "features"], modalities: Iterable[str], method: object
) -> dict[str, Tensor]:
    """What a step holds of each modality.

    Parameters
    ----------
    step
        The step.
    name
        The field of the step.
    modalities
        The modalities that the method needs.
    method
        The method, for the error message.

    Returns
    -------
    dict of str to torch.Tensor
        The values, in the order of the modalities.

    Raises
    ------
    BadInputError
        If the step lacks a modality.
    """
    given = getattr(step, name) or {}
    values = {}
    for modality in modalities:
        if modality not in given:
            raise _missing(method, f"{name}[{modality!r}]", name)
        values[modality] = given[modality]
    return values


def some_losses(step: Step, method: object) -> Mapping[str, Tensor]:
    """The losses of the branches, for a method that means nothing without them.

    Parameters
    ----------
    step
        The step.
    method
        The method, for the error message.

    Returns
    -------
    dict of str to torch.Tensor
        The losses.

    Raises
    ------
    BadInputError
        If the step has none.
    """
    if not step.losses:
        raise _missing(method, "losses", "losses")
    return step.losses


def required(step: Step, name: Literal["labels", "attention"], method: object) -> Tensor:
    """A field of a step that a method cannot do without.

    Parameters
    ----------
    step
        The step.
    name
        The field.
    method
        The method, for the error message.

    Returns
    -------
    torch.Tensor
        The value.

    Raises
    ------
    BadInputError
        If the step lacks it.
    """
    value: Tensor | None = getattr(step, name)
    if value is None:
        raise _missing(method, name, name)
    return value


def checked_modalities(modalities: Sequence[str], method: str) -> tuple[str, ...]:
    """The names of two or more modalities.

    Parameters
    ----------
    modalities
        The names.
    method
        The method, for the error message.

    Returns
    -------
    tuple of str
        The names.

    Raises
    ------
    BadInputError
        If these are not two or more different names.
    """
    if isinstance(modalities, str) or len(set(modalities)) < 2 or len(set(modalities)) < len(modalities):
        raise BadInputError(f"{method}: modalities {modalities!r} are not two or more names; give all modalities")
    return tuple(modalities)


def _missing(method: object, what: str, name: str) -> BadInputError:
    return BadInputError(f"{type(method).__name__}: the step has no {what}; {_HINTS[name]}")
