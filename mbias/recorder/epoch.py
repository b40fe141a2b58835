"""The arrays of one epoch, filled batch by batch."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from mbias.errors import BadInputError


class EpochArrays:
    """Arrays over all samples, on the devices of the model, filled in any order.

    Parameters
    ----------
    samples
        Number of samples.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from mbias.recorder.epoch import EpochArrays
    >>> arrays = EpochArrays(3)
    >>> arrays.add(np.array([2, 0]), {"wav": torch.tensor([[0.2, 0.8], [0.5, 0.5]])})
    >>> arrays.names
    ('wav',)
    >>> arrays.require_all(["a", "b", "c"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    mbias.errors.BadInputError: commit_epoch: 1 of 3 samples are not recorded, the first is 'b'; run all of them in ...
    """

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._arrays: dict[str, Tensor] = {}
        self._seen = np.zeros(samples, dtype=bool)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the arrays that hold at least one batch."""
        return tuple(self._arrays)

    def add(self, index: np.ndarray, batch: Mapping[str, Tensor]) -> None:
        """Write a batch.

        Parameters
        ----------
        index
            Sample indices of the batch, of shape (B,).
        batch
            Values of each array, of shape (B, ...).

        Raises
        ------
        BadInputError
            If an array has another shape per sample than in the batches before.
        """
        for name, values in batch.items():
            array = self._arrays.get(name)
            if array is None:
                array = self._arrays[name] = values.new_empty(self._samples, *values.shape[1:])
            if array.shape[1:] != values.shape[1:]:
                raise BadInputError(
                    f"array {name!r}: a sample has shape {tuple(values.shape[1:])} in this batch and "
                    f"{tuple(array.shape[1:])} in earlier ones; pad all samples to one shape"
                )
            array[torch.from_numpy(index).to(array.device, non_blocking=True)] = values.to(array.device)
        self._seen[index] = True

    def require_all(self, samples: Sequence[str]) -> None:
        """Require every sample, if any was recorded.

        Parameters
        ----------
        samples
            Names of the samples.

        Raises
        ------
        BadInputError
            If no batch holds a sample.
        """
        missing = np.flatnonzero(~self._seen)
        if self._arrays and missing.size:
            raise BadInputError(
                f"commit_epoch: {len(missing)} of {len(samples)} samples are not recorded, the first is "
                f"{samples[missing[0]]!r}; run all of them in batch()"
            )

    def to_numpy(self) -> dict[str, np.ndarray]:
        """Copy the arrays to the host.

        Returns
        -------
        dict[str, numpy.ndarray]
            Arrays of shape (sample, ...) by name.
        """
        return {name: array.cpu().numpy() for name, array in self._arrays.items()}


def checked_index(index: Sequence[int] | np.ndarray | Tensor, samples: int) -> np.ndarray:
    """Check the sample indices of a batch.

    Parameters
    ----------
    index
        Indices counted from 0.
    samples
        Number of samples.

    Returns
    -------
    numpy.ndarray
        The indices on the host.

    Raises
    ------
    BadInputError
        If these are not whole numbers along one axis, or no sample has an index.
    """
    checked = np.asarray(index.cpu() if isinstance(index, Tensor) else index)
    if checked.ndim != 1 or not np.issubdtype(checked.dtype, np.integer):
        raise BadInputError(
            f"batch: the index has type {checked.dtype} and shape {checked.shape}; give one whole number per sample"
        )
    if checked.size and not 0 <= checked.min() <= checked.max() < samples:
        wrong = next(number for number in checked if not 0 <= number < samples)
        raise BadInputError(f"batch: no sample has the index {wrong}; it must be in 0 to {samples - 1}")
    return checked


def warn_of_other_weights(name: str, weights: np.ndarray, axis: int) -> None:
    """Warn the caller of `mbias.Recorder.commit_epoch` of attention that does not sum to 1 over the modalities."""
    if not np.allclose(weights.sum(axis=axis), 1, atol=0.01):
        warnings.warn(
            f"{name!r} does not sum to 1 over the modalities: is softmax='modality' missing, or was it recorded after "
            "a dropout in training mode?",
            stacklevel=4,
        )
