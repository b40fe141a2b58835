"""Checks of the losses and arrays of an epoch, before they are written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real

import numpy as np

from mbias.arguments import require_mapping, shown
from mbias.errors import BadInputError
from mbias.records.header import Header
from mbias.records.shards import is_finite
from mbias.tasks import Task, output_fault, output_hint

JOINT_OUTPUT = "p_joint"
"""The array of the outputs for whole samples, of all modalities together."""

KINDS = ("optimised", "hard", "floor", "gradient")
"""The kinds of values of a loss, see `mbias.records.commits.Commit`."""


def check_losses(header: Header, losses: Mapping[str, Mapping[str, float]], epoch: int) -> None:
    """Raise BadInputError unless losses are those of the header, and finite numbers.

    Parameters
    ----------
    header
        The constants of the run.
    losses
        By loss, its values by kind.
    epoch
        The number of the epoch, for error messages.
    """
    require_mapping("losses", losses, "give the values of each loss by name")
    for name, values in losses.items():
        if name not in header.losses:
            raise BadInputError(f"loss {name!r} is not among the run's losses {', '.join(header.losses)}")
        require_mapping(f"loss {name!r}", values, "give {'optimised': value}")
        for kind, value in values.items():
            if kind not in KINDS or not isinstance(value, Real):
                raise BadInputError(
                    f"loss {name!r}: {shown(kind)} is {shown(value)}; give numbers under {', '.join(KINDS)}"
                )
        if not all(math.isfinite(value) for value in values.values()):
            raise BadInputError(f"loss {name!r} is not a finite number at epoch {epoch}")


def check_arrays(header: Header, arrays: Mapping[str, np.ndarray], samples: int, epoch: int, where: str = "") -> None:
    """Raise BadInputError unless arrays are those of the header, of the right shape, and finite numbers.

    Parameters
    ----------
    header
        The constants of the run.
    arrays
        The arrays by name.
    samples
        How many samples they should hold.
    epoch
        The number of the epoch, for error messages.
    where
        The start of error messages.
    """
    require_mapping("arrays", arrays, "give the arrays by name")
    sizes: dict[str, int] = {
        header.sample: samples,
        "modality": len(header.modalities),
        "category": len(header.categories),
    }
    for name, array in arrays.items():
        if name not in header.arrays:
            raise BadInputError(f"{where}array {name!r} is not among the run's arrays {', '.join(header.arrays)}")
        dimensions = header.arrays[name]
        numbers = as_numbers(array)
        if numbers is None:
            raise BadInputError(f"{where}array {name!r} does not hold numbers; give a NumPy array of numbers")
        shape = numbers.shape
        expected = tuple(sizes.get(d, n) for d, n in zip(dimensions, shape, strict=False))
        if len(shape) != len(dimensions) or shape != expected:
            raise BadInputError(
                f"{where}array {name!r} has shape {shape}; it must be {' x '.join(dimensions)}, {expected}"
            )
        if not is_finite(numbers):
            raise BadInputError(f"{where}array {name!r} holds NaN or infinity at epoch {epoch}")
        if name == JOINT_OUTPUT and dimensions[-1] == "category":
            fault = output_fault(Task(header.task), numbers, len(header.modalities))
            if fault:
                raise BadInputError(f"{where}array {name!r} {fault}; {output_hint(Task(header.task))}")


def as_numbers(value: object) -> np.ndarray | None:
    """An argument as an array of numbers; None if it does not hold numbers, or its rows differ in length."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError):
        # PyTorch raises TypeError or RuntimeError for tensors that are on a device or need a gradient.
        return None
    return array if array.dtype.kind in "biuf" else None
