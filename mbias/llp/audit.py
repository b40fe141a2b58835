"""The audit of a data directory: every oddity of its files, where it is, and what the readers do about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from mbias.errors import BadInputError
from mbias.llp.annotations import (
    DENSE_FILES,
    WEAK_FILES,
    DenseRow,
    WeakRow,
    dense_array,
    read_dense,
    read_weak,
    weak_array,
)
from mbias.llp.features import STREAMS, feature_path, read_feature
from mbias.terms import CATEGORIES, Modality, Split

DenseKey = tuple[str, int, int, str]


@dataclass(frozen=True)
class Kind:
    """A kind of oddity, and what is done about it."""

    name: str
    done: str
    usable: bool = True
    """Whether the data can be used as they are."""


DECIMAL_TIME = Kind("decimal time in a name", "accepted: features go by the first 11 characters")
LABEL_TWICE = Kind("label written twice", "counted once")
OLDER_ROW = Kind("wrong row of an older file", "read as published since; fetch the file again (YapengTian/AVVP-ECCV20)")
DUPLICATE = Kind("duplicate row", "counted once")
EMPTY = Kind("offset not after onset", "marks nothing, as in the original evaluation")
OVERLAPPING = Kind("overlapping events, duplicates too", "merged on the 1-second grid")
TOUCHING = Kind("touching events", "merged on the 1-second grid")
NO_SPLIT = Kind("video of no split", "row ignored")
NO_AUDIO = Kind("video without an audio row", "kept: nothing is heard")
NO_VISUAL = Kind("video without a visual row", "kept: nothing is seen")
NO_BOTH = Kind("video without audio-visual overlap", "kept: no category is heard and seen at once")
WEAK_ONLY = Kind("weak label without dense event", "kept: weak labels train, dense labels score")
DENSE_ONLY = Kind("dense label not in the weak list", "kept: weak labels train, dense labels score")
BAD_FEATURES = Kind(
    "missing or unusable features", "`mbias pack` refuses, or leaves the video out with --skip-bad", False
)

KINDS = (
    DECIMAL_TIME,
    LABEL_TWICE,
    OLDER_ROW,
    DUPLICATE,
    EMPTY,
    OVERLAPPING,
    TOUCHING,
    NO_SPLIT,
    NO_AUDIO,
    NO_VISUAL,
    NO_BOTH,
    WEAK_ONLY,
    DENSE_ONLY,
    BAD_FEATURES,
)


@dataclass(frozen=True)
class Oddity:
    """One oddity; `row` counts the file's rows from its header, which is row 1 (None for a feature file)."""

    kind: Kind
    file: str
    row: int | None
    what: str

    def __str__(self) -> str:
        return f"{self.file}{f' row {self.row}' if self.row else ''}: {self.what}"


def audit_annotations(directory: Path) -> list[Oddity]:
    """Every oddity of the five annotation files.

    Raises
    ------
    BadInputError
        If a file cannot be read at all (see `read_weak` and `read_dense`).
    """
    weak = {split: read_weak(directory / name) for split, name in WEAK_FILES.items()}
    dense = {modality: read_dense(directory / name) for modality, name in DENSE_FILES.items()}
    scored = [row.video for split in (Split.VAL, Split.TEST) for row in weak[split]]
    found: list[Oddity] = []
    for split, weak_rows in weak.items():
        found += _weak_oddities(WEAK_FILES[split], weak_rows)
    for modality, dense_rows in dense.items():
        found += _row_oddities(DENSE_FILES[modality], dense_rows, set(scored))
        found += _pair_oddities(DENSE_FILES[modality], dense_rows)
    for split in (Split.VAL, Split.TEST):
        found += _disagreements(WEAK_FILES[split], weak[split], dense)
    return found


def audit_features(directory: Path) -> tuple[int, list[Oddity]]:
    """How many feature files there are to be, and each that is missing, cut short, misshapen or not finite; reads all.

    Raises
    ------
    BadInputError
        If a file of weak labels cannot be read.
    """
    from tqdm import tqdm

    videos = [row.video for name in WEAK_FILES.values() for row in read_weak(directory / name)]
    found = []
    for video in tqdm(videos, "features", unit="video", disable=None, leave=False):
        for stream in STREAMS:
            path = feature_path(directory, stream, video)
            try:
                read_feature(path, stream)
            except BadInputError as error:
                reason = str(error).removeprefix(f"{path}: ").partition(";")[0]
                found.append(Oddity(BAD_FEATURES, str(path.relative_to(directory)), None, reason))
    return len(STREAMS) * len(videos), found


def _weak_oddities(file: str, rows: Sequence[WeakRow]) -> Iterator[Oddity]:
    for row in rows:
        if "." in row.video[11:]:
            yield Oddity(DECIMAL_TIME, file, row.number, row.video)
        for label in dict.fromkeys(row.labels):
            if row.labels.count(label) > 1:
                yield Oddity(LABEL_TWICE, file, row.number, f"{label} of {row.video}")


def _row_oddities(file: str, rows: Sequence[DenseRow], scored: set[str]) -> Iterator[Oddity]:
    first: dict[DenseKey, int] = {}
    for row in rows:
        if row.written:
            yield Oddity(OLDER_ROW, file, row.number, f"{row.written!r} is {row.video} ({_event(row)})")
        if row.empty:
            yield Oddity(EMPTY, file, row.number, _event(row))
        if row.video not in scored:
            yield Oddity(NO_SPLIT, file, row.number, _event(row))
        if _key(row) in first:
            yield Oddity(DUPLICATE, file, row.number, f"{_event(row)} is in row {first[_key(row)]} too")
        first.setdefault(_key(row), row.number)


def _pair_oddities(file: str, rows: Sequence[DenseRow]) -> Iterator[Oddity]:
    """Pairs of rows of one video and category that overlap (duplicates do) or touch."""
    events: dict[tuple[str, str], list[DenseRow]] = defaultdict(list)
    for row in rows:
        if not row.empty:
            events[row.video, row.category].append(row)
    for group in events.values():
        for one, other in combinations(sorted(group, key=lambda row: row.onset), 2):
            if other.onset <= one.offset:
                kind = TOUCHING if other.onset == one.offset else OVERLAPPING
                what = f"{_event(other)} and {one.onset} to {one.offset} in row {one.number}"
                yield Oddity(kind, file, other.number, what)


def _disagreements(
    file: str, rows: Sequence[WeakRow], dense: Mapping[Modality, Sequence[DenseRow]]
) -> Iterator[Oddity]:
    """Where a split's dense labels leave something out, or disagree with its weak ones."""
    videos = [row.video for row in rows]
    heard, seen = (dense_array(dense[modality], videos) for modality in Modality)
    weak, present = weak_array(rows), (heard | seen).any(axis=1)
    named = [{row.video for row in dense[modality]} for modality in Modality]
    for place, row in enumerate(rows):
        for kind, without in ((NO_AUDIO, row.video not in named[0]), (NO_VISUAL, row.video not in named[1])):
            if without:
                yield Oddity(kind, file, row.number, row.video)
        if not (heard[place] & seen[place]).any():
            yield Oddity(NO_BOTH, file, row.number, row.video)
        for kind, odd in ((WEAK_ONLY, weak[place] & ~present[place]), (DENSE_ONLY, present[place] & ~weak[place])):
            for category in np.flatnonzero(odd):
                yield Oddity(kind, file, row.number, f"{CATEGORIES[category]} of {row.video}")


def _key(row: DenseRow) -> DenseKey:
    return row.video, row.onset, row.offset, row.category


def _event(row: DenseRow) -> str:
    return f"{row.video} {row.onset} to {row.offset} {row.category}"
