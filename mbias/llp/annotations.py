"""LLP's annotation files: their rows, and the boolean arrays they mean on the 1-second grid."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mbias.errors import BadInputError
from mbias.terms import CATEGORIES, SEGMENTS, Modality, Split

WEAK_FILES = {Split.TRAIN: "AVVP_train.csv", Split.VAL: "AVVP_val_pd.csv", Split.TEST: "AVVP_test_pd.csv"}
"""The file of weak labels of each split."""

DENSE_FILES = {Modality.AUDIO: "AVVP_eval_audio.csv", Modality.VISUAL: "AVVP_eval_visual.csv"}
"""The file of dense labels of each modality, of the validation and test videos together."""

WEAK_COLUMNS = ("filename", "event_labels")
DENSE_COLUMNS = ("filename", "onset", "offset", "event_labels")

REVERSED_AS_PUBLISHED = {("8DF2PxdT5tE_390_400", 9, 0, "Cheering")}
"""The one row of the published files whose onset lies after its offset: known to mean nothing there."""

OLDER_ROWS = {
    ("Baby_cry_infant_cry", 0, 4, "Speech"): "JfZEqeLZqWk_30_40",
    ("Baby_cry_infant_cry", 7, 10, "Speech"): "JfZEqeLZqWk_30_40",
    ("KvIjsmANkxI_10_20`", 0, 1, "Cat"): "KvIjsmANkxI_10_20",
}
"""Rows of an older `AVVP_eval_audio.csv`, and the video each belongs to in the published one."""

_INDEX = {category: index for index, category in enumerate(CATEGORIES)}
_GET_FILES = "take the file of YapengTian/AVVP-ECCV20, folder data, or `mbias synth` for simulated ones"


@dataclass(frozen=True)
class WeakRow:
    """A video's weak labels as written; `number` counts the file's rows from its header, which is row 1."""

    number: int
    video: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class DenseRow:
    """An event of one category, from `onset` to `offset` in whole seconds; `number` as in `WeakRow`.

    `written` is the name in the file where it differs from `video` (the older file's wrong rows).
    """

    number: int
    video: str
    onset: int
    offset: int
    category: str
    written: str = field(default="", compare=False)

    @property
    def empty(self) -> bool:
        """Whether the row covers no segment, its offset being no later than its onset."""
        return self.offset <= self.onset


def read_weak(path: Path) -> list[WeakRow]:
    """The rows of a file of weak labels.

    Raises
    ------
    BadInputError
        If the file is missing, empty or not separated by tabs, or a row has no label, an unknown category or a video
        that an earlier row has.
    """
    rows: list[WeakRow] = []
    seen: dict[str, int] = {}
    for number, (video, text) in _table(path, WEAK_COLUMNS):
        labels = tuple(text.split(","))
        for label in labels:
            _check_category(path, number, label)
        if video in seen:
            raise BadInputError(f"{path}: row {number}: video {video} is in row {seen[video]} too; delete one of them")
        seen[video] = number
        rows.append(WeakRow(number, video, labels))
    return rows


def read_dense(path: Path) -> list[DenseRow]:
    """The rows of a file of dense labels; an empty event (offset equal to onset) is read, and marks nothing.

    Raises
    ------
    BadInputError
        If the file is missing, empty or not separated by tabs, or a row has an unknown category, a time that is no
        whole second of 0 to 10, or an onset after its offset. The published files have one such row, which is known
        and read as an empty event.
    """
    rows = []
    for number, (video, onset_text, offset_text, category) in _table(path, DENSE_COLUMNS):
        _check_category(path, number, category)
        onset, offset = _second(path, number, onset_text), _second(path, number, offset_text)
        if onset > offset and (video, onset, offset, category) not in REVERSED_AS_PUBLISHED:
            raise BadInputError(
                f"{path}: row {number}: onset {onset} is after offset {offset} ({category} of {video}); "
                "swap the two or delete the row"
            )
        meant = OLDER_ROWS.get((video, onset, offset, category), video)
        rows.append(DenseRow(number, meant, onset, offset, category, video if meant != video else ""))
    return rows


def weak_array(rows: Sequence[WeakRow]) -> np.ndarray:
    """Weak labels, bool of shape (video, category) in the order of the rows; a label written twice counts once."""
    weak = np.zeros((len(rows), len(CATEGORIES)), bool)
    for index, row in enumerate(rows):
        weak[index, [_INDEX[label] for label in row.labels]] = True
    return weak


def dense_array(rows: Sequence[DenseRow], videos: Sequence[str]) -> np.ndarray:
    """Dense labels of one modality, bool of shape (video, segment, category) in the order of `videos`.

    Events of other videos mark nothing; duplicate, overlapping and touching events become one on the grid.
    """
    index = {video: place for place, video in enumerate(videos)}
    dense = np.zeros((len(videos), SEGMENTS, len(CATEGORIES)), bool)
    for row in rows:
        if row.video in index:
            dense[index[row.video], row.onset : row.offset, _INDEX[row.category]] = True
    return dense


def read_truth(directory: Path, videos: Sequence[str]) -> np.ndarray:
    """Dense labels of both modalities, bool of shape (video, segment, modality, category), audio first.

    Raises
    ------
    BadInputError
        As `read_dense` does.
    """
    return np.stack([dense_array(read_dense(directory / name), videos) for name in DENSE_FILES.values()], axis=2)


def _table(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row below the header, with the row's number."""
    header = "\\t".join(columns)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except FileNotFoundError:
        raise BadInputError(f"{path}: there is no such annotation file; {_GET_FILES}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"{path}: not a readable annotation file ({error}); {_GET_FILES}") from None
    if len(rows) < 2:
        raise BadInputError(f"{path}: the file {'has no row below its header' if rows else 'is empty'}; {_GET_FILES}")
    if tuple(rows[0]) != tuple(columns):
        why = "columns are not separated by tabs" if len(rows[0]) == 1 else f"columns are {', '.join(rows[0])}"
        raise BadInputError(f"{path}: row 1: {why}; the header must be {header}")
    for number, cells in enumerate(rows[1:], start=2):
        if not cells:
            continue
        if len(cells) != len(columns):
            raise BadInputError(
                f"{path}: row {number}: {len(cells)} cells in place of {len(columns)}; separate {header} by tabs"
            )
        yield number, cells


def _check_category(path: Path, number: int, category: str) -> None:
    if category not in _INDEX:
        near = difflib.get_close_matches(category, CATEGORIES, n=1)
        hint = f"write {near[0]}" if near else "take one of mbias.terms.CATEGORIES"
        raise BadInputError(f"{path}: row {number}: unknown category {category!r}; {hint}")


def _second(path: Path, number: int, text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= SEGMENTS):
        raise BadInputError(
            f"{path}: row {number}: time {text!r} is not a whole second from 0 to {SEGMENTS}; correct it"
        )
    return int(text)
