"""From the values of the four coalitions of two modalities to numbers by modality: plain arithmetic, no records.

v(av), v(a), v(v) and v() are the values of an outcome with both modalities, with audio only (visual replaced), with
visual only, and with neither. Arrays hold them on the last axis in that order, (..., 4).
"""

from __future__ import annotations

import numpy as np


def shapley(v: np.ndarray) -> np.ndarray:
    """Shapley values of two modalities.

    S_a = 1/2 [v(av) - v(v) + v(a) - v()], and S_v accordingly. Range: that of the outcome's differences; positive
    where the modality adds to the outcome. Exact: S_a + S_v = v(av) - v(), and S_a - S_v = v(a) - v(v). Cost: 4 N
    passes. Source: Shapley 1953; SHAPE (arXiv 2205.00302). Note: the value depends on the baseline that replaces a
    modality.

    Parameters
    ----------
    v
        Values of the coalitions, (..., 4).

    Returns
    -------
    numpy.ndarray
        The values of the first and the second modality, (..., 2).

    Examples
    --------
    >>> import numpy as np
    >>> shapley(np.array([0.9, 0.8, 0.3, 0.2]))
    array([0.6, 0.1])
    """
    both, first, second, none = np.moveaxis(v, -1, 0)
    return np.stack([both - second + first - none, both - first + second - none], axis=-1) / 2


def cooperation(v: np.ndarray) -> np.ndarray:
    """What two modalities give together beyond what each gives alone: v(av) - v(a) - v(v) + v().

    Positive: the modalities complement each other; negative: each one suffices. Cost: 4 N passes. Source: SHAPE
    (arXiv 2205.00302). Note: an outcome near its ceiling reads as negative.

    Parameters
    ----------
    v
        Values of the coalitions, (..., 4).

    Returns
    -------
    numpy.ndarray
        Shape (...).

    Examples
    --------
    >>> import numpy as np
    >>> float(cooperation(np.array([1.0, 0.0, 0.0, 0.0])))
    1.0
    """
    both, first, second, none = np.moveaxis(v, -1, 0)
    joint: np.ndarray = both - first - second + none
    return joint


def drops(v: np.ndarray) -> np.ndarray:
    """Ablation drop: what is lost when a modality is replaced, v(av) - v(v) for audio.

    Positive where the modality is needed in addition to the other one; both drops are small where each modality
    suffices. Cost: 2 N passes per baseline. Note: zeros, and to a lesser degree the mean, lie where no input ever was;
    permuted inputs do not.

    Parameters
    ----------
    v
        Values of the coalitions, (..., 4).

    Returns
    -------
    numpy.ndarray
        The drops of the first and the second modality, (..., 2).

    Examples
    --------
    >>> import numpy as np
    >>> drops(np.array([0.9, 0.8, 0.3, 0.2]))
    array([0.6, 0.1])
    """
    both, first, second, _ = np.moveaxis(v, -1, 0)
    return np.stack([both - second, both - first], axis=-1)


def relative_drops(v: np.ndarray) -> np.ndarray:
    """Drops relative to the whole: [M(av) - M(v)] / M(av) for audio; at most 1, negative where the modality harms.

    With the modality permuted among samples, and averaged over permutations, this is the perceptual score (Gat et al.,
    NeurIPS 2021; cost (1 + 2 K) N passes; note: donors that share labels dilute it). With the training mean in its
    place it is in the manner of conditional utilisation (Wu et al., ICML 2022, whose code averages the maps of a fusion
    module and scores one branch; cost 3 N passes).

    Parameters
    ----------
    v
        Values of the coalitions, (..., 4).

    Returns
    -------
    numpy.ndarray
        The relative drops of the first and the second modality, (..., 2); NaN where M(av) is 0.

    Examples
    --------
    >>> import numpy as np
    >>> relative_drops(np.array([0.8, 0.8, 0.2, 0.2]))
    array([0.75, 0.  ])
    """
    whole = v[..., :1]
    lost = drops(v)
    relative: np.ndarray = np.divide(lost, whole, out=np.full(lost.shape, np.nan), where=whole != 0)
    return relative


def balance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The balance of two numbers: (first - second) / (|first| + |second|), in [-1, 1].

    Positive where the first modality has the larger number; NaN where both are 0.

    Examples
    --------
    >>> import numpy as np
    >>> balance(np.array([3.0, 0.0]), np.array([1.0, 2.0]))
    array([ 0.5, -1. ])
    """
    total = np.abs(first) + np.abs(second)
    balances: np.ndarray = np.divide(first - second, total, out=np.full(np.shape(total), np.nan), where=total > 0)
    return balances
