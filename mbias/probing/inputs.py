"""The inputs of a probed model: batches of them, with a modality taken from other samples or held constant."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mbias.arguments import counted, require_mapping, shown
from mbias.errors import BadInputError


@dataclass(frozen=True)
class Constant:
    """An input that is the same for every sample, an object or an array without the dimension of samples."""

    value: Any


@dataclass(frozen=True)
class Made:
    """An input that a function makes of a batch of the true one."""

    values: Any
    make: Callable[[Any], Any]


@dataclass(frozen=True)
class Inputs:
    """The inputs of a model, indexed by sample.

    Parameters
    ----------
    values
        By modality, its inputs by name: arrays, tensors, tables, sequences, or a `Constant` or `Made`.
    donors
        By modality, the row that each sample takes its inputs from; modalities that are not named keep their own rows.
    """

    values: Mapping[str, Mapping[str, Any]]
    donors: Mapping[str, np.ndarray]

    @property
    def names(self) -> list[str]:
        """The names of all inputs."""
        return [name for inputs in self.values.values() for name in inputs]

    @property
    def samples(self) -> int:
        """The number of samples."""
        name, values = next(item for inputs in self.values.values() for item in inputs.items())
        return sample_count(name, values)

    def batch(self, rows: np.ndarray) -> dict[str, Any]:
        """Take the inputs of some samples.

        Parameters
        ----------
        rows
            The indices of the samples.

        Returns
        -------
        dict
            By name of the input, its values of these samples: an array, a tensor, a table or a list, as the input is.
        """
        return {
            name: _taken(values, self.donors[modality][rows] if modality in self.donors else rows)
            for modality, inputs in self.values.items()
            for name, values in inputs.items()
        }

    def permuted(self, donors: Mapping[str, np.ndarray]) -> Inputs:
        """The inputs, some modalities of which are those of other samples."""
        return replace(self, donors=donors)

    def constant(self, baseline: str, modalities: tuple[str, ...]) -> Inputs:
        """The inputs, some modalities of which are constant.

        Parameters
        ----------
        baseline
            ``mean``, the mean of each number over the samples, or ``zero``.
        modalities
            The names of these modalities.

        Returns
        -------
        Inputs
            The inputs.

        Raises
        ------
        BadInputError
            If an input of these modalities is not a numeric array or tensor.
        """
        constants = {
            modality: {name: Constant(_constant(baseline, name, values)) for name, values in inputs.items()}
            for modality, inputs in self.values.items()
            if modality in modalities
        }
        return replace(self, values={**self.values, **constants})

    def with_own(self, stand_in: Mapping[str, Mapping[str, Any]], modalities: tuple[str, ...]) -> Inputs:
        """The inputs, some modalities of which are replaced by a stand-in of one's own.

        Parameters
        ----------
        stand_in
            By modality, what replaces each of its inputs, by name: a value for one sample, or a function of a batch.
        modalities
            The names of these modalities.

        Returns
        -------
        Inputs
            The inputs.
        """
        replaced = {
            modality: {
                name: Made(self.values[modality][name], value) if callable(value) else Constant(value)
                for name, value in stand_in[modality].items()
            }
            for modality in modalities
        }
        return replace(self, values={**self.values, **replaced})


def checked_inputs(inputs: object, modalities: Sequence[str], samples: int | None = None) -> Inputs:
    """Check the inputs of a model.

    Parameters
    ----------
    inputs
        By modality, one input, or its inputs by name.
    modalities
        The names that the modalities should have.
    samples
        The number of samples; by default, that of the first input.

    Returns
    -------
    Inputs
        The inputs, in the order of the modalities.

    Raises
    ------
    BadInputError
        If the modalities have other names, an input has another number of samples or cannot be indexed by sample, or
        two inputs have the same name.
    """
    hint = f"give the inputs of {', '.join(modalities)} by name"
    require_mapping("inputs", inputs, hint)
    assert isinstance(inputs, Mapping)
    if set(inputs) != set(modalities):
        given = ", ".join(map(str, inputs)) or "nothing"
        raise BadInputError(f"inputs: {given} given, which are not the modalities; {hint}")
    values = {}
    for modality in modalities:
        of_modality = inputs[modality]
        values[modality] = dict(of_modality) if isinstance(of_modality, Mapping) else {modality: of_modality}
        if not values[modality]:
            raise BadInputError(f"inputs: {modality!r} has no input; give at least one")
    checked = Inputs(values, {})
    for name in checked.names:
        if not isinstance(name, str):
            raise BadInputError(f"inputs: {shown(name)} is not a name; predict gets each input by its name")
        if checked.names.count(name) > 1:
            raise BadInputError(f"inputs: two modalities have an input {name!r}; give each input a name of its own")
    for of_each in values.values():
        for name, of_input in of_each.items():
            size = sample_count(name, of_input)
            samples = size if samples is None else samples
            if not size:
                raise BadInputError(f"inputs: {name!r} holds no sample; give one entry per sample")
            if size != samples:
                raise BadInputError(
                    f"inputs: {name!r} has {counted(size, 'sample')} in place of {samples}; "
                    f"give one entry per sample, in the order of the samples"
                )
    return checked


def sample_count(name: str, values: Any) -> int:
    """The number of samples of an input.

    Raises
    ------
    BadInputError
        If it is not indexed by sample.
    """
    shape = getattr(values, "shape", None)
    indexed = hasattr(values, "__len__") and hasattr(values, "__getitem__")
    if isinstance(values, str | bytes | Mapping | Set) or shape == () or (shape is None and not indexed):
        raise BadInputError(
            f"inputs: {name!r}: {shown(values)} is not indexed by sample; give an array, a tensor or a list"
        )
    return len(values) if shape is None else int(shape[0])


def is_tensor(values: object) -> bool:
    """Whether an object is a PyTorch tensor; PyTorch is not imported."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(values, torch.Tensor)


def _taken(values: Any, rows: np.ndarray) -> Any:
    """Some rows of an input, in the order asked for, possibly repeated."""
    if isinstance(values, Made):
        made = values.make(_taken(values.values, rows))
        if not hasattr(made, "__len__") or len(made) != len(rows):
            raise BadInputError(
                f"own: a stand-in returned {shown(made)} for a batch of {len(rows)}; return one entry per sample"
            )
        return made
    if isinstance(values, Constant):
        if not isinstance(values.value, np.ndarray | np.generic) and not is_tensor(values.value):
            return [values.value] * len(rows)
        repeated = values.value[None]
        return repeated[np.zeros(len(rows), dtype=np.int64)]
    if hasattr(values, "iloc"):
        # With its index, a model that puts tables together would undo the permutation.
        return values.iloc[rows].reset_index(drop=True)
    if isinstance(values, np.ndarray) or is_tensor(values):
        return values[rows]
    if hasattr(values, "shape") and hasattr(values, "__array__"):
        # Arrays on disk, such as those of h5py, are read in increasing order, and each row once.
        unique, inverse = np.unique(rows, return_inverse=True)
        return np.asarray(values[unique])[inverse]
    if hasattr(values, "shape"):
        return values[rows]
    return [values[row] for row in rows.tolist()]


def _constant(baseline: str, name: str, values: Any) -> Any:
    """What replaces one input in every sample, of the input's type."""
    if is_tensor(values):
        torch = sys.modules["torch"]
        numeric = values.dtype != torch.bool and not values.is_complex()
    else:
        numeric = isinstance(values, np.ndarray) and values.dtype.kind in "fiu"
    if not numeric:
        raise BadInputError(
            f"stand_ins: {baseline!r} needs numeric arrays or tensors, and the input {name!r} is not one; leave it out"
        )
    if baseline == "zero":
        return values[0] * 0 if is_tensor(values) else np.zeros_like(values[0])
    if is_tensor(values):
        mean = values.detach().mean(dim=0, dtype=torch.float32)
        return (mean if values.is_floating_point() else mean.round()).to(values.dtype)
    mean = values.mean(axis=0, dtype=np.float64)
    return np.asarray(mean if values.dtype.kind == "f" else np.rint(mean)).astype(values.dtype)
