"""The audit of a data directory: every oddity of its files, its location and how the readers handle it."""

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
from mbias.llp.features import feature_path, missing_folders, read_feature
from mbias.llp.streams.stream import Stream, Streams
from mbias.terms import CATEGORIES, Modality, Split

DenseKey = tuple[str, int, int, str]


@dataclass(frozen=True)
class Kind:
    """A kind of oddity and how it is handled."""

    name: str
    done: str
    usable: bool = True
    """Whether the data can be used without correction."""


DECIMAL_TIME = Kind("video name with decimal times", "accepted: only the first 11 characters identify its features")
LABEL_TWICE = Kind("repeated weak label", "counted once")
OLDER_ROW = Kind("wrong row of an older file", "corrected; download the current file (YapengTian/AVVP-ECCV20)")
DUPLICATE = Kind("duplicate row", "counted once")
EMPTY = Kind("offset not after onset", "covers no segment, as in the original evaluation")
OVERLAPPING = Kind("overlapping events (including duplicates)", "merged on the 1-second grid")
TOUCHING = Kind("adjacent events", "merged on the 1-second grid")
NO_SPLIT = Kind("video outside validation and test", "row ignored")
NO_AUDIO = Kind("video without audio rows", "kept: it has no audible event")
NO_VISUAL = Kind("video without visual rows", "kept: it has no visible event")
NO_BOTH = Kind("video without audio-visual events", "kept: no category is heard and seen in the same segment")
WEAK_ONLY = Kind("weak label without dense label", "kept: training uses weak labels, scoring uses dense labels")
DENSE_ONLY = Kind("dense label without weak label", "kept: training uses weak labels, scoring uses dense labels")
BAD_FEATURES = Kind(
    "missing or unusable features", "an error in `mbias pack`, unless --skip-bad leaves the video out", False
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
    """One oddity.

    Parameters
    ----------
    kind
        Its kind.
    file
        The file, relative to the data directory.
    row
        The row of the file, where the header is row 1. None for a feature file.
    what
        The video, event or fault.
    """

    kind: Kind
    file: str
    row: int | None
    what: str

    def __str__(self) -> str:
        return f"{self.file}{f' row {self.row}' if self.row else ''}: {self.what}"


def audit_annotations(directory: Path) -> list[Oddity]:
    """List every oddity of the five annotation files.

    Parameters
    ----------
    directory
        The data directory.

    Returns
    -------
    list of Oddity

    Raises
    ------
    BadInputError
        If a file cannot be read at all (see `read_weak` and `read_dense`).
    """
    weak = {split: read_weak(directory / name) for split, name in WEAK_FILES.items()}
    dense = {modality: read_dense(directory / name) for modality, name in DENSE_FILES.items()}
    scored = [row.video for split in (Split.VAL, Split.TEST) for row in weak[split]]
    oddities: list[Oddity] = []
    for split, weak_rows in weak.items():
        oddities += _weak_oddities(WEAK_FILES[split], weak_rows)
    for modality, dense_rows in dense.items():
        oddities += _row_oddities(DENSE_FILES[modality], dense_rows, set(scored))
        oddities += _pair_oddities(DENSE_FILES[modality], dense_rows)
    for split in (Split.VAL, Split.TEST):
        oddities += _disagreements(WEAK_FILES[split], weak[split], dense)
    return oddities


def audit_features(directory: Path, streams: Streams) -> tuple[int, list[Oddity]]:
    """Read all feature files and list those that are missing or unusable.

    Parameters
    ----------
    directory
        The data directory.
    streams
        Its streams.

    Returns
    -------
    files : int
        The number of feature files that the videos need of the streams whose folders are there.
    oddities : list of Oddity
        One per file that is missing, cut short, of the wrong shape or not finite; one per stream if its folder is
        missing, or if all of its files have the same fault.

    Raises
    ------
    BadInputError
        If a file of weak labels cannot be read.
    """
    from tqdm import tqdm

    videos = [row.video for name in WEAK_FILES.values() for row in read_weak(directory / name)]
    missing = missing_folders(directory, streams)
    oddities = []
    for stream in streams:
        if stream in missing:
            oddities.append(Oddity(BAD_FEATURES, stream.folder, None, f"no such folder of the stream {stream.name!r}"))
            continue
        bar = tqdm(videos, f"stream {stream.name}", unit="video", disable=None, leave=False)
        unusable = [oddity for video in bar for oddity in _unusable(directory, stream, video)]
        oddities += _shared(stream, unusable) if len(unusable) == len(videos) else unusable
    return (len(streams) - len(missing)) * len(videos), oddities


def _unusable(directory: Path, stream: Stream, video: str) -> Iterator[Oddity]:
    path = feature_path(directory, stream, video)
    try:
        read_feature(path, stream)
    except BadInputError as error:
        reason = str(error).removeprefix(f"{path}: ").partition(";")[0]
        yield Oddity(BAD_FEATURES, str(path.relative_to(directory)), None, reason)


def _shared(stream: Stream, oddities: list[Oddity]) -> list[Oddity]:
    """Return one oddity in place of those of all files of a stream if they have the same fault, such as their width."""
    faults = {oddity.what for oddity in oddities}
    if len(faults) != 1:
        return oddities
    return [Oddity(BAD_FEATURES, stream.folder, None, f"all {len(oddities):,} files: {faults.pop()}")]


def _weak_oddities(file: str, rows: Sequence[WeakRow]) -> Iterator[Oddity]:
    for row in rows:
        if "." in row.video[11:]:
            yield Oddity(DECIMAL_TIME, file, row.number, row.video)
        for label in dict.fromkeys(row.labels):
            if row.labels.count(label) > 1:
                yield Oddity(LABEL_TWICE, file, row.number, f"{label} of {row.video}")


def _row_oddities(file: str, rows: Sequence[DenseRow], scored: set[str]) -> Iterator[Oddity]:
    first_row: dict[DenseKey, int] = {}
    for row in rows:
        if row.written:
            yield Oddity(OLDER_ROW, file, row.number, f"{row.written!r} is {row.video} ({_event(row)})")
        if row.empty:
            yield Oddity(EMPTY, file, row.number, _event(row))
        if row.video not in scored:
            yield Oddity(NO_SPLIT, file, row.number, _event(row))
        if _key(row) in first_row:
            yield Oddity(DUPLICATE, file, row.number, f"{_event(row)} is also in row {first_row[_key(row)]}")
        first_row.setdefault(_key(row), row.number)


def _pair_oddities(file: str, rows: Sequence[DenseRow]) -> Iterator[Oddity]:
    """Yield pairs of rows of one video and category that overlap (as duplicates do) or are adjacent."""
    events: dict[tuple[str, str], list[DenseRow]] = defaultdict(list)
    for row in rows:
        if not row.empty:
            events[row.video, row.category].append(row)
    for group in events.values():
        for first, second in combinations(sorted(group, key=lambda row: row.onset), 2):
            if second.onset <= first.offset:
                kind = TOUCHING if second.onset == first.offset else OVERLAPPING
                what = f"{_event(second)} and {first.onset} to {first.offset} in row {first.number}"
                yield Oddity(kind, file, second.number, what)


def _disagreements(
    file: str, rows: Sequence[WeakRow], dense: Mapping[Modality, Sequence[DenseRow]]
) -> Iterator[Oddity]:
    """Yield the videos of a split without dense labels, and disagreements between dense and weak labels."""
    videos = [row.video for row in rows]
    heard, seen = (dense_array(dense[modality], videos) for modality in Modality)
    weak, present = weak_array(rows), (heard | seen).any(axis=1)
    named = [{row.video for row in dense[modality]} for modality in Modality]
    for index, row in enumerate(rows):
        for kind, absent in ((NO_AUDIO, row.video not in named[0]), (NO_VISUAL, row.video not in named[1])):
            if absent:
                yield Oddity(kind, file, row.number, row.video)
        if not (heard[index] & seen[index]).any():
            yield Oddity(NO_BOTH, file, row.number, row.video)
        for kind, lone in ((WEAK_ONLY, weak[index] & ~present[index]), (DENSE_ONLY, present[index] & ~weak[index])):
            for category in np.flatnonzero(lone):
                yield Oddity(kind, file, row.number, f"{CATEGORIES[category]} of {row.video}")


def _key(row: DenseRow) -> DenseKey:
    return row.video, row.onset, row.offset, row.category


def _event(row: DenseRow) -> str:
    return f"{row.video} {row.onset} to {row.offset} {row.category}"
