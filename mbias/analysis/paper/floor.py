"""The floor that label smoothing puts under a loss, and the delta that a floor implies."""

from __future__ import annotations

import math

from scipy import optimize


def floor(delta: float) -> float:
    """The smallest value that the cross-entropy with smoothed labels can have, for K = 2: the entropy of these labels.

    A label y becomes (1 - delta) y + delta / 2, which is 1 - delta / 2 where y = 1 and delta / 2 where y = 0. Both have
    the same entropy, so the floor is the same whatever the labels are. For another K, the two differ, and the floor
    depends on the share of labels that are present.

    Parameters
    ----------
    delta
        The confidence parameter, in [0, 1).

    Returns
    -------
    float
        The floor in nats, in [0, ln 2).

    Examples
    --------
    >>> round(floor(0.1), 4), round(floor(0.2), 4)
    (0.1985, 0.3251)
    """
    low, high = delta / 2, 1 - delta / 2
    return -low * math.log(low) - high * math.log(high) if low > 0 else 0.0


def implied_delta(mse: float) -> float:
    """The delta whose floor, squared, is a mean squared difference MSE_wsl,m (K = 2).

    L_m - L_wsl is the floor of L_m, plus the excess of L_m over it, minus L_wsl, of which the labels are not smoothed
    and the floor is 0. Where the network fits its labels, so that excess and L_wsl are both small, the MSE is the
    squared floor, and the implied delta is the one that was trained with. It is an upper bound of that delta if, at
    every epoch, L_wsl is at most the excess; and a lower bound if L_wsl is at least the excess and at most L_m. It does
    not apply to a modality whose labels are not smoothed, and which has no floor.

    Parameters
    ----------
    mse
        The MSE of the loss of a modality whose labels are smoothed, in nats squared.

    Returns
    -------
    float
        The delta, in [0, 1); NaN if the MSE is unknown or at least (ln 2)^2, which is above every floor.

    Examples
    --------
    >>> round(implied_delta(0.104), 3)
    0.198
    """
    root = math.sqrt(mse) if mse >= 0 else math.nan
    if not root < math.log(2):
        return math.nan
    return float(optimize.brentq(lambda delta: floor(delta) - root, 0.0, 1.0, xtol=1e-15))
