"""The annotation files of LLP: reading their rows and converting them to boolean arrays on the 1-second grid."""

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
"""The file with the weak labels of each split."""

DENSE_FILES = {Modality.AUDIO: "AVVP_eval_audio.csv", Modality.VISUAL: "AVVP_eval_visual.csv"}
"""The file with the dense labels of each modality, for the validation and test videos together."""

WEAK_COLUMNS = ("filename", "event_labels")
DENSE_COLUMNS = ("filename", "onset", "offset", "event_labels")

REVERSED_AS_PUBLISHED = {("8DF2PxdT5tE_390_400", 9, 0, "Cheering")}
"""The only row of the published files whose onset is after its offset. It is read as an empty event."""

OLDER_ROWS = {
    ("Baby_cry_infant_cry", 0, 4, "Speech"): "JfZEqeLZqWk_30_40",
    ("Baby_cry_infant_cry", 7, 10, "Speech"): "JfZEqeLZqWk_30_40",
    ("KvIjsmANkxI_10_20`", 0, 1, "Cat"): "KvIjsmANkxI_10_20",
}
"""Wrong rows of an older `AVVP_eval_audio.csv`, and the video of each in the published file."""

_INDEX = {category: index for index, category in enumerate(CATEGORIES)}
_GET_FILES = "get the file from YapengTian/AVVP-ECCV20 (folder data), or simulate one with `mbias synth`"


@dataclass(frozen=True)
class WeakRow:
    """The weak labels of one video, as written.

    Parameters
    ----------
    number
        The row of the file; the header is row 1.
    video
        The name of the video.
    labels
        Its categories, in the order of the file.
    """

    number: int
    video: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class DenseRow:
    """One event of one category.

    Parameters
    ----------
    number
        The row of the file; the header is row 1.
    video
        The name of the video.
    onset, offset
        The start and the end of the event, in whole seconds.
    category
        The category of the event.
    written
        The name in the file if it differs from ``video`` (see `OLDER_ROWS`), otherwise empty.
    """

    number: int
    video: str
    onset: int
    offset: int
    category: str
    written: str = field(default="", compare=False)

    @property
    def empty(self) -> bool:
        """Whether the row covers no segment, because its offset is not after its onset."""
        return self.offset <= self.onset


def read_weak(path: Path) -> list[WeakRow]:
    r"""Read a file of weak labels.

    Parameters
    ----------
    path
        A tab-separated file with the columns `WEAK_COLUMNS`.

    Returns
    -------
    list of WeakRow
        One per video, in the order of the file.

    Raises
    ------
    BadInputError
        If the file is missing, empty or not separated by tabs, or if a row has no label, an unknown category or the
        video of an earlier row.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "AVVP_train.csv")
    ...     _ = path.write_text("filename\tevent_labels\nabcdefghijk_0_10\tDog,Speech\n")
    ...     read_weak(path)
    [WeakRow(number=2, video='abcdefghijk_0_10', labels=('Dog', 'Speech'))]
    """
    rows: list[WeakRow] = []
    seen: dict[str, int] = {}
    for number, (video, text) in _table(path, WEAK_COLUMNS):
        labels = tuple(text.split(","))
        for label in labels:
            _check_category(path, number, label)
        if video in seen:
            raise BadInputError(f"{path}: row {number}: video {video} is also in row {seen[video]}; delete one row")
        seen[video] = number
        rows.append(WeakRow(number, video, labels))
    return rows


def read_dense(path: Path) -> list[DenseRow]:
    """Read a file of dense labels.

    An event whose offset equals its onset is read, but covers no segment.

    Parameters
    ----------
    path
        A tab-separated file with the columns `DENSE_COLUMNS`.

    Returns
    -------
    list of DenseRow
        One per event, in the order of the file.

    Raises
    ------
    BadInputError
        If the file is missing, empty or not separated by tabs, or if a row has an unknown category, a time that is not
        a whole second from 0 to 10, or an onset after its offset. The row in `REVERSED_AS_PUBLISHED` is accepted.
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
        corrected = OLDER_ROWS.get((video, onset, offset, category), video)
        rows.append(DenseRow(number, corrected, onset, offset, category, video if corrected != video else ""))
    return rows


def weak_array(rows: Sequence[WeakRow]) -> np.ndarray:
    """Convert rows to an array of weak labels.

    Parameters
    ----------
    rows
        One row per video. A label that a row repeats counts once.

    Returns
    -------
    numpy.ndarray
        bool, of shape (video, category), in the order of ``rows``.

    Examples
    --------
    >>> weak = weak_array([WeakRow(2, "abcdefghijk_0_10", ("Dog", "Speech"))])
    >>> weak.shape, [CATEGORIES[index] for index in np.flatnonzero(weak[0])]
    ((1, 25), ['Speech', 'Dog'])
    """
    weak = np.zeros((len(rows), len(CATEGORIES)), bool)
    for index, row in enumerate(rows):
        weak[index, [_INDEX[label] for label in row.labels]] = True
    return weak


def dense_array(rows: Sequence[DenseRow], videos: Sequence[str]) -> np.ndarray:
    """Convert rows to an array of dense labels of one modality.

    Duplicate, overlapping and adjacent events of a category merge on the grid.

    Parameters
    ----------
    rows
        Events of one modality. Events of videos that are not in ``videos`` are ignored.
    videos
        The names of the videos.

    Returns
    -------
    numpy.ndarray
        bool, of shape (video, segment, category), in the order of ``videos``.

    Examples
    --------
    >>> dense = dense_array([DenseRow(2, "abcdefghijk_0_10", 2, 4, "Dog")], ["abcdefghijk_0_10"])
    >>> dense.shape, np.flatnonzero(dense[0, :, CATEGORIES.index("Dog")]).tolist()
    ((1, 10, 25), [2, 3])
    """
    video_index = {video: index for index, video in enumerate(videos)}
    dense = np.zeros((len(videos), SEGMENTS, len(CATEGORIES)), bool)
    for row in rows:
        if row.video in video_index:
            dense[video_index[row.video], row.onset : row.offset, _INDEX[row.category]] = True
    return dense


def read_truth(directory: Path, videos: Sequence[str]) -> np.ndarray:
    """Read the dense labels of both modalities.

    Parameters
    ----------
    directory
        A directory with the files in `DENSE_FILES`.
    videos
        The names of the videos.

    Returns
    -------
    numpy.ndarray
        bool, of shape (video, segment, modality, category), audio first, in the order of ``videos``.

    Raises
    ------
    BadInputError
        If `read_dense` cannot read a file.
    """
    return np.stack([dense_array(read_dense(directory / name), videos) for name in DENSE_FILES.values()], axis=2)


def _table(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each row below the header."""
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
        why = "the columns are not separated by tabs" if len(rows[0]) == 1 else f"the columns are {', '.join(rows[0])}"
        raise BadInputError(f"{path}: row 1: {why}; the header must be {header}")
    for number, cells in enumerate(rows[1:], start=2):
        if not cells:
            continue
        if len(cells) != len(columns):
            raise BadInputError(
                f"{path}: row {number}: {len(cells)} cells, expected {len(columns)}; separate {header} by tabs"
            )
        yield number, cells


def _check_category(path: Path, number: int, category: str) -> None:
    if category not in _INDEX:
        near = difflib.get_close_matches(category, CATEGORIES, n=1)
        hint = f"did you mean {near[0]}?" if near else "use one of mbias.terms.CATEGORIES"
        raise BadInputError(f"{path}: row {number}: unknown category {category!r}; {hint}")


def _second(path: Path, number: int, text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= SEGMENTS):
        raise BadInputError(
            f"{path}: row {number}: time {text!r} is not a whole second from 0 to {SEGMENTS}; correct it"
        )
    return int(text)
