"""Summary of attention weights, computed once when an epoch is committed because quantiles are costly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np

from mbias.errors import BadInputError
from mbias.records.shards import pieces

ATTENTION = "wav"
"""The array of attention weights across modalities; its summary is stored with every epoch."""

SCOPES = ("all", "present")
"""All segments, or the segments in which the category is present in at least one modality according to the truth."""

QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
STATISTICS = ("mean", *QUANTILES, "saturated")
SATURATED = 0.9
"""Attention above this value counts as saturated on its modality."""

DIMENSIONS = ("scope", "statistic", "modality", "category")

_PART = 2**25
"""The size in bytes of the columns that a thread has in memory at a time."""

_LONG = 10_000
"""The length of a column from which on sorting a part of it is faster."""

_STEP = 17
"""The distance of the weights of a sample. It is prime, so that the sample has all segments and heads."""

_THREADS = 2
"""More are not faster: the columns come from memory or from disk."""


class Columns(Protocol):
    """Attention weights by column: all weights of one modality and category, one after the other."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the weights, (..., modality, category)."""

    @property
    def fewest(self) -> int:
        """The smallest number of categories that it is worth to read at a time."""

    def read(self, begin: int, end: int) -> np.ndarray:
        """The columns of the categories from ``begin`` up to ``end``: float32, (modality, category, weight), a copy."""


class ColumnsInMemory:
    """The columns of an array.

    Parameters
    ----------
    weights
        Weights of shape (..., modality, category).
    """

    fewest = 16
    """The float32 numbers of a line of the processor's cache, which reads no less."""

    def __init__(self, weights: np.ndarray) -> None:
        self._weights = weights if weights.ndim > 2 else weights[None]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the weights, (..., modality, category)."""
        return self._weights.shape

    def read(self, begin: int, end: int) -> np.ndarray:
        """The columns of the categories from ``begin`` up to ``end``: float32, (modality, category, weight), a copy."""
        part = self._weights[..., begin:end]
        modalities, categories = part.shape[-2:]
        columns = np.empty((modalities * categories, math.prod(part.shape[:-2])), dtype=np.float32)
        first = 0
        for rows in pieces(part):
            flat = rows.reshape(-1, modalities * categories)
            columns[:, first : first + len(flat)] = flat.T
            first += len(flat)
        return columns.reshape(modalities, categories, -1)


def attention_summary(columns: np.ndarray | Columns, present: np.ndarray | None) -> np.ndarray:
    """Statistics of attention weights by modality and category.

    Parameters
    ----------
    columns
        Weights in [0, 1], of shape (..., modality, category), or their columns.
    present
        Whether the category is present, of shape (..., category); None if unknown.

    Returns
    -------
    numpy.ndarray
        float32, of shape (scope, statistic, modality, category), in the order of `SCOPES` and `STATISTICS`: the mean,
        the quantiles of `QUANTILES` and the share of weights above `SATURATED`. NaN where no segment is in scope.
    """
    weights = ColumnsInMemory(columns) if isinstance(columns, np.ndarray) else columns
    *_, modalities, categories = weights.shape
    of_category = modalities * math.prod(weights.shape[:-2]) * np.dtype(np.float32).itemsize
    width = max(weights.fewest, _PART // max(1, of_category))
    begins = range(0, categories, width)
    parts = [(begin, min(begin + width, categories)) for begin in begins]
    summary = np.empty((len(SCOPES), len(STATISTICS), modalities, categories), dtype=np.float32)

    def summarise(part: tuple[int, int]) -> None:
        summary[..., slice(*part)] = _summary(weights, present, *part)

    if len(parts) == 1:
        summarise(parts[0])
    else:
        with ThreadPoolExecutor(_THREADS) as threads:
            for _ in threads.map(summarise, parts):
                pass
    return summary


def _summary(weights: Columns, present: np.ndarray | None, begin: int, end: int) -> np.ndarray:
    """The summary of some of the categories."""
    columns = weights.read(begin, end)
    modalities, categories, _ = columns.shape
    summary = np.full((len(SCOPES), len(STATISTICS), modalities, categories), np.nan, dtype=np.float32)
    if present is not None:
        everywhere = np.broadcast_to(present, (*weights.shape[:-2], weights.shape[-1]))
        mask = everywhere[..., begin:end].reshape(-1, categories)
        for category in np.flatnonzero(mask.any(axis=0)):
            summary[1, :, :, category] = _statistics(columns[:, category, mask[:, category]])
    # Last, since it reorders the columns.
    summary[0] = _statistics(columns.reshape(modalities * categories, -1)).reshape(-1, modalities, categories)
    return summary


def _statistics(columns: np.ndarray) -> np.ndarray:
    """The statistics of each column; the weights of a column may be in another order afterwards."""
    mean, saturated = columns.mean(axis=1, dtype=np.float64), (columns > SATURATED).mean(axis=1)
    if columns.shape[1] < _LONG or not np.isfinite(mean).all():
        quantiles = np.quantile(columns, list(QUANTILES.values()), axis=1, overwrite_input=True)
    else:
        quantiles = np.stack([_quantiles(column) for column in columns], axis=1)
    return np.stack([mean, *quantiles, saturated])


def _quantiles(column: np.ndarray) -> np.ndarray:
    """`np.quantile` of a long column, to the last bit, in half of its time.

    Where a sample of the column places a quantile, a few percent of the weights lie. Only these are sorted, if the
    number of weights below them shows that the quantile is among them. They are exact then, whatever the sample.
    """
    sample = np.sort(column[::_STEP])
    quantiles = np.empty(len(QUANTILES))
    for index, q in enumerate(QUANTILES.values()):
        position, margin = q * len(sample), 2 + 4 * math.sqrt(len(sample) * q * (1 - q))
        low, high = sample[[max(0, int(position - margin)), min(len(sample) - 1, int(position + margin))]]
        near = np.sort(np.compress((column >= low) & (column <= high), column))
        virtual = (len(column) - 1) * q
        rank = math.floor(virtual) - np.count_nonzero(column < low)
        if not 0 <= rank < len(near) - 1:
            return np.asarray(np.quantile(column, list(QUANTILES.values())))
        # As NumPy interpolates: a difference of float32 numbers, weighted in float64 from the nearer end.
        step, weight = near[rank + 1] - near[rank], np.float64(virtual - math.floor(virtual))
        quantiles[index] = near[rank] + step * weight if weight < 0.5 else near[rank + 1] - step * (1 - weight)
    return quantiles


def aligned(
    attention: np.ndarray, dimensions: Sequence[str], present: np.ndarray | None, categories: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Bring attention weights and presence into the shapes that `attention_summary` needs.

    Parameters
    ----------
    attention
        Weights of any dimensions, of which the first is the sample.
    dimensions
        The names of the dimensions of ``attention``. Without ``category``, every category has the same weight.
    present
        Whether a category is present, from `presence`.
    categories
        The number of categories.

    Returns
    -------
    weights : numpy.ndarray
        Weights of shape (..., modality, category).
    present : numpy.ndarray or None
        Presence of a shape that broadcasts to (..., category).
    """
    order = [d for d in dimensions if d not in ("segment", "modality", "category")]
    order += [d for d in ("segment", "modality", "category") if d in dimensions]
    weights = attention.transpose([dimensions.index(d) for d in order])
    if "category" not in dimensions:
        weights = np.broadcast_to(weights[..., None], (*weights.shape, categories))
    if present is None:
        return weights, None
    if "segment" not in dimensions or present.shape[1] not in (1, weights.shape[-3]):
        present = np.any(present, axis=1, keepdims="segment" in dimensions)
    # Other dimensions of the array, such as heads, are between the sample and the segment.
    extra = weights.ndim - 1 - np.ndim(present)
    return weights, np.expand_dims(present, tuple(range(1, 1 + extra)))


def presence(truth: Mapping[str, np.ndarray], modalities: tuple[str, ...]) -> np.ndarray | None:
    """Whether a category is present in a segment, in any modality.

    Parameters
    ----------
    truth
        Boolean arrays by name, as `RunWriter.create` takes them.
    modalities
        The names of the modalities.

    Returns
    -------
    numpy.ndarray or None
        Boolean, of shape (sample, segment, category). With weak labels only, a category counts as present in every
        segment of its samples, and the shape is (sample, 1, category). None if the truth holds neither.

    Raises
    ------
    BadInputError
        If the truth of two modalities differs in shape.
    """
    dense = [truth[modality] for modality in modalities if modality in truth and truth[modality].ndim == 3]
    if len({array.shape for array in dense}) > 1:
        raise BadInputError(
            f"truth of {', '.join(modalities)}: the shapes differ; give all modalities the same segments"
        )
    if dense:
        present: np.ndarray = np.logical_or.reduce(dense)
        return present
    return truth["weak"][:, None, :] if "weak" in truth else None
