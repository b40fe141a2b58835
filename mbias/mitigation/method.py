"""What every mitigation has in common: hooks of a training loop, and a state that can be saved."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from mbias.errors import BadInputError
from mbias.mitigation.step import Step

Features = Mapping[str, Tensor | Mapping[str, Tensor]]
"""The inputs of a model by modality, each a tensor or several by name; the first dimension is the sample."""


class Mitigation:
    """A method that changes how a model with one branch per modality is trained; this one changes nothing.

    A training loop calls the hooks in the order below. Most methods implement one of them, and the others do nothing.

    Examples
    --------
    >>> import torch
    >>> from mbias.mitigation import Mitigation, Step
    >>> weight = torch.tensor(2.0, requires_grad=True)
    >>> Mitigation().backward(Step(joint=3 * weight, losses={"left": weight}))
    >>> weight.grad
    tensor(4.)
    """

    STATE: ClassVar[tuple[str, ...]] = ()
    """Names of the attributes that change during training."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def start_epoch(self) -> None:
        """Prepare for an epoch; call it before the first step."""

    def inputs(self, features: Features) -> Features:
        """Return the inputs that the model is trained on in this step.

        Call it in training only, not where a model is evaluated.
        """
        return features

    def attention(self, weights: Tensor) -> Tensor:
        """Return the attention that the model fuses its modalities with; (..., modality, category).

        Call it in the model's forward, in training and in evaluation.
        """
        return weights

    def loss(self, step: Step) -> Tensor:
        """Return what is minimised: the joint loss plus the loss of each branch."""
        return step.joint + sum(step.losses.values())

    def backward(self, step: Step) -> None:
        """Add the gradient of this step to ``.grad`` of the parameters, as ``loss.backward()`` does."""
        self.loss(step).backward()  # type: ignore[no-untyped-call]

    @property
    def needs_evaluation(self) -> bool:
        """Whether `end_epoch` needs both splits at the end of this epoch."""
        return False

    def end_epoch(self, train: Step | None = None, validation: Step | None = None) -> None:
        """Learn from an epoch.

        Parameters
        ----------
        train, validation
            What the model computes in evaluation mode from the training and the validation split, if
            `needs_evaluation`.
        """

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of the state: tensors and numbers, which ``torch.load`` reads with ``weights_only=True``."""
        return {name: _saved(getattr(self, f"_{name}")) for name in self.STATE}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a state, so that training continues bit for bit.

        Parameters
        ----------
        state
            What `state_dict` returned.

        Raises
        ------
        BadInputError
            If it is the state of another method, or its random numbers are those of another kind of device.
        """
        if set(state) != set(self.STATE):
            raise BadInputError(
                f"{type(self).__name__}: the state has {sorted(state) or 'nothing'} instead of "
                f"{sorted(self.STATE) or 'nothing'}; load the state of the same method"
            )
        for name, value in state.items():
            current = getattr(self, f"_{name}")
            if isinstance(current, torch.Generator):
                self._set_generator(current, value)
            else:
                setattr(self, f"_{name}", _saved(value))

    def _set_generator(self, generator: torch.Generator, state: Tensor) -> None:
        try:
            generator.set_state(state.cpu())
        except RuntimeError:
            raise BadInputError(
                f"{type(self).__name__}: the random numbers of the state are not those of {generator.device}; "
                "resume on the kind of device on which training began"
            ) from None


def checked_number(method: str, name: str, value: float, least: float, most: float = math.inf) -> float:
    """A setting of a method.

    Parameters
    ----------
    method
        The method, for the error message.
    name
        The name of the setting.
    value
        The number.
    least, most
        The ends of the range that it must lie in.

    Returns
    -------
    float
        The number.

    Raises
    ------
    BadInputError
        If it is no number in this range.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        limits = f"of at least {least}" if most == math.inf else f"from {least} to {most}"
        raise BadInputError(f"{method}: {name} {value!r} is not a number {limits}; give one")
    return value


def _saved(value: Any) -> Any:
    """A copy of a value of the state."""
    if isinstance(value, torch.Generator):
        return value.get_state()
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, Mapping):
        return {name: _saved(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_saved(part) for part in value]
    return value
