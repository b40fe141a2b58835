"""Predictions for the videos of LLP, and the ground truth against which they are scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mbias.errors import BadInputError
from mbias.llp.annotations import WEAK_FILES, read_truth, read_weak, weak_array
from mbias.terms import SEGMENTS, Modality, Split


@dataclass(frozen=True)
class SplitTruth:
    """The ground truth of a split.

    Parameters
    ----------
    videos
        Names of the videos in the order of the split's file.
    dense
        Dense labels, bool of shape (video, segment, modality, category), audio before visual.
    """

    videos: tuple[str, ...]
    dense: np.ndarray


@dataclass(frozen=True)
class Predictions:
    """Predictions for videos.

    Parameters
    ----------
    p
        Segment probabilities P, or events (bool), of shape (video, segment, modality, category), audio before visual.
    joint
        Video probabilities p_wsl, of shape (video, category), or None.
    modality
        Video probabilities p_a and p_v, of shape (video, modality, category), or None.
    videos
        Names of the videos in the order of the arrays.
    """

    p: np.ndarray
    joint: np.ndarray | None
    modality: np.ndarray | None
    videos: tuple[str, ...]

    def in_order(self, events: np.ndarray, videos: Sequence[str]) -> np.ndarray:
        """Return the events of these predictions in another order of videos.

        Parameters
        ----------
        events
            Events in the order of `Predictions.videos`.
        videos
            Names of the videos in the new order. Videos that are not among them are left out.

        Returns
        -------
        numpy.ndarray
            The events in the order of ``videos``.

        Raises
        ------
        BadInputError
            If a video has no predictions, or has them twice.

        Examples
        --------
        >>> p = np.zeros((2, 10, 2, 25))
        >>> p[1] = 1
        >>> predictions = Predictions(p, None, None, ("a", "b"))
        >>> predictions.in_order(p >= 0.5, ("b", "a")).all(axis=(1, 2, 3)).tolist()
        [True, False]
        """
        indices = {video: index for index, video in enumerate(self.videos)}
        if len(indices) < len(self.videos):
            raise BadInputError("predictions: a video occurs twice; give the predictions of each video once")
        missing = [video for video in videos if video not in indices]
        if missing:
            raise BadInputError(
                f"predictions: none for {missing[0]} and {len(missing) - 1} more of the {len(videos)} videos of the "
                "split; add them"
            )
        return events[[indices[video] for video in videos]]


def everywhere(weak: np.ndarray, segments: int = SEGMENTS) -> np.ndarray:
    """Predict the weak labels of every video in all segments and both modalities.

    The prediction knows which events a video has, but not in which segments and modalities.

    Parameters
    ----------
    weak
        Weak labels, bool of shape (video, category).
    segments
        The number of segments.

    Returns
    -------
    numpy.ndarray
        Events, bool of shape (video, segment, modality, category).

    Examples
    --------
    >>> everywhere(np.array([[True, False]])).sum(axis=(1, 2)).tolist()
    [[20, 0]]
    """
    videos, categories = weak.shape
    return np.broadcast_to(weak[:, None, None], (videos, segments, len(Modality), categories))


def weak_everywhere(directory: Path, split: Split) -> Predictions:
    """Read the weak labels of a split, as predictions in all segments and both modalities.

    Parameters
    ----------
    directory
        Folder of LLP's CSV files.
    split
        The split.

    Returns
    -------
    Predictions
        The events that `everywhere` returns.

    Raises
    ------
    BadInputError
        If the annotation file is missing or wrong.
    """
    rows = read_weak(directory / WEAK_FILES[split])
    return Predictions(everywhere(weak_array(rows)), None, None, tuple(row.video for row in rows))


def split_truth(directory: Path, split: Split) -> SplitTruth:
    """Read the videos of a split and their dense labels.

    Parameters
    ----------
    directory
        Folder of LLP's CSV files.
    split
        The validation or test split.

    Returns
    -------
    SplitTruth
        The ground truth.

    Raises
    ------
    BadInputError
        If the annotation files are missing or wrong.
    """
    videos = tuple(row.video for row in read_weak(directory / WEAK_FILES[split]))
    return SplitTruth(videos, read_truth(directory, videos))
