"""The arrays of a run pooled over segments: p_m, contributions to p_wsl, and mean attention (Eq. 3, 4, 5)."""

from __future__ import annotations

import numpy as np

from mbias.records.run import Run
from mbias.records.summary import aligned
from mbias.stats.units import Rows

SEGMENTED = ("sample", "segment", "modality", "category")
UNSEGMENTED = ("sample", "modality", "category")


def pooled(run: Run, epoch: int | str, *names: str, rows: Rows = slice(None)) -> np.ndarray:
    """The product of a run's arrays, summed over segments with the weights W_tp.

    The result for ``p`` is p_m (Eq. 4, 5); for ``wav`` and ``p`` it is the contribution of modality m to p_wsl
    (Eq. 3). A model without segments has no W_tp, and the result is the product alone.

    Parameters
    ----------
    run
        The run.
    epoch
        As in `Run.commit`.
    *names
        The names of the arrays.
    rows
        Which samples.

    Returns
    -------
    numpy.ndarray
        float64, of shape (sample, modality, category).

    Raises
    ------
    NotApplicableError
        If the epoch lacks one of the arrays or ``wtp``, or an array has other dimensions.
    """
    if "segment" not in run.header.arrays.get(names[0], ()):
        return _product(run, epoch, names, UNSEGMENTED, rows)
    total: np.ndarray = _product(run, epoch, ("wtp", *names), SEGMENTED, rows).sum(axis=1)
    return total


def shares_of(phi: np.ndarray) -> np.ndarray:
    """Each modality's share of p_wsl, phi_m / p_wsl, from contributions phi of shape (sample, modality, category)."""
    shares: np.ndarray = phi / np.maximum(phi.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    return shares


def mean_attention(run: Run, epoch: int | str, rows: Rows = slice(None)) -> np.ndarray:
    """The mean of W_av over segments (and over heads, where there are several).

    Parameters
    ----------
    run
        The run.
    epoch
        As in `Run.commit`.
    rows
        Which samples.

    Returns
    -------
    numpy.ndarray
        float64, of shape (sample, modality, category).

    Raises
    ------
    NotApplicableError
        If the epoch lacks ``wav``.
    """
    values = run.values("wav", epoch, rows=rows)
    wav, _ = aligned(values, run.header.arrays["wav"], None, len(run.header.categories))
    mean: np.ndarray = wav.mean(axis=tuple(range(1, wav.ndim - 2)), dtype=float)
    return mean


def _product(run: Run, epoch: int | str, names: tuple[str, ...], dimensions: tuple[str, ...], rows: Rows) -> np.ndarray:
    first, *others = (run.values(name, epoch, dimensions, rows) for name in names)
    product = first.astype(float)
    for array in others:
        product *= array
    return product
