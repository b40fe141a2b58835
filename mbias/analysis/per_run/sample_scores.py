"""The F-scores of every sample of a run."""

from __future__ import annotations

import numpy as np

from mbias.analysis.per_run.pooling import SEGMENTED
from mbias.errors import NotApplicableError
from mbias.records.run import Run
from mbias.scores.f_scores import f_scores, predictions


def sample_scores(run: Run, epoch: int | str = "best") -> np.ndarray:
    """F-scores of every sample of a run, in [0, 1].

    Returns
    -------
    numpy.ndarray
        Shape (sample, level, metric), in the order of `mbias.scores.f_scores.LEVELS` and
        `mbias.scores.f_scores.METRICS`.

    Raises
    ------
    NotApplicableError
        If the epoch lacks ``p`` or ``p_joint``, or there are not two modalities with truth in the same segments.
    """
    p, joint = run.values("p", epoch, SEGMENTED), run.values("p_joint", epoch, ("sample", "category"))
    modalities = run.header.modalities
    events = [run.truth[modality] for modality in modalities if modality in run.truth]
    if len(modalities) != 2 or [array.shape for array in events] != 2 * [p[:, :, 0].shape]:
        raise NotApplicableError(
            f"{run.path}: F-scores do not apply; they need the truth of two modalities, in the segments of 'p'"
        )
    return f_scores(predictions(p, joint), np.stack(events, axis=2))
