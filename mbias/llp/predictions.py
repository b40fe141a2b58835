"""Predictions for LLP's videos, and the truth they are scored against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mbias.errors import BadInputError
from mbias.llp.annotations import WEAK_FILES, read_truth, read_weak
from mbias.terms import Split


@dataclass(frozen=True)
class SplitTruth:
    """Names of a split's videos, in the order of its file, and bool (video, segment, modality, category)."""

    videos: tuple[str, ...]
    dense: np.ndarray


@dataclass(frozen=True)
class Predictions:
    """Predictions for videos.

    Parameters
    ----------
    p
        Probabilities, or events (bool), of shape (video, segment, modality, category), audio first.
    joint, modality
        Probabilities of videos, of shape (video, category) and (video, modality, category), where known.
    videos
        Their names, in the order of the arrays.
    """

    p: np.ndarray
    joint: np.ndarray | None
    modality: np.ndarray | None
    videos: tuple[str, ...]

    def in_order(self, events: np.ndarray, videos: Sequence[str]) -> np.ndarray:
        """Events of these predictions in the order of ``videos``.

        Raises
        ------
        BadInputError
            If a video has no predictions, or has them twice.
        """
        places = {video: place for place, video in enumerate(self.videos)}
        if len(places) < len(self.videos):
            raise BadInputError("predictions: a video has them twice; give each once")
        lost = [video for video in videos if video not in places]
        if lost:
            raise BadInputError(
                f"predictions: none for {lost[0]}, and {len(lost) - 1} more of {len(videos)} videos of the split"
            )
        return events[[places[video] for video in videos]]


def split_truth(directory: Path, split: Split) -> SplitTruth:
    """The videos of a split, and their dense labels.

    Raises
    ------
    BadInputError
        If the annotation files are missing or wrong.
    """
    videos = tuple(row.video for row in read_weak(directory / WEAK_FILES[split]))
    return SplitTruth(videos, read_truth(directory, videos))
