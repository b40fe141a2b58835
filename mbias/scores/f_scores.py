"""F-scores of audio-visual video parsing, vectorised over videos (section 5.2 of the paper).

The definition is that of the original HAN evaluation. True positives, false positives and false negatives are counted
in segments (or events) for each video and category, and F = 2 TP / (2 TP + FP + FN). The score of a video is the mean
F over the categories that are active in the prediction or the truth, or 1 if no category is active. The score of a
data set is the mean over its videos.

Ao and Vo are the F-scores of audio-only and visual-only events (Sardari et al., ECCV 2024, CoLeaF), which show the
modality bias of the output itself. A segment is audio-only in a category if the category is present in its audio and
not in its picture: y_ao = y_a (1 - y_v), for the prediction and for the truth alike; visual-only accordingly. At the
event level, runs of such segments are the events. A model that predicts what is only heard as seen too keeps its audio
score, and loses Ao. CoLeaF's formula is for the prediction. That the truth is treated alike, and that a video counts 1
if it has no such event in the prediction and in the truth, is taken from the other F-scores. A prediction that is the
same in both modalities has no such event, so that its Ao is the share of videos that truly have none: read Ao and Vo
against those of `mbias.llp.predictions.everywhere`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from mbias.terms import Level, Metric

LEVELS = tuple(Level)
METRICS = tuple(Metric)

PAPER_METRICS = METRICS[: METRICS.index(Metric.AUDIO_ONLY)]
"""The metrics of the paper. A run records these after every epoch; the others follow from its recorded outputs."""


class Counts(NamedTuple):
    """True positives, false positives and false negatives: arrays of the same shape."""

    tp: np.ndarray
    fp: np.ndarray
    fn: np.ndarray

    def __add__(self, second: tuple[Any, ...]) -> Counts:  # element-wise sum, not the concatenation of a tuple
        return Counts(*(a + b for a, b in zip(self, second, strict=True)))


def predictions(p: np.ndarray, p_joint: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """Return the events that the original rule predicts: P >= threshold and p_wsl >= threshold.

    Parameters
    ----------
    p
        Probabilities P, of shape (video, segment, modality, category).
    p_joint
        Video-level probabilities p_wsl, of shape (video, category).
    threshold
        The threshold of both probabilities.

    Returns
    -------
    numpy.ndarray
        bool, of the shape of ``p``.

    Examples
    --------
    Three categories. The second fails at the segment level, the third at the video level.

    >>> p = np.array([0.5, 0.4, 0.9]).reshape(1, 1, 1, 3)
    >>> predictions(p, np.array([[0.5, 0.9, 0.4]])).ravel().tolist()
    [True, False, False]
    """
    return (p >= threshold) & (p_joint >= threshold)[:, None, None, :]


def f_scores(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the F-scores of every video.

    Parameters
    ----------
    predicted, truth
        Events, bool of shape (video, segment, modality, category), audio before visual.

    Returns
    -------
    numpy.ndarray
        Scores in [0, 1], of shape (video, level, metric) in the order of `LEVELS` and `METRICS`. The mean over videos
        is the score of the data set.

    Examples
    --------
    One video of ten segments with one category, heard in segments 0 to 2 but predicted in segments 0 to 5.

    >>> predicted, truth = np.zeros((2, 1, 10, 2, 1), dtype=bool)
    >>> predicted[0, 0:6, 0] = True
    >>> truth[0, 0:3, 0] = True
    >>> scores = f_scores(predicted, truth)
    >>> scores.shape
    (1, 2, 7)
    >>> round(float(scores[0, LEVELS.index("segment"), METRICS.index("audio")]), 3)
    0.667
    >>> float(scores[0, LEVELS.index("event"), METRICS.index("audio")])
    1.0
    """
    video, category = _active(predicted, truth)
    predicted_rows, true_rows = (_streams(array[video, :, :, category]) for array in (predicted, truth))
    scores = np.empty((len(predicted), len(LEVELS), len(METRICS)))
    for level, count in enumerate((segment_counts, event_counts)):
        counted = np.reshape(count(predicted_rows, true_rows), (3, 5, -1)).swapaxes(0, 1)
        audio, visual, *others = (Counts(*stream) for stream in counted)
        f = [_score(counts, video, len(predicted)) for counts in (audio, visual, *others, audio + visual)]
        parts, alone, pooled = f[:3], f[3:5], f[5]
        scores[:, level] = np.stack([*parts, np.mean(parts, axis=0), pooled, *alone], axis=1)
    return scores


def _active(predicted: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the (video, category) pairs with a predicted or true segment. All other pairs need no counting."""
    videos, _, _, categories = predicted.shape
    video, within = np.divmod(np.flatnonzero(predicted | truth), int(np.prod(predicted.shape[1:])))
    active = np.zeros((videos, categories), dtype=bool)
    active[video, within % categories] = True
    return np.nonzero(active)  # type: ignore[return-value]  # a tuple of as many arrays as dimensions


def _streams(rows: np.ndarray) -> np.ndarray:
    """Stack audio, visual, audio-visual, audio-only and visual-only events, (5 * row, segment).

    The rows are of (segment, modality).
    """
    audio, visual = rows[:, :, 0], rows[:, :, 1]
    return np.concatenate([audio, visual, audio & visual, audio & ~visual, visual & ~audio])


def as_table(scores: np.ndarray, metrics: Sequence[Metric] = METRICS) -> dict[str, dict[str, float]]:
    """Return the mean of `f_scores` over videos, by level and metric.

    Parameters
    ----------
    scores
        Scores of shape (video, level, metric), as `f_scores` returns them.
    metrics
        The metrics of the table.

    Returns
    -------
    dict
        ``table[level][metric]``, in [0, 1].

    Examples
    --------
    >>> nothing = np.zeros((1, 10, 2, 25), dtype=bool)
    >>> as_table(f_scores(nothing, nothing))["segment"]["type_average"]
    1.0
    """
    mean = scores.mean(axis=0)
    return {
        level: {metric: float(mean[i, METRICS.index(metric)]) for metric in metrics} for i, level in enumerate(LEVELS)
    }


def segment_counts(predicted: np.ndarray, truth: np.ndarray) -> Counts:
    """Count right and wrong segments in every row.

    Parameters
    ----------
    predicted, truth
        bool, of shape (row, segment).

    Returns
    -------
    Counts
        Arrays of shape (row,).

    Examples
    --------
    >>> predicted, truth = np.array([[True, True, False]]), np.array([[False, True, True]])
    >>> [count.tolist() for count in segment_counts(predicted, truth)]
    [[1], [1], [1]]
    """
    tp = (predicted & truth).sum(axis=1)
    return Counts(tp, predicted.sum(axis=1) - tp, truth.sum(axis=1) - tp)


def event_counts(predicted: np.ndarray, truth: np.ndarray) -> Counts:
    """Count right and wrong events in every row.

    An event is a run of consecutive segments. A predicted event is a true positive if a true event of its row overlaps
    it with an intersection over union of at least 0.5. A true event that no predicted event overlaps in this way is a
    false negative.

    Parameters
    ----------
    predicted, truth
        bool, of shape (row, segment).

    Returns
    -------
    Counts
        Arrays of shape (row,).

    Examples
    --------
    >>> predicted = np.array([[True, True, False, False, True]])
    >>> truth = np.array([[True, False, False, False, False]])
    >>> [count.tolist() for count in event_counts(predicted, truth)]
    [[1], [1], [0]]
    """
    predicted_events, true_events = _events(predicted), _events(truth)
    right, detected = _overlapped(predicted_events, true_events), _overlapped(true_events, predicted_events)

    def total(rows: np.ndarray) -> np.ndarray:
        return np.bincount(rows, minlength=len(predicted))

    return Counts(
        total(predicted_events.row[right]), total(predicted_events.row[~right]), total(true_events.row[~detected])
    )


class _Events(NamedTuple):
    """Runs of segments: the row, the first segment and the segment after the last of each."""

    row: np.ndarray
    onset: np.ndarray
    offset: np.ndarray


def _events(active: np.ndarray) -> _Events:
    padded = np.zeros((active.shape[0], active.shape[1] + 2), dtype=bool)
    padded[:, 1:-1] = active
    # The padding separates the rows, so the changes over the flattened rows alternate: onset, offset, onset, ...
    changes = np.flatnonzero(padded.ravel()[1:] != padded.ravel()[:-1])
    row, segment = np.divmod(changes, padded.shape[1])
    return _Events(row[::2], segment[::2], segment[1::2])


def _overlapped(events: _Events, candidates: _Events) -> np.ndarray:
    """Whether a candidate in the row of each event overlaps it with an intersection over union of at least 0.5."""
    start = np.searchsorted(candidates.row, events.row, side="left")
    many = np.searchsorted(candidates.row, events.row, side="right") - start
    overlapped = np.zeros(len(events.row), dtype=bool)
    for nth in range(many.max(initial=0)):
        here = np.flatnonzero(many > nth)
        candidate = start[here] + nth
        shared = np.minimum(events.offset[here], candidates.offset[candidate])
        shared = shared - np.maximum(events.onset[here], candidates.onset[candidate])
        covered = events.offset[here] - events.onset[here] + candidates.offset[candidate] - candidates.onset[candidate]
        # shared > 0 excludes events that touch or are disjoint. The second condition is IoU >= 0.5 in integers.
        overlapped[here] |= (shared > 0) & (2 * shared >= covered - shared)
    return overlapped


def _score(counts: Counts, video: np.ndarray, videos: int) -> np.ndarray:
    """Return the mean F over the active categories of every video; ``video`` is the video of each row of counts."""
    total = 2 * counts.tp + counts.fp + counts.fn
    active = total > 0
    categories = np.bincount(video[active], minlength=videos)
    f = np.bincount(video[active], weights=2 * counts.tp[active] / total[active], minlength=videos)
    return np.divide(f, categories, out=np.ones(videos), where=categories > 0)
