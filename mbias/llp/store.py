"""The packed store: a split's features as one array a stream, memory-mapped, beside the annotations they belong to.

DIR/packed/train/{audio,frames,motion}.npy    float32, (video, 10, 128 | 2048 | 512); frames pooled over each segment
videos.csv                   the videos' names, in array order
pack.json                    what was packed from what; a folder without it is not finished
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
from mbias.llp.features import STREAMS
from mbias.terms import SEGMENTS, Split
from mbias.untrusted import read_npy

PACK_VERSION = 1
SYNTH_FILE = "synth.json"
"""The file that makes a data directory a simulated one."""


@dataclass(frozen=True)
class LLPSplit:
    """A split in memory maps: arrays in the order of `videos`, dimensions (video, segment, ...)."""

    videos: tuple[str, ...]
    audio: np.ndarray
    """float32 (video, 10, 128), read-only."""
    frames: np.ndarray
    """float32 (video, 10, 2048), the mean over a segment's 8 frames, read-only."""
    motion: np.ndarray
    """float32 (video, 10, 512), read-only."""
    weak: np.ndarray
    """bool (video, category)."""
    truth: np.ndarray | None
    """bool (video, segment, modality, category), audio first; None for training, which has no dense labels."""
    fingerprint: str
    """SHA-256 of the features, the names and the labels."""
    simulated: bool
    """Whether the features are simulated."""


def open_split(directory: Path, split: Split) -> LLPSplit:
    """A packed split of a data directory.

    Raises
    ------
    BadInputError
        If the split is not packed, is packed by a newer version or is damaged, or its annotations are missing,
        unreadable or lack a packed video.
    """
    folder = packed_folder(directory, split)
    again = f"run `mbias pack {directory}`"
    index = read_json(folder / "pack.json", "packed split", again)
    if not isinstance(index, dict) or index.get("version") != PACK_VERSION or "features" not in index:
        raise BadInputError(
            f"{folder / 'pack.json'}: not of version {PACK_VERSION} of the packed store; remove {folder}, {again}"
        )
    videos = read_videos(folder / "videos.csv", again)
    arrays = {
        stream.name: _open_array(folder / f"{stream.name}.npy", (len(videos), SEGMENTS, stream.width), again)
        for stream in STREAMS
    }
    weak = _weak_of(directory / WEAK_FILES[split], videos, again)
    truth = None if split == Split.TRAIN else read_truth(directory, videos)
    return LLPSplit(
        videos=tuple(videos),
        **arrays,
        weak=weak,
        truth=truth,
        fingerprint=_fingerprint(str(index["features"]), videos, weak, truth),
        simulated=(directory / SYNTH_FILE).exists(),
    )


def packed_folder(directory: Path, split: Split) -> Path:
    """Where a split's packed store is."""
    return directory / "packed" / split


def read_videos(path: Path, hint: str) -> list[str]:
    """The names in a store's `videos.csv`, in array order."""
    try:
        return path.read_text(encoding="utf-8").splitlines()[1:]
    except FileNotFoundError:
        raise BadInputError(f"{path}: there is no such file; {hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: not readable ({error}); {hint}") from None


def write_index(folder: Path, split: Split, videos: Sequence[str], digests: Iterable[str], **known: Any) -> None:
    """Finish a store: its names and its `pack.json`, with the digest of `digests` (one a video, see `digest`)."""
    write_text(folder / "videos.csv", "\n".join(["video", *videos]) + "\n")
    features = hashlib.sha256("".join(digests).encode()).hexdigest()
    content = {
        "format": "mbias-pack",
        "version": PACK_VERSION,
        "split": split,
        "videos": len(videos),
        "features": features,
    }
    write_json(folder / "pack.json", {**content, **known})


def digest(features: dict[str, np.ndarray]) -> str:
    """SHA-256 of one video's packed features."""
    total = hashlib.sha256()
    for stream in STREAMS:
        total.update(np.ascontiguousarray(features[stream.name], dtype="<f4").tobytes())
    return total.hexdigest()


class PackedArrays:
    """The three arrays of a store being written: rows in any order, never the whole in memory.

    Arrays that are there already, with room for as many rows, are kept: their rows can be written again or left.
    """

    def __init__(self, folder: Path, rows: int) -> None:
        self._rows = rows
        self._files = {stream.name: _open_rows(folder / f"{stream.name}.npy", rows, stream.width) for stream in STREAMS}

    def __enter__(self) -> PackedArrays:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files.values():
            file.close()

    def write(self, row: int, features: dict[str, np.ndarray]) -> None:
        """Write one video's packed features as row `row`."""
        for stream in STREAMS:
            content = np.ascontiguousarray(features[stream.name], dtype="<f4").tobytes()
            file = self._files[stream.name]
            file.seek(len(_header(self._rows, stream.width)) + row * len(content))
            file.write(content)

    def sync(self) -> None:
        """Make what is written durable."""
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())

    def keep(self, rows: Sequence[int]) -> None:
        """Move `rows`, in rising order, to the front and cut the rest off."""
        for stream in STREAMS:
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
    """Give a finished store its name, durably; an older store of that name is removed."""
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
    """The .npy header of an array; NumPy pads it so that its length does not depend on `rows`."""
    buffer = io.BytesIO()
    shape = (rows, SEGMENTS, width)
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def _open_array(path: Path, shape: tuple[int, ...], again: str) -> np.ndarray:
    array = read_npy(path, f"remove {path.parent}, {again}")
    if array.shape != shape or array.dtype != np.float32:
        raise BadInputError(
            f"{path}: {array.dtype} {array.shape} in place of float32 {shape}; remove {path.parent}, {again}"
        )
    return array


def _weak_of(path: Path, videos: Sequence[str], again: str) -> np.ndarray:
    rows = {row.video: row for row in read_weak(path)}
    lost = [video for video in videos if video not in rows]
    if lost:
        raise BadInputError(f"{path}: no row for the packed video {lost[0]} ({len(lost)} such); {again}")
    return weak_array([rows[video] for video in videos])


def _fingerprint(features: str, videos: Sequence[str], weak: np.ndarray, truth: np.ndarray | None) -> str:
    total = hashlib.sha256(features.encode())
    total.update("\n".join(videos).encode())
    total.update(weak.tobytes())
    if truth is not None:
        total.update(truth.tobytes())
    return total.hexdigest()
