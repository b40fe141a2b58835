"""The ground truth that is planted in each split of simulated LLP: labels, carrying modalities, times, strengths."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mbias.errors import BadInputError
from mbias.llp.annotations import WEAK_FILES, read_truth, read_weak
from mbias.llp.event_sampler import Planter
from mbias.llp.signals import Signals
from mbias.terms import CATEGORIES, SEGMENTS, Split

PLANT, FEATURES, FRAMES = range(3)
"""The parts of a video. Each is drawn from its own generator."""


@dataclass(frozen=True)
class Source:
    """A split of real annotations for which features are simulated.

    Parameters
    ----------
    videos
        The names of the videos.
    labels
        The weak labels of each video.
    truth
        Dense labels, bool of shape (video, segment, modality, category). None for the training split.
    """

    videos: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    truth: np.ndarray | None


@dataclass(frozen=True)
class Planted:
    """The videos, labels and planted events of a split, before features are simulated.

    Parameters
    ----------
    videos
        The names of the videos.
    labels
        The weak labels of each video.
    presence
        Where events are, bool of shape (video, segment, modality, category).
    strengths
        The strengths of the sounds and looks, float32 of shape (video, modality, category). They are 0 where a category
        has no signal in a modality.
    signal
        Where sounds and looks are in the features, of the shape of ``presence``: wherever events are, and where the
        knob ``gaps`` puts some beyond them.
    """

    videos: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    presence: np.ndarray
    strengths: np.ndarray
    signal: np.ndarray


def read_source(directory: Path, split: Split, size: int | None) -> Source:
    """Read the first videos of a split of real annotations.

    Parameters
    ----------
    directory
        A directory with the annotation files.
    split
        The split to read.
    size
        The number of videos. None reads all.

    Returns
    -------
    Source

    Raises
    ------
    BadInputError
        If a file is unreadable or has fewer videos.
    """
    path = directory / WEAK_FILES[split]
    rows = read_weak(path)
    if size is not None and size > len(rows):
        raise BadInputError(
            f"{path}: {len(rows)} videos, fewer than the {size} requested; request fewer with --{split}"
        )
    videos = tuple(row.video for row in rows[:size])
    truth = None if split == Split.TRAIN else read_truth(directory, videos)
    return Source(videos, tuple(row.labels for row in rows[:size]), truth)


def plant_split(size: int, split: Split, seed: int, planter: Planter, signals: Signals) -> Planted:
    """Draw the labels and the planted events of a split.

    Parameters
    ----------
    size
        The number of videos.
    split
        The split.
    seed
        The seed of the data set.
    planter, signals
        The samplers of events and of strengths.

    Returns
    -------
    Planted
    """
    signal = np.zeros((size, SEGMENTS, 2, len(CATEGORIES)), bool)
    labels, presence, strengths = [], np.zeros((size, SEGMENTS, 2, len(CATEGORIES)), bool), []
    for index in range(size):
        rng = generator(seed, split, index, PLANT)
        drawn = planter.labels(rng)
        labels.append(tuple(CATEGORIES[category] for category in drawn))
        presence[index] = planter.presence(drawn, rng)
        strengths.append(signals.strengths(rng))
        signal[index] = planter.signal(presence[index], rng)
    videos = tuple(video_name(seed, split, index) for index in range(size))
    return Planted(videos, tuple(labels), presence, _where_present(strengths, signal), signal)


def plant_source(source: Source, split: Split, seed: int, planter: Planter, signals: Signals) -> Planted:
    """Plant events for a split of real annotations.

    The dense labels are the planted events. Without dense labels, events are drawn for the weak labels.

    Parameters
    ----------
    source
        The annotations.
    split
        The split.
    seed
        The seed of the data set.
    planter, signals
        The samplers of events and of strengths.

    Returns
    -------
    Planted
    """
    size = len(source.videos)
    signal = np.zeros((size, SEGMENTS, 2, len(CATEGORIES)), bool)
    presence, strengths = np.zeros((size, SEGMENTS, 2, len(CATEGORIES)), bool), []
    for index, labels in enumerate(source.labels):
        rng = generator(seed, split, index, PLANT)
        if source.truth is None:
            presence[index] = planter.presence([CATEGORIES.index(label) for label in dict.fromkeys(labels)], rng)
        else:
            presence[index] = source.truth[index]
        strengths.append(signals.strengths(rng))
        signal[index] = planter.signal(presence[index], rng)
    return Planted(source.videos, source.labels, presence, _where_present(strengths, signal), signal)


def video_name(seed: int, split: Split, index: int) -> str:
    """Return a name in the format of LLP: eleven characters, then the start and the end of the clip in seconds.

    Parameters
    ----------
    seed
        The seed of the data set.
    split
        The split.
    index
        The index of the video in the split.

    Returns
    -------
    str

    Examples
    --------
    >>> video_name(0, Split.TEST, 3)
    '9mWFpkX4hF8_400_410'
    """
    drawn = hashlib.sha256(f"{seed}/{split}/{index}".encode()).digest()
    start = 10 * (drawn[8] % 60)
    return f"{base64.urlsafe_b64encode(drawn[:9]).decode()[:11]}_{start}_{start + 10}"


def generator(seed: int, split: Split, index: int, part: int) -> np.random.Generator:
    """Return the random generator of one part of a video.

    Parameters
    ----------
    seed
        The seed of the data set.
    split
        The split.
    index
        The index of the video in the split.
    part
        `PLANT`, `FEATURES` or `FRAMES`.

    Returns
    -------
    numpy.random.Generator
    """
    return np.random.default_rng([seed, 1 + list(Split).index(split), index, part])


def _where_present(strengths: Sequence[np.ndarray], presence: np.ndarray) -> np.ndarray:
    stacked = np.array(strengths, np.float32).reshape(len(presence), 2, len(CATEGORIES))
    return np.where(presence.any(axis=1), stacked, np.float32(0))
