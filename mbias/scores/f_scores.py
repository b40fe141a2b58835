"""F-scores of audio-visual video parsing, for all videos at once (section 5.2).

The rule is the original evaluation's. For each video and category, right and wrong segments (or events) are counted;
F = 2 TP / (2 TP + FP + FN); the mean over the categories active in prediction or truth is the video's score, 1 where
none is; the mean over videos is the data set's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mbias.terms import Level, Metric

LEVELS = tuple(Level)
METRICS = tuple(Metric)


class Counts(NamedTuple):
    """Right and wrong ones, arrays of one shape."""

    tp: np.ndarray
    fp: np.ndarray
    fn: np.ndarray

    def __add__(self, other: tuple) -> Counts:  # counts add up, they do not concatenate
        return Counts(*(mine + its for mine, its in zip(self, other, strict=True)))


def predictions(p: np.ndarray, p_joint: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """Predicted events by the original's rule: P >= threshold where also p_wsl >= threshold.

    Parameters
    ----------
    p
        Probabilities P of shape (video, segment, modality, category).
    p_joint
        Video-level probabilities p_wsl of shape (video, category).

    Returns
    -------
    numpy.ndarray
        bool, of the shape of ``p``.
    """
    return (p >= threshold) & (p_joint >= threshold)[:, None, None, :]


def f_scores(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """F-scores of every video.

    Parameters
    ----------
    predicted, truth
        bool, of shape (video, segment, modality, category), audio before visual.

    Returns
    -------
    numpy.ndarray
        In [0, 1], of shape (video, level, metric) in the order of `LEVELS` and `METRICS`; its mean over videos is
        the score of the data set.
    """
    video, category = _active(predicted, truth)
    mine, its = (_streams(array[video, :, :, category]) for array in (predicted, truth))
    scores = np.empty((len(predicted), len(LEVELS), len(METRICS)))
    for level, count in enumerate((segment_counts, event_counts)):
        audio, visual, both = (Counts(*stream) for stream in np.reshape(count(mine, its), (3, 3, -1)).swapaxes(0, 1))
        f = [_score(counts, video, len(predicted)) for counts in (audio, visual, both, audio + visual)]
        scores[:, level] = np.stack([*f[:3], np.mean(f[:3], axis=0), f[3]], axis=1)
    return scores


def _active(predicted: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The videos and categories in which something is predicted or true: few, and all there is to count."""
    videos, _, _, categories = predicted.shape
    video, within = np.divmod(np.flatnonzero(predicted | truth), int(np.prod(predicted.shape[1:])))
    active = np.zeros((videos, categories), dtype=bool)
    active[video, within % categories] = True
    return np.nonzero(active)  # type: ignore[return-value]  # a tuple of as many arrays as dimensions


def _streams(rows: np.ndarray) -> np.ndarray:
    """Audio, then visual, then audio-visual events, (3 * row, segment), from rows of (segment, modality)."""
    return np.concatenate([rows[:, :, 0], rows[:, :, 1], rows.all(axis=2)])


def as_table(scores: np.ndarray) -> dict[str, dict[str, float]]:
    """Mean over videos of `f_scores`, by level and metric."""
    mean = scores.mean(axis=0)
    return {level: {metric: float(mean[i, j]) for j, metric in enumerate(METRICS)} for i, level in enumerate(LEVELS)}


def segment_counts(predicted: np.ndarray, truth: np.ndarray) -> Counts:
    """Counts of segments in every row, from bool arrays of shape (row, segment)."""
    tp = (predicted & truth).sum(axis=1)
    return Counts(tp, predicted.sum(axis=1) - tp, truth.sum(axis=1) - tp)


def event_counts(predicted: np.ndarray, truth: np.ndarray) -> Counts:
    """Counts of events in every row, from bool arrays of shape (row, segment).

    An event is a run of segments. A predicted event is right if some true event of its row overlaps it with an
    intersection over union of 0.5 or more; a true event that no predicted one overlaps so is missed.
    """
    mine, its = _events(predicted), _events(truth)
    right, found = _overlapped(mine, its), _overlapped(its, mine)

    def total(rows: np.ndarray) -> np.ndarray:
        return np.bincount(rows, minlength=len(predicted))

    return Counts(total(mine.row[right]), total(mine.row[~right]), total(its.row[~found]))


class _Events(NamedTuple):
    """Runs of segments: the row each is in, its first segment, and the one behind its last."""

    row: np.ndarray
    onset: np.ndarray
    offset: np.ndarray


def _events(active: np.ndarray) -> _Events:
    padded = np.zeros((active.shape[0], active.shape[1] + 2), dtype=bool)
    padded[:, 1:-1] = active
    # Between rows lies a pause, so over the flattened rows changes alternate: onset, offset, onset, ...
    changes = np.flatnonzero(padded.ravel()[1:] != padded.ravel()[:-1])
    row, segment = np.divmod(changes, padded.shape[1])
    return _Events(row[::2], segment[::2], segment[1::2])


def _overlapped(events: _Events, others: _Events) -> np.ndarray:
    """Whether some of the others, in an event's row, overlaps it with an intersection over union of 0.5 or more."""
    first = np.searchsorted(others.row, events.row, side="left")
    many = np.searchsorted(others.row, events.row, side="right") - first
    overlapped = np.zeros(len(events.row), dtype=bool)
    for nth in range(many.max(initial=0)):
        here = np.flatnonzero(many > nth)
        other = first[here] + nth
        shared = np.minimum(events.offset[here], others.offset[other])
        shared = shared - np.maximum(events.onset[here], others.onset[other])
        covered = events.offset[here] - events.onset[here] + others.offset[other] - others.onset[other]
        # Touching or apart, shared is not above 0; else IoU >= 0.5, in whole numbers.
        overlapped[here] |= (shared > 0) & (2 * shared >= covered - shared)
    return overlapped


def _score(counts: Counts, video: np.ndarray, videos: int) -> np.ndarray:
    """Mean F of every video over its active categories, from counts of rows and the videos they are of."""
    total = 2 * counts.tp + counts.fp + counts.fn
    active = total > 0
    categories = np.bincount(video[active], minlength=videos)
    f = np.bincount(video[active], weights=2 * counts.tp[active] / total[active], minlength=videos)
    return np.divide(f, categories, out=np.ones(videos), where=categories > 0)
