"""Does one seed behave unlike the others?"""

from __future__ import annotations

import numpy as np
from scipy import special

ALPHA = 0.05
"""The level of the test whether a seed is what the others lead to expect."""


def stands_apart(balances: np.ndarray, margin: float, alone: float) -> int | None:
    """The position of the seed that stands apart, or None; see `mbias.analysis.measures.verdict`.

    Parameters
    ----------
    balances
        The balance of each seed.
    margin, alone
        A balance this close to 0 counts as balanced; a share below this counts as none.

    Examples
    --------
    >>> import numpy as np
    >>> stands_apart(np.array([0.1, 0.0, -0.1, 0.05, 0.9]), 0.2, 0.05)
    4
    >>> stands_apart(np.array([0.1, 0.0, -0.1, 0.05, 0.2]), 0.2, 0.05)
    """
    number = len(balances)
    if number < 3 or np.isnan(balances).any():
        return None
    for toward in (1, -1):
        extreme = np.flatnonzero(toward * balances >= 1 - 2 * alone)
        if len(extreme) == 1:
            index = int(extreme[0])
            if abs(balances[index] - np.delete(balances, index).mean()) > 2 * margin:
                return index
    if number < 4:
        return None
    found = None
    smallest = ALPHA
    for index, value in enumerate(balances):
        others = np.delete(balances, index)
        distance = abs(value - others.mean())
        deviation = others.std(ddof=1) * np.sqrt(1 + 1 / (number - 1))
        t = distance / deviation if deviation > 0 else np.inf
        p = min(2 * number * float(special.stdtr(number - 2, -t)), 1.0)
        if distance > margin and p <= smallest:
            found, smallest = index, p
    return found
