"""The arrays and the truth of a run in segments: of one sample, or the events of all samples."""

from __future__ import annotations

import numpy as np

from mbias.analysis.per_run.pooling import SEGMENTED
from mbias.errors import NotApplicableError
from mbias.records.run import Run
from mbias.records.summary import aligned
from mbias.scores.f_scores import predictions


def of_sample(run: Run, name: str, epoch: int | str, index: int) -> np.ndarray | None:
    """An array of one sample, (segment, modality, category), with one segment where the array has no segments."""
    dimensions = run.header.arrays.get(name, ())
    if name not in run.commit(epoch).arrays or "modality" not in dimensions:
        return None
    values, _ = aligned(
        run.values(name, epoch)[index : index + 1].astype(float), dimensions, None, len(run.header.categories)
    )
    kept = 3 if "segment" in dimensions else 2
    mean: np.ndarray = values[0].mean(axis=tuple(range(values.ndim - 1 - kept)))
    return mean if kept == 3 else mean[None]


def truth_of(run: Run, index: int) -> np.ndarray | None:
    """The truth of one sample, (segment, modality, category); None where a modality has none in segments."""
    dense = [run.truth.get(modality) for modality in run.header.modalities]
    if any(array is None or array.ndim != 3 for array in dense):
        return None
    return np.stack([array[index] for array in dense if array is not None], axis=1)


def events_of(run: Run, epoch: int | str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, predicted events and W_av of all samples, (sample, segment, modality, category).

    Raises
    ------
    NotApplicableError
        If the epoch lacks one of them in segments.
    """
    p, wav = (run.values(name, epoch, SEGMENTED) for name in ("p", "wav"))
    joint = run.values("p_joint", epoch, ("sample", "category"))
    dense = [run.truth.get(modality) for modality in run.header.modalities]
    if any(array is None or array.shape != p[:, :, 0].shape for array in dense):
        raise NotApplicableError(f"{run.path}: the truth of segments is not recorded by modality; record it")
    return np.stack([array for array in dense if array is not None], axis=2), predictions(p, joint), wav
