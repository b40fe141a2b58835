"""The packed store: the features of a split as one memory-mapped array per stream, next to the annotations.

The folder DIR/packed/SPLIT contains:

STREAM.npy    float32, (video, 10, width): one array per stream, with the rows of each segment pooled
videos.csv    the names of the videos, in array order
pack.json     the version, the streams, the sources and the digest; a folder without it is incomplete
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from mbias.errors import BadInputError
from mbias.files import read_json, sync_folder, write_json, write_text
from mbias.llp.annotations import WEAK_FILES, read_truth, read_weak, weak_array
from mbias.llp.streams.description import STREAMS_FILE, described_streams
from mbias.llp.streams.recorded import streams_from_json, streams_to_json
from mbias.llp.streams.stream import Stream, Streams, difference
from mbias.terms import SEGMENTS, Split
from mbias.untrusted import read_npy

PACK_VERSION = 1
SYNTH_FILE = "synth.json"
"""The file that marks a data directory as simulated."""


@dataclass(frozen=True)
class LLPSplit:
    """A packed split, memory-mapped. All arrays are in the order of `videos`."""

    videos: tuple[str, ...]
    streams: Streams
    """What the features are of."""
    features: dict[str, np.ndarray]
    """By stream, float32 (video, 10, width), the mean over the rows of each segment, read-only."""
    weak: np.ndarray
    """bool (video, category)."""
    truth: np.ndarray | None
    """bool (video, segment, modality, category), audio first. None for training, which has no dense labels."""
    fingerprint: str
    """SHA-256 of the features, the names and the labels."""
    simulated: bool
    """Whether the features are simulated."""


def open_split(directory: Path, split: Split) -> LLPSplit:
    """Open a packed split of a data directory.

    Parameters
    ----------
    directory
        The data directory.
    split
        The split to open.

    Returns
    -------
    LLPSplit

    Raises
    ------
    BadInputError
        If the split is not packed, was packed by another version, from other streams than the data directory describes,
        or is damaged, or if its annotations are missing, unreadable or lack a packed video.
    """
    folder = packed_folder(directory, split)
    hint = f"run `mbias pack {directory}`"
    index = read_json(folder / "pack.json", "packed split", hint)
    if not isinstance(index, dict) or index.get("version") != PACK_VERSION or "features" not in index:
        raise BadInputError(
            f"{folder / 'pack.json'}: not version {PACK_VERSION} of the packed store; remove {folder} and {hint}"
        )
    streams = streams_from_json(index, folder / "pack.json")
    _require_described(directory, folder, streams, hint)
    videos = read_videos(folder / "videos.csv", hint)
    features = {stream.name: _open_array(folder, stream, len(videos), hint) for stream in streams}
    weak = _weak_labels(directory / WEAK_FILES[split], videos, hint)
    truth = None if split == Split.TRAIN else read_truth(directory, videos)
    return LLPSplit(
        videos=tuple(videos),
        streams=streams,
        features=features,
        weak=weak,
        truth=truth,
        fingerprint=_fingerprint(str(index["features"]), videos, weak, truth),
        simulated=(directory / SYNTH_FILE).exists(),
    )


def packed_folder(directory: Path, split: Split) -> Path:
    """Return the folder of the packed store of a split.

    Parameters
    ----------
    directory
        The data directory.
    split
        The split.

    Returns
    -------
    pathlib.Path
    """
    return directory / "packed" / split


def read_videos(path: Path, hint: str) -> list[str]:
    """Read the names in the `videos.csv` of a store.

    Parameters
    ----------
    path
        The file.
    hint
        What to do if the file is missing or unreadable. It is part of the error message.

    Returns
    -------
    list of str
        The names, in array order.

    Raises
    ------
    BadInputError
        If the file is missing or unreadable.
    """
    try:
        return path.read_text(encoding="utf-8").splitlines()[1:]
    except FileNotFoundError:
        raise BadInputError(f"{path}: there is no such file; {hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: not readable ({error}); {hint}") from None


def write_index(
    folder: Path, split: Split, videos: Sequence[str], digests: Iterable[str], streams: Streams, **known: Any
) -> None:
    """Write the `videos.csv` and the `pack.json` of a store.

    Parameters
    ----------
    folder
        The folder of the store.
    split
        The split.
    videos
        The names of the videos, in array order.
    digests
        The `digest` of each video.
    streams
        The streams.
    **known
        Further fields of `pack.json`.
    """
    write_text(folder / "videos.csv", "\n".join(["video", *videos]) + "\n")
    features = hashlib.sha256("".join(digests).encode()).hexdigest()
    content = {
        "format": "mbias-pack",
        "version": PACK_VERSION,
        "split": split,
        "videos": len(videos),
        "features": features,
    }
    write_json(folder / "pack.json", {**content, **known, **streams_to_json(streams)})


def digest(features: dict[str, np.ndarray], streams: Streams) -> str:
    """Return the SHA-256 of the packed features of one video.

    Parameters
    ----------
    features
        The features by stream.
    streams
        The streams, in the order of the digest.

    Returns
    -------
    str
        The hexadecimal digest.
    """
    total = hashlib.sha256()
    for stream in streams:
        total.update(np.ascontiguousarray(features[stream.name], dtype="<f4").tobytes())
    return total.hexdigest()


class PackedArrays:
    """The arrays of a store, open for writing. Rows are written in any order and are not kept in memory.

    Existing arrays with the same number of rows are kept, so that an interrupted packing can be resumed.

    Parameters
    ----------
    folder
        The folder of the store.
    rows
        The number of videos.
    streams
        The streams.
    """

    def __init__(self, folder: Path, rows: int, streams: Streams) -> None:
        self._rows, self._streams = rows, streams
        self._files = {stream.name: _open_rows(folder / f"{stream.name}.npy", rows, stream.width) for stream in streams}

    def __enter__(self) -> PackedArrays:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files.values():
            file.close()

    def write(self, row: int, features: dict[str, np.ndarray]) -> None:
        """Write the packed features of one video.

        Parameters
        ----------
        row
            The row of the video.
        features
            The features by stream.
        """
        for stream in self._streams:
            content = np.ascontiguousarray(features[stream.name], dtype="<f4").tobytes()
            file = self._files[stream.name]
            file.seek(len(_header(self._rows, stream.width)) + row * len(content))
            file.write(content)

    def sync(self) -> None:
        """Sync the written rows to disk."""
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())

    def keep(self, rows: Sequence[int]) -> None:
        """Keep some rows, and remove the others.

        Parameters
        ----------
        rows
            The rows to keep, in increasing order. They are moved to the front.
        """
        for stream in self._streams:
            file = self._files[stream.name]
            start, size = len(_header(self._rows, stream.width)), SEGMENTS * stream.width * 4
            for new, old in enumerate(rows):
                if new != old:
                    file.seek(start + old * size)
                    content = file.read(size)
                    file.seek(start + new * size)
                    file.write(content)
            file.seek(0)
            file.write(_header(len(rows), stream.width))
            file.truncate(start + len(rows) * size)
        self._rows = len(rows)


def publish(partial: Path, folder: Path) -> None:
    """Rename a finished store to its final name, and sync the change to disk.

    Parameters
    ----------
    partial
        The finished store.
    folder
        Its final path. An older store at this path is removed.
    """
    sync_folder(partial)
    if folder.exists():
        shutil.rmtree(folder)
    partial.rename(folder)
    sync_folder(folder.parent)


def _open_rows(path: Path, rows: int, width: int) -> io.BufferedRandom:
    header = _header(rows, width)
    if path.exists():
        file = path.open("r+b")
        if file.read(len(header)) == header:
            return file
        file.close()
    file = path.open("w+b")
    file.write(header)
    file.truncate(len(header) + rows * SEGMENTS * width * 4)
    return file


def _header(rows: int, width: int) -> bytes:
    """Return the .npy header of an array. NumPy pads it, so that its length does not depend on ``rows``."""
    buffer = io.BytesIO()
    shape = (rows, SEGMENTS, width)
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def _open_array(folder: Path, stream: Stream, rows: int, hint: str) -> np.ndarray:
    path, shape = folder / f"{stream.name}.npy", (rows, SEGMENTS, stream.width)
    array = read_npy(path, f"remove {folder} and {hint}")
    if array.shape != shape or array.dtype != np.float32:
        raise BadInputError(
            f"{path}: {array.dtype} {array.shape}, expected float32 {shape} of the stream {stream.name!r}; "
            f"remove {folder} and {hint}"
        )
    return array


def _require_described(directory: Path, folder: Path, packed: Streams, hint: str) -> None:
    """Raise if the data directory describes other streams than are packed; without a description, any may be."""
    differ = difference(packed, described_streams(directory) or packed)
    if differ:
        raise BadInputError(
            f"{folder}: packed from the stream {differ[0]}, but {STREAMS_FILE} describes {differ[1]}; {hint}"
        )


def _weak_labels(path: Path, videos: Sequence[str], hint: str) -> np.ndarray:
    rows = {row.video: row for row in read_weak(path)}
    missing = [video for video in videos if video not in rows]
    if missing:
        raise BadInputError(f"{path}: no row for the packed video {missing[0]} ({len(missing)} in total); {hint}")
    return weak_array([rows[video] for video in videos])


def _fingerprint(features: str, videos: Sequence[str], weak: np.ndarray, truth: np.ndarray | None) -> str:
    total = hashlib.sha256(features.encode())
    total.update("\n".join(videos).encode())
    total.update(weak.tobytes())
    if truth is not None:
        total.update(truth.tobytes())
    return total.hexdigest()
