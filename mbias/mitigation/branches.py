"""The parameters that only one modality uses, and their gradients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import Parameter

from mbias.errors import BadInputError
from mbias.mitigation.method import Mitigation


class BranchMitigation(Mitigation):
    """A mitigation that acts on the parameters of each modality's own branch.

    Parameters
    ----------
    parameters
        The parameters that only one modality uses, by modality. Parameters of shared layers, such as those after
        fusion, belong to none: they are trained as ever.

    Raises
    ------
    BadInputError
        If there are fewer than two modalities, one has no parameter that is trained, or two share one.
    """

    def __init__(self, parameters: Mapping[str, Iterable[Parameter]]) -> None:
        self.parameters = _checked(parameters, type(self).__name__)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self.parameters)})"

    def _all(self) -> list[Parameter]:
        return [parameter for own in self.parameters.values() for parameter in own]


def _checked(parameters: Mapping[str, Iterable[Parameter]], name: str) -> dict[str, list[Parameter]]:
    """The trained parameters by modality."""
    if not isinstance(parameters, Mapping) or len(parameters) < 2:
        raise BadInputError(f"{name}: give a dict with the parameters of two or more modalities")
    trained = {modality: [p for p in own if p.requires_grad] for modality, own in parameters.items()}
    owner: dict[int, str] = {}
    for modality, own in trained.items():
        if not own:
            raise BadInputError(f"{name}: {modality!r} has no parameter that is trained; name the layers of its branch")
        for parameter in own:
            other = owner.setdefault(id(parameter), modality)
            if other != modality:
                raise BadInputError(f"{name}: {other!r} and {modality!r} share a parameter; leave shared layers out")
    return trained


@contextmanager
def fresh_gradients(parameters: Iterable[Parameter]) -> Iterator[None]:
    """Let a block see the gradients of this step alone; earlier ones are added again afterwards.

    A method that changes gradients must not change those of earlier batches, if a step accumulates several.

    Parameters
    ----------
    parameters
        The parameters whose gradients are set aside.
    """
    earlier = [(parameter, parameter.grad) for parameter in parameters]
    for parameter, _ in earlier:
        parameter.grad = None
    try:
        yield
    finally:
        for parameter, gradient in earlier:
            if gradient is not None:
                parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)


def gradient(loss: Tensor, parameters: list[Parameter]) -> list[Tensor]:
    """The gradient of a loss, whose graph is kept.

    Parameters
    ----------
    loss
        A scalar.
    parameters
        The parameters.

    Returns
    -------
    list of torch.Tensor
        One tensor per parameter; zeros where the loss does not depend on it.
    """
    return list(torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True, materialize_grads=True))
