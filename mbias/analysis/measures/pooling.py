"""What arrays of a run come to once pooled over segments (Eq. 3, 4, 5)."""

from __future__ import annotations

import numpy as np

from mbias.records.run import Run

SEGMENTED = ("sample", "segment", "modality", "category")
UNSEGMENTED = ("sample", "modality", "category")


def pooled(run: Run, epoch: int | str, *names: str) -> np.ndarray:
    """The product of a run's arrays, summed over segments with the weights W_tp; of a model without any, the product.

    Of ``p`` it is p_m (Eq. 4, 5), of ``wav`` and ``p`` what modality m adds to p_wsl (Eq. 3).

    Returns
    -------
    numpy.ndarray
        float64, of shape (sample, modality, category).

    Raises
    ------
    BadInputError
        If that epoch lacks one of the arrays, or ``wtp``, or one has dimensions beside these and segments.
    """
    if "segment" not in run.header.arrays.get(names[0], ()):
        return _product(run, epoch, names, UNSEGMENTED)
    return _product(run, epoch, ("wtp", *names), SEGMENTED).sum(axis=1)


def _product(run: Run, epoch: int | str, names: tuple[str, ...], dimensions: tuple[str, ...]) -> np.ndarray:
    first, *others = (run.values(name, epoch, dimensions) for name in names)
    product = first.astype(float)
    for array in others:
        product *= array
    return product
