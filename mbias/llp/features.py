"""The three feature files of a video: their paths, reading and validating them, and pooling the frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mbias.errors import BadInputError
from mbias.terms import SEGMENTS
from mbias.untrusted import read_npy

FRAMES_PER_SEGMENT = 8
"""Number of frames per segment. The network uses their mean; `fc_v` is linear, so pooling before it is equivalent."""


@dataclass(frozen=True)
class Stream:
    """A feature stream.

    Parameters
    ----------
    name
        Its name in the network.
    folder
        Its folder in ``feats``.
    rows, width
        The shape of the array in a file.
    """

    name: str
    folder: str
    rows: int
    width: int


STREAMS = (
    Stream("audio", "vggish", SEGMENTS, 128),
    Stream("frames", "res152", SEGMENTS * FRAMES_PER_SEGMENT, 2048),
    Stream("motion", "r2plus1d_18", SEGMENTS, 512),
)
"""VGGish audio, ResNet-152 frames and R(2+1)D-18 motion."""

_HINT = "extract or download it again, or leave the video out with --skip-bad"


def feature_path(directory: Path, stream: Stream, video: str) -> Path:
    """Return the path of a feature file, which is named after the first 11 characters of the video.

    Parameters
    ----------
    directory
        The data directory.
    stream
        A stream in `STREAMS`.
    video
        The name of the video.

    Returns
    -------
    pathlib.Path

    Examples
    --------
    >>> feature_path(Path("data/LLP"), STREAMS[0], "abcdefghijk_10_20").as_posix()
    'data/LLP/feats/vggish/abcdefghijk.npy'
    """
    return directory / "feats" / stream.folder / f"{video[:11]}.npy"


def read_feature(path: Path, stream: Stream) -> np.ndarray:
    """Read and validate a feature file.

    Parameters
    ----------
    path
        The file.
    stream
        The stream that it belongs to.

    Returns
    -------
    numpy.ndarray
        float32, of shape ``(stream.rows, stream.width)``. All values are finite.

    Raises
    ------
    BadInputError
        If the file is missing, cut short or not a plain array, or if its dtype, its shape or a value is wrong.
    """
    if not path.exists():
        raise BadInputError(f"{path}: there is no such feature file; {_HINT}")
    values = read_npy(path, _HINT)
    if not np.issubdtype(values.dtype, np.floating):
        raise BadInputError(f"{path}: the features are {values.dtype}, expected float32; {_HINT}")
    if values.shape != (stream.rows, stream.width):
        raise BadInputError(f"{path}: the shape is {values.shape}, expected {(stream.rows, stream.width)}; {_HINT}")
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise BadInputError(f"{path}: the value at row {row}, column {column} is {values[row, column]}; {_HINT}")
    return np.array(values, dtype=np.float32)


def read_video(directory: Path, video: str) -> dict[str, np.ndarray]:
    """Read the features of a video, with the frames pooled.

    Parameters
    ----------
    directory
        The data directory.
    video
        The name of the video.

    Returns
    -------
    dict of str to numpy.ndarray
        float32 arrays ``audio`` (10, 128), ``frames`` (10, 2048) and ``motion`` (10, 512).

    Raises
    ------
    BadInputError
        If `read_feature` refuses a file.
    """
    values = {stream.name: read_feature(feature_path(directory, stream, video), stream) for stream in STREAMS}
    return {**values, "frames": pool_frames(values["frames"])}


def pool_frames(frames: np.ndarray) -> np.ndarray:
    """Return the mean over the 8 frames of each segment.

    Parameters
    ----------
    frames
        Array of shape (80, width).

    Returns
    -------
    numpy.ndarray
        float32, of shape (10, width).

    Examples
    --------
    >>> pool_frames(np.arange(80.0)[:, None]).ravel()[:2].tolist()
    [3.5, 11.5]
    """
    pooled: np.ndarray = frames.reshape(SEGMENTS, FRAMES_PER_SEGMENT, -1).mean(axis=1, dtype=np.float32)
    return pooled
