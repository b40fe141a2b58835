"""The weight of one of two modalities that minimises L_wsl of Eq. 6: plain arithmetic, no records."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mbias.stats.intervals import t_quantile

_LEAST = 1e-7
_HALVINGS = 30


def best_weight(first: np.ndarray, second: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The weight W of the first modality that minimises the mean cross-entropy of W p_1 + (1 - W) p_2 (Eq. 6).

    The loss is convex in W, being minus the logarithm of an affine function, so that bisection finds the zero of its
    slope. For a single sample there is a closed form: where the label is present, W = 1 if p_1 > p_2; where it is
    absent, W = 1 if p_1 < p_2; and any W is optimal if the two are equal.

    Parameters
    ----------
    first, second
        The probabilities p_1 and p_2, of shape (sample, ...).
    labels
        bool, of the same shape.

    Returns
    -------
    numpy.ndarray
        One weight for all samples, in [0, 1], of shape (...); 1/2 where all weights give the same loss.

    Examples
    --------
    >>> import numpy as np
    >>> from mbias.analysis.per_run.best_weight import best_weight
    >>> p_a, p_v, labels = np.array([0.9, 0.2]), np.array([0.6, 0.3]), np.array([True, False])
    >>> float(round(best_weight(p_a, p_v, labels), 3))
    1.0
    """
    return _crossing(lambda weight: _slopes(weight, first, second, labels).mean(axis=0), first.shape[1:])


def best_weight_interval(first: np.ndarray, second: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """A 95 % interval for `best_weight`, over samples.

    The interval inverts a test (Rao's score test): it holds the weights at which the mean slope of the loss does not
    differ from zero by Student's test over samples. Like the best weight itself, it can end at 0 or 1, where that
    weight has no standard error.

    Parameters
    ----------
    first, second, labels
        As for `best_weight`.

    Returns
    -------
    numpy.ndarray
        The low and the high end, of shape (2, ...).
    """
    samples = len(first)
    t = t_quantile(max(samples - 1, 1)) / np.sqrt(samples)

    def bound(sign: int) -> np.ndarray:
        def slope(weight: np.ndarray) -> np.ndarray:
            each = _slopes(weight, first, second, labels)
            return np.asarray(each.mean(axis=0) + sign * t * each.std(axis=0))

        return _crossing(slope, first.shape[1:])

    return np.stack([bound(1), bound(-1)])


def joint_loss(weight: np.ndarray, first: np.ndarray, second: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean cross-entropy of W p_1 + (1 - W) p_2 over the first axis, in nats."""
    p = np.clip(weight * first + (1 - weight) * second, _LEAST, 1 - _LEAST)
    loss: np.ndarray = -np.where(labels, np.log(p), np.log1p(-p)).mean(axis=0)
    return loss


def _slopes(weight: np.ndarray, first: np.ndarray, second: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The slope of each sample's cross-entropy over the weight."""
    p = np.clip(weight * first + (1 - weight) * second, _LEAST, 1 - _LEAST)
    slopes: np.ndarray = (first - second) / np.where(labels, -p, 1 - p)
    return slopes


def _crossing(slope: Callable[[np.ndarray], np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """Where in [0, 1] a rising slope crosses 0, by bisection, or otherwise the nearer end; 1/2 where it is 0."""
    low, high = np.where(slope(np.ones(shape)) < 0, 1.0, 0.0), np.where(slope(np.zeros(shape)) > 0, 0.0, 1.0)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        slopes = slope(middle)
        low, high = np.where(slopes <= 0, middle, low), np.where(slopes >= 0, middle, high)
    return (low + high) / 2
