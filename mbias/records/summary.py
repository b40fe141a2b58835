"""What is costly to aggregate in attention weights, aggregated once, when an epoch is committed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mbias.errors import BadInputError

SCOPES = ("all", "present")
"""Over all segments, or over those in which the category is present in some modality (by the truth)."""

QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
STATISTICS = ("mean", *QUANTILES, "saturated")
SATURATED = 0.9
"""Above this, attention counts as saturated on its modality."""

DIMENSIONS = ("scope", "statistic", "modality", "category")


def attention_summary(attention: np.ndarray, present: np.ndarray | None) -> np.ndarray:
    """Statistics of attention weights by modality and category.

    Parameters
    ----------
    attention
        Weights in [0, 1], of shape (..., modality, category).
    present
        Whether the category is present, of shape (..., category), or None where that is unknown.

    Returns
    -------
    numpy.ndarray
        float32, of shape (scope, statistic, modality, category) in the order of `SCOPES` and `STATISTICS`;
        NaN where no segment is in scope.
    """
    modalities, categories = attention.shape[-2:]
    # A column a (modality, category), contiguous: what is sorted below lies together.
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
    """Weights and presence as `attention_summary` takes them, from weights of any ``dimensions``.

    The first dimension is the sample; where there is no ``category``, each of them has the same weight.

    Parameters
    ----------
    present
        As `presence` gives it.
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
    # Dimensions of the array's own (heads, say) lie between the sample and the segment.
    between = weights.ndim - 1 - np.ndim(present)
    return weights, np.expand_dims(present, tuple(range(1, 1 + between)))


def presence(truth: Mapping[str, np.ndarray], modalities: tuple[str, ...]) -> np.ndarray | None:
    """Whether a category is present in a segment, in any modality, of shape (sample, segment, category).

    With labels of whole samples only, every segment of a sample that has the category counts, and the shape is
    (sample, 1, category). None where the truth holds neither.
    """
    dense = [truth[modality] for modality in modalities if modality in truth and truth[modality].ndim == 3]
    if len({array.shape for array in dense}) > 1:
        raise BadInputError(f"truth of {', '.join(modalities)}: one has other segments than another; give all the same")
    if dense:
        return np.logical_or.reduce(dense)
    return truth["weak"][:, None, :] if "weak" in truth else None
