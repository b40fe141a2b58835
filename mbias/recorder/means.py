"""The mean losses of an epoch: checks, and a weighted mean that stays on the device of its values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real

import numpy as np
import torch
from torch import Tensor

from mbias.arguments import shown
from mbias.errors import BadInputError


def is_single(value: object) -> bool:
    """Whether a value is a number, or a tensor or array with one element; it does not wait for the device."""
    if isinstance(value, Tensor):
        return value.numel() == 1
    if isinstance(value, np.ndarray):
        return value.size == 1 and value.dtype.kind in "biuf"
    return isinstance(value, Real)


def check_losses(values: Mapping[str, object], known: Sequence[str], samples: float, kind: str) -> None:
    """Check the losses of a training step.

    Parameters
    ----------
    values
        Mean losses by name.
    known
        The names that a loss may have: those of the modalities and, last, of the joint loss.
    samples, kind
        The batch size, and the kind of the losses.

    Raises
    ------
    BadInputError
        If the batch size, the kind or a name is wrong, or a value is not a single number.
    """
    if kind not in ("optimised", "hard", "floor"):
        raise BadInputError(f"losses: unknown kind {kind!r}; choose from optimised, hard and floor")
    if not isinstance(samples, Real) or not samples > 0:
        raise BadInputError(f"losses: {shown(samples)} samples; give the batch size, 1 or more")
    for name, value in values.items():
        if name not in known:
            *modalities, joint = known
            raise BadInputError(
                f"losses: {name!r} is neither a modality ({', '.join(modalities)}) nor {joint!r}; rename it"
            )
        if not is_single(value):
            raise BadInputError(f"losses: {name!r} is {shown(value)}, not a single number; give its mean")


class WeightedMean:
    """A weighted mean of numbers and of tensors with one element.

    Adding a tensor does not wait for its device.

    Examples
    --------
    >>> import torch
    >>> from mbias.recorder.means import WeightedMean
    >>> mean = WeightedMean()
    >>> mean.add(torch.tensor(1.0), 3)
    >>> mean.add(2.0, 1)
    >>> mean.value()
    1.25
    """

    def __init__(self) -> None:
        self._sum: Tensor | float = 0.0
        self._weight = 0

    def add(self, value: Tensor | float, weight: int) -> None:
        """Add a value.

        Parameters
        ----------
        value
            A number, or a tensor with one element.
        weight
            Its weight, for example the batch size.
        """
        self._weight += weight
        if not isinstance(value, Tensor):
            self._sum = self._sum + float(value) * weight
            return
        with torch.inference_mode(False), torch.no_grad():
            if not isinstance(self._sum, Tensor):
                # Apple's GPUs have no float64.
                dtype = torch.float32 if value.device.type == "mps" else torch.float64
                self._sum = torch.tensor(self._sum, dtype=dtype, device=value.device)
            self._sum.add_(value.detach().reshape(()).to(self._sum.device), alpha=weight)

    def value(self) -> float:
        """Compute the mean, which waits for the device.

        Returns
        -------
        float
        """
        return float(self._sum) / self._weight
