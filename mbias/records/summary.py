"""Summary of attention weights, computed once when an epoch is committed because quantiles are costly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mbias.errors import BadInputError

SCOPES = ("all", "present")
"""All segments, or the segments in which the category is present in at least one modality according to the truth."""

QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
STATISTICS = ("mean", *QUANTILES, "saturated")
SATURATED = 0.9
"""Attention above this value counts as saturated on its modality."""

DIMENSIONS = ("scope", "statistic", "modality", "category")


def attention_summary(attention: np.ndarray, present: np.ndarray | None) -> np.ndarray:
    """Statistics of attention weights by modality and category.

    Parameters
    ----------
    attention
        Weights in [0, 1], of shape (..., modality, category).
    present
        Whether the category is present, of shape (..., category); None if unknown.

    Returns
    -------
    numpy.ndarray
        float32, of shape (scope, statistic, modality, category), in the order of `SCOPES` and `STATISTICS`: the mean,
        the quantiles of `QUANTILES` and the share of weights above `SATURATED`. NaN where no segment is in scope.
    """
    modalities, categories = attention.shape[-2:]
    # One contiguous row per (modality, category), so that quantiles sort contiguous memory.
    columns = np.ascontiguousarray(attention.reshape(-1, modalities * categories).T)
    summary = np.full((len(SCOPES), len(STATISTICS), modalities, categories), np.nan, dtype=np.float32)
    summary[0] = _statistics(columns).reshape(-1, modalities, categories)
    if present is not None:
        mask = np.broadcast_to(present, (*attention.shape[:-2], categories)).reshape(-1, categories)
        weights = columns.reshape(modalities, categories, -1)
        for category in np.flatnonzero(mask.any(axis=0)):
            summary[1, :, :, category] = _statistics(weights[:, category, mask[:, category]])
    return summary


def _statistics(columns: np.ndarray) -> np.ndarray:
    quantiles = np.quantile(columns, list(QUANTILES.values()), axis=1)
    return np.stack([columns.mean(axis=1, dtype=np.float64), *quantiles, (columns > SATURATED).mean(axis=1)])


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
