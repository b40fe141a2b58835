"""The feature files of a video, one per stream: their paths, reading and validating them, and pooling their rows."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from mbias.errors import BadInputError
from mbias.llp.streams.stream import MAP_BANDS, MAP_ROWS, MAP_STEPS, Stream, Streams
from mbias.terms import SEGMENTS
from mbias.untrusted import read_npy

_HINT = "extract or download it again, or leave the video out with --skip-bad"


def feature_path(directory: Path, stream: Stream, video: str) -> Path:
    """Return the path of a feature file, which is named after the first 11 characters of the video.

    Parameters
    ----------
    directory
        The data directory.
    stream
        The stream.
    video
        The name of the video.

    Returns
    -------
    pathlib.Path

    Examples
    --------
    >>> from mbias.llp.streams.presets import HAN_STREAMS
    >>> feature_path(Path("data/LLP"), HAN_STREAMS[0], "abcdefghijk_10_20").as_posix()
    'data/LLP/feats/vggish/abcdefghijk.npy'
    """
    return directory / stream.folder / f"{video[:11]}.npy"


def missing_folders(directory: Path, streams: Streams) -> list[Stream]:
    """List the streams whose folder is missing.

    Parameters
    ----------
    directory
        The data directory.
    streams
        Its streams.

    Returns
    -------
    list of Stream
    """
    return [stream for stream in streams if not (directory / stream.folder).is_dir()]


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
        raise BadInputError(f"{path}: there is no such feature file of the stream {stream.name!r}; {_HINT}")
    values = read_npy(path, _HINT)
    if not np.issubdtype(values.dtype, np.floating):
        raise BadInputError(f"{path}: the features are {values.dtype}, expected float32; {_HINT}")
    if values.shape != (stream.rows, stream.width):
        raise BadInputError(
            f"{path}: the shape is {values.shape}, expected {(stream.rows, stream.width)} of the stream "
            f"{stream.name!r}; describe other features in streams.toml, {_HINT}"
        )
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise BadInputError(f"{path}: the value at row {row}, column {column} is {values[row, column]}; {_HINT}")
    return np.array(values, dtype=np.float32)


def read_video(directory: Path, video: str, streams: Streams) -> dict[str, np.ndarray]:
    """Read the features of a video, with the rows of each segment pooled.

    Parameters
    ----------
    directory
        The data directory.
    video
        The name of the video.
    streams
        The streams of the directory.

    Returns
    -------
    dict of str to numpy.ndarray
        float32 arrays of shape (10, width), by stream.

    Raises
    ------
    BadInputError
        If `read_feature` refuses a file.
    """
    return {stream.name: pool_rows(read_feature(feature_path(directory, stream, video), stream)) for stream in streams}


def pool_rows(values: np.ndarray) -> np.ndarray:
    """Return the mean over the rows of each segment.

    Of a feature map of CLAP (`MAP_ROWS`), the bands are averaged, and a time step that two segments share counts for
    each by the part that lies in it.

    Parameters
    ----------
    values
        float32 array of shape (rows, width), with the rows of a `Stream`.

    Returns
    -------
    numpy.ndarray
        float32, of shape (10, width). Ten rows are returned as they are.

    Examples
    --------
    >>> pool_rows(np.arange(80, dtype=np.float32)[:, None]).ravel()[:2].tolist()
    [3.5, 11.5]
    """
    if len(values) == SEGMENTS:
        return values
    if len(values) == MAP_ROWS:
        steps = values.reshape(MAP_BANDS, MAP_STEPS, -1).mean(axis=0, dtype=np.float32)
        values = np.repeat(steps, SEGMENTS // math.gcd(SEGMENTS, MAP_STEPS), axis=0)
    pooled: np.ndarray = values.reshape(SEGMENTS, len(values) // SEGMENTS, -1).mean(axis=1, dtype=np.float32)
    return pooled
