"""Which streams a data directory has: those that its streams.toml describes, or those that its folders show."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mbias.errors import BadInputError
from mbias.llp.streams.presets import HAN_STREAMS, preset_streams
from mbias.llp.streams.stream import Stream, Streams, checked_streams
from mbias.llp.streams.valor import recognise_valor

STREAMS_FILE = "streams.toml"
"""The file in a data directory that describes its streams."""

LARGEST_DESCRIPTION = 2**20
"""Size limit of this file, in bytes."""

_KEYS = ("modality", "folder", "rows", "width")


@dataclass(frozen=True)
class FoundStreams:
    """The streams of a data directory, and how they were found.

    Parameters
    ----------
    streams
        The streams.
    source
        How they were found, as the end of a sentence. Empty for `HAN_STREAMS` where nothing says otherwise.
    """

    streams: Streams
    source: str


def find_streams(directory: Path) -> FoundStreams:
    """Find the streams of a data directory.

    They are those of its `STREAMS_FILE`. Without this file, they are those of VALOR if its folders are there, and
    `HAN_STREAMS` otherwise.

    Parameters
    ----------
    directory
        The data directory.

    Returns
    -------
    FoundStreams

    Raises
    ------
    BadInputError
        If the description is not readable, or describes streams that HAN does not take.

    Examples
    --------
    >>> find_streams(Path("data/not-there")).streams == HAN_STREAMS
    True
    """
    described = described_streams(directory)
    if described:
        return FoundStreams(described, f"as {STREAMS_FILE} describes them")
    recognised = recognise_valor(directory)
    if not recognised:
        return FoundStreams(HAN_STREAMS, "")
    others = [
        stream.folder for stream in HAN_STREAMS if stream not in recognised and (directory / stream.folder).is_dir()
    ]
    instead = f', not {" and ".join(others)} (for these, write preset = "han" into {STREAMS_FILE})' if others else ""
    return FoundStreams(recognised, f"recognised as the files of VALOR{instead}")


def described_streams(directory: Path) -> Streams | None:
    """Read the streams that the `STREAMS_FILE` of a data directory describes.

    The file holds ``preset = "NAME"``, or one table per stream, whose name is the stream's, with the keys ``modality``,
    ``folder``, ``rows`` and ``width``.

    Parameters
    ----------
    directory
        The data directory.

    Returns
    -------
    tuple of Stream, or None
        None if there is no such file.

    Raises
    ------
    BadInputError
        As `find_streams`.

    Examples
    --------
    >>> import tempfile
    >>> directory = Path(tempfile.mkdtemp())
    >>> _ = (directory / "streams.toml").write_text('''
    ... [audio]
    ... modality = "audio"
    ... folder = "feats/CLAP"
    ... rows = 10
    ... width = 512
    ... [clip]
    ... modality = "visual"
    ... folder = "feats/CLIP"
    ... rows = 80
    ... width = 512
    ... ''')
    >>> print(*described_streams(directory), sep=", ")
    audio (feats/CLAP, 10 x 512), clip (feats/CLIP, 80 x 512)
    """
    path = directory / STREAMS_FILE
    content = _read(path)
    if content is None:
        return None
    try:
        if "preset" in content:
            if len(content) > 1:
                raise BadInputError("a preset and other entries; keep the preset, or describe every stream")
            return preset_streams(content["preset"])
        return checked_streams([_stream(name, table) for name, table in content.items()])
    except BadInputError as error:
        raise BadInputError(f"{path}: {error}") from None


def _read(path: Path) -> dict[str, Any] | None:
    try:
        if path.stat().st_size > LARGEST_DESCRIPTION:
            raise BadInputError(f"{path}: larger than {LARGEST_DESCRIPTION:,} bytes; give one table per stream")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise BadInputError(f"{path}: not a readable TOML file ({reason}); give one table per stream") from None


def _stream(name: str, table: object) -> Stream:
    if not isinstance(table, dict):
        raise BadInputError(f"{name!r} is neither a preset nor the table of a stream; write [{name}] and its keys")
    for key in table:
        if key not in _KEYS:
            raise BadInputError(f"the stream {name!r} has an unknown key {key!r}; known keys are {', '.join(_KEYS)}")
    for key in _KEYS:
        if key not in table:
            raise BadInputError(f"the stream {name!r} has no {key!r}; add it")
    return Stream(name, **table)
