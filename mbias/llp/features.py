"""The three feature files of one video: where they are, what they must be, and the frames' mean over a segment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mbias.errors import BadInputError
from mbias.terms import SEGMENTS
from mbias.untrusted import read_npy

FRAMES_PER_SEGMENT = 8
"""Frames of a segment; the network takes their mean (`fc_v` is linear, so before or after is the same)."""


@dataclass(frozen=True)
class Stream:
    """A stream of features: its name in the network, its folder beneath ``feats``, and the shape of a file."""

    name: str
    folder: str
    rows: int
    width: int


STREAMS = (
    Stream("audio", "vggish", SEGMENTS, 128),
    Stream("frames", "res152", SEGMENTS * FRAMES_PER_SEGMENT, 2048),
    Stream("motion", "r2plus1d_18", SEGMENTS, 512),
)
"""VGGish sound, ResNet-152 frames and R(2+1)D-18 motion."""

_AGAIN = "extract or fetch it again, or leave the video out with --skip-bad"


def feature_path(directory: Path, stream: Stream, video: str) -> Path:
    """The feature file of a video, named by the first 11 characters of its name."""
    return directory / "feats" / stream.folder / f"{video[:11]}.npy"


def read_feature(path: Path, stream: Stream) -> np.ndarray:
    """The features of a file, float32 of shape (rows, width) of the stream, all finite.

    Raises
    ------
    BadInputError
        If the file is missing, cut short or no plain array, or its type, shape or a number in it is wrong.
    """
    if not path.exists():
        raise BadInputError(f"{path}: there is no such feature file; {_AGAIN}")
    values = read_npy(path, _AGAIN)
    if not np.issubdtype(values.dtype, np.floating):
        raise BadInputError(f"{path}: features are {values.dtype} in place of float32; {_AGAIN}")
    if values.shape != (stream.rows, stream.width):
        raise BadInputError(f"{path}: shape {values.shape} in place of {(stream.rows, stream.width)}; {_AGAIN}")
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise BadInputError(f"{path}: {values[row, column]} at row {row}, column {column}; {_AGAIN}")
    return np.array(values, dtype=np.float32)


def read_video(directory: Path, video: str) -> dict[str, np.ndarray]:
    """The packed features of a video: ``audio`` (10, 128), ``frames`` (10, 2048) and ``motion`` (10, 512), float32.

    Raises
    ------
    BadInputError
        As `read_feature` does.
    """
    values = {stream.name: read_feature(feature_path(directory, stream, video), stream) for stream in STREAMS}
    return {**values, "frames": pool_frames(values["frames"])}


def pool_frames(frames: np.ndarray) -> np.ndarray:
    """The mean over the 8 frames of each segment: (80, width) to (10, width)."""
    return frames.reshape(SEGMENTS, FRAMES_PER_SEGMENT, -1).mean(axis=1, dtype=np.float32)
