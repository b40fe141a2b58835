"""From the values of coalitions of modalities to numbers by modality: plain arithmetic, no records."""

from __future__ import annotations

import numpy as np


def shapley(v: np.ndarray) -> np.ndarray:
    """Shapley values of two modalities.

    S_a = 1/2 [v(av) - v(v) + v(a) - v()], S_v alike. Range: that of the outcome's differences; positive where the
    modality adds to the outcome. Exact: S_a + S_v = v(av) - v(), and S_a - S_v = v(a) - v(v). Cost: 4 N passes.
    Source: Shapley 1953; SHAPE (arXiv 2205.00302). Mind: it depends on what stands in for a missing modality.

    Parameters
    ----------
    v
        Values of both, first only, second only, none, (..., 4).

    Returns
    -------
    numpy.ndarray
        Of the first and the second modality, (..., 2).
    """
    both, first, second, none = np.moveaxis(v, -1, 0)
    return np.stack([both - second + first - none, both - first + second - none], axis=-1) / 2


def cooperation(v: np.ndarray) -> np.ndarray:
    """What two modalities give together beyond what each gives alone: v(av) - v(a) - v(v) + v().

    Positive: they complete each other; negative: each suffices. Cost: 4 N passes. Source: SHAPE (arXiv 2205.00302).
    Mind: an outcome near its ceiling reads as negative.

    Returns
    -------
    numpy.ndarray
        (...), from values (..., 4).
    """
    both, first, second, none = np.moveaxis(v, -1, 0)
    return both - first - second + none


def drops(v: np.ndarray) -> np.ndarray:
    """Ablation drop: what is lost with a modality replaced, v(av) - v(v) for audio.

    Positive where the modality is needed beside the other one; both are small where each suffices alone. Cost: 2 N
    passes a base. Mind: zero, and less so the mean, lie where no input ever was; permuted inputs do not.

    Returns
    -------
    numpy.ndarray
        Of the first and the second modality, (..., 2), from values (..., 4).
    """
    both, first, second, _ = np.moveaxis(v, -1, 0)
    return np.stack([both - second, both - first], axis=-1)


def relative_drops(v: np.ndarray) -> np.ndarray:
    """Drops over the whole: [M(av) - M(v)] / M(av) for audio; at most 1, negative where the modality harms.

    With the modality permuted among samples, and a mean over permutations, it is the perceptual score (Gat et al.,
    NeurIPS 2021; cost (1 + 2 K) N passes; mind: donors that share labels dilute it). With the training mean in its
    place it is conditional utilisation (Wu et al., ICML 2022; cost 3 N). NaN where M(av) is 0.

    Returns
    -------
    numpy.ndarray
        Of the first and the second modality, (..., 2), from values (..., 4).
    """
    whole = v[..., :1]
    lost = drops(v)
    return np.divide(lost, whole, out=np.full(lost.shape, np.nan), where=whole != 0)


def balance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(first - second) / (|first| + |second|), in [-1, 1]; positive toward the first modality; NaN where both are 0."""
    total = np.abs(first) + np.abs(second)
    return np.divide(first - second, total, out=np.full(np.shape(total), np.nan), where=total > 0)
