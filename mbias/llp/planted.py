"""What is planted in each split of simulated LLP: labels, which modality carries each, when, and how strongly."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mbias.errors import BadInputError
from mbias.llp.annotations import WEAK_FILES, read_truth, read_weak
from mbias.llp.planting import Planter
from mbias.llp.signals import Signals
from mbias.terms import CATEGORIES, SEGMENTS, Split

PLANT, FEATURES, FRAMES = range(3)
"""The parts of a video, each drawn from a generator of its own."""


@dataclass(frozen=True)
class Source:
    """A split of real annotations that features are to be simulated for."""

    videos: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    truth: np.ndarray | None
    """bool (video, segment, modality, category); None for the training split."""


@dataclass(frozen=True)
class Planted:
    """A split's videos and labels, and what is planted in them, before any feature is made."""

    videos: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    presence: np.ndarray
    """bool (video, segment, modality, category)."""
    strengths: np.ndarray
    """float32 (video, modality, category); 0 where a category is not planted in a modality."""


def read_source(directory: Path, split: Split, size: int | None) -> Source:
    """The first `size` videos of a split of real annotations; all where `size` is None.

    Raises
    ------
    BadInputError
        If a file is unreadable, or has fewer videos.
    """
    path = directory / WEAK_FILES[split]
    rows = read_weak(path)
    if size is not None and size > len(rows):
        raise BadInputError(f"{path}: {len(rows)} videos, and {size} are asked for; ask for fewer with --{split}")
    videos = tuple(row.video for row in rows[:size])
    truth = None if split == Split.TRAIN else read_truth(directory, videos)
    return Source(videos, tuple(row.labels for row in rows[:size]), truth)


def plant_split(size: int, split: Split, seed: int, planter: Planter, signals: Signals) -> Planted:
    """A split of `size` videos whose labels and truth are drawn."""
    labels, presence, strengths = [], np.zeros((size, SEGMENTS, 2, len(CATEGORIES)), bool), []
    for place in range(size):
        rng = generator(seed, split, place, PLANT)
        drawn = planter.labels(rng)
        labels.append(tuple(CATEGORIES[category] for category in drawn))
        presence[place] = planter.presence(drawn, rng)
        strengths.append(signals.strengths(rng))
    videos = tuple(video_name(seed, split, place) for place in range(size))
    return Planted(videos, tuple(labels), presence, _where_present(strengths, presence))


def plant_source(source: Source, split: Split, seed: int, planter: Planter, signals: Signals) -> Planted:
    """A split of real annotations: its dense labels are the truth, or a truth is drawn for its weak ones."""
    size = len(source.videos)
    presence, strengths = np.zeros((size, SEGMENTS, 2, len(CATEGORIES)), bool), []
    for place, labels in enumerate(source.labels):
        rng = generator(seed, split, place, PLANT)
        if source.truth is None:
            presence[place] = planter.presence([CATEGORIES.index(label) for label in dict.fromkeys(labels)], rng)
        else:
            presence[place] = source.truth[place]
        strengths.append(signals.strengths(rng))
    return Planted(source.videos, source.labels, presence, _where_present(strengths, presence))


def video_name(seed: int, split: Split, place: int) -> str:
    """A name like LLP's: eleven characters, then the second at which the clip starts and the one at which it ends."""
    drawn = hashlib.sha256(f"{seed}/{split}/{place}".encode()).digest()
    start = 10 * (drawn[8] % 60)
    return f"{base64.urlsafe_b64encode(drawn[:9]).decode()[:11]}_{start}_{start + 10}"


def generator(seed: int, split: Split, place: int, part: int) -> np.random.Generator:
    """The generator of one part of a video."""
    return np.random.default_rng([seed, 1 + list(Split).index(split), place, part])


def _where_present(strengths: Sequence[np.ndarray], presence: np.ndarray) -> np.ndarray:
    stacked = np.array(strengths, np.float32).reshape(len(presence), 2, len(CATEGORIES))
    return np.where(presence.any(axis=1), stacked, np.float32(0))
