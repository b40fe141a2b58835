"""A stream of features, and the sets of streams that HAN takes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from mbias.arguments import counted, shown
from mbias.errors import BadInputError
from mbias.terms import SEGMENTS, Modality

MAP_BANDS, MAP_STEPS = 2, 32
"""Frequency bands and time steps of the last feature map of CLAP's audio encoder HTS-AT, for 10 seconds of audio."""

MAP_ROWS = MAP_BANDS * MAP_STEPS
"""Rows of such a map in a file: the time steps of the lower band, then those of the upper band."""

LARGEST_WIDTH = 2**16
"""The largest width of a stream. Descriptions and records are untrusted, and a network is made to fit them."""

_NAME = re.compile("[a-z][a-z0-9_]{0,31}")


@dataclass(frozen=True)
class Stream:
    """A stream: one feature file per video.

    Parameters
    ----------
    name
        Its name: lowercase letters, digits and underscores.
    modality
        The modality that it belongs to.
    folder
        The folder of its files, relative to the data directory.
    rows
        Rows of the array in a file: a multiple of 10, in the order of time, or of an audio stream `MAP_ROWS`.
    width
        Columns of the array in a file.

    Raises
    ------
    BadInputError
        If a value is of another kind. The message names the stream.

    Examples
    --------
    >>> print(Stream("audio", Modality.AUDIO, "feats/vggish", 10, 128))
    audio (feats/vggish, 10 x 128)
    """

    name: str
    modality: Modality
    folder: str
    rows: int
    width: int

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise BadInputError(
                f"{shown(self.name)} cannot name a stream; use lowercase letters, digits and underscores"
            )
        if self.modality not in list(Modality):
            raise BadInputError(f"{self._of('modality')}: it must be {' or '.join(Modality)}")
        object.__setattr__(self, "modality", Modality(self.modality))
        if not _is_folder(self.folder):
            raise BadInputError(
                f"{self._of('folder')}: it must be a folder in the data directory, such as feats/vggish"
            )
        if type(self.rows) is not int or self.rows < 1 or (self.rows % SEGMENTS and not self._is_map):
            raise BadInputError(
                f"{self._of('rows')}: it must be a multiple of {SEGMENTS}, the number of segments, "
                f"or {MAP_ROWS} for the feature maps of CLAP"
            )
        if type(self.width) is not int or not 1 <= self.width <= LARGEST_WIDTH:
            raise BadInputError(f"{self._of('width')}: it must be a whole number from 1 to {LARGEST_WIDTH:,}")

    def __str__(self) -> str:
        return f"{self.name} ({self.folder}, {self.rows} x {self.width})"

    @property
    def _is_map(self) -> bool:
        return self.rows == MAP_ROWS and self.modality == Modality.AUDIO

    def _of(self, field: str) -> str:
        return f"the stream {self.name!r} has {field} = {shown(getattr(self, field))}"


Streams = tuple[Stream, ...]
"""The streams of a data directory, as `checked_streams` returns them."""


def checked_streams(streams: Sequence[Stream]) -> Streams:
    """Check that HAN can be trained on streams.

    Parameters
    ----------
    streams
        The streams, in any order of modalities.

    Returns
    -------
    tuple of Stream
        The audio stream, then the visual ones in the given order.

    Raises
    ------
    BadInputError
        If a name is repeated, or there is not one audio stream and one or two visual ones. The message names the
        streams.
    """
    names = [stream.name for stream in streams]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BadInputError(f"the stream {twice!r} is there twice; give each stream a name of its own")
    kinds = {modality: [stream for stream in streams if stream.modality == modality] for modality in Modality}
    for modality, most in ((Modality.AUDIO, 1), (Modality.VISUAL, 2)):
        found = kinds[modality]
        if not found:
            raise BadInputError(f"no {modality} stream among the streams {_named(names)}; HAN needs one, so add it")
        if len(found) > most:
            raise BadInputError(
                f"there are {len(found)} {modality} streams, {_named([stream.name for stream in found])}; "
                f"HAN takes at most {most}, so leave out the others"
            )
    return (*kinds[Modality.AUDIO], *kinds[Modality.VISUAL])


def widths(streams: Streams) -> tuple[int, ...]:
    """Return the width of each stream.

    Examples
    --------
    >>> widths((Stream("audio", Modality.AUDIO, "feats/vggish", 10, 128),))
    (128,)
    """
    return tuple(stream.width for stream in streams)


def difference(first: Streams, second: Streams) -> tuple[Stream | None, Stream | None] | None:
    """Return the first pair of streams that differ, None where one is missing; None if there is no such pair.

    Examples
    --------
    >>> audio = Stream("audio", Modality.AUDIO, "feats/vggish", 10, 128)
    >>> difference((audio,), (audio,)) is None
    True
    >>> difference((audio,), ()) == (audio, None)
    True
    """
    return next((pair for pair in itertools.zip_longest(first, second) if pair[0] != pair[1]), None)


def mismatch(streams: Streams, trained: Sequence[int], what: str) -> str | None:
    """Say why a network does not fit streams.

    Parameters
    ----------
    streams
        The streams of the data.
    trained
        The widths of the streams that the network takes, audio first.
    what
        What was trained, for the sentence.

    Returns
    -------
    str or None
        The first difference, which names the stream; None if the network fits.

    Examples
    --------
    >>> audio = Stream("audio", Modality.AUDIO, "CLAP/features", 10, 512)
    >>> clip = Stream("clip", Modality.VISUAL, "CLIP/features", 10, 768)
    >>> mismatch((audio, clip), (128, 768), "this run")
    "the stream 'audio' is 512 wide, but this run was trained on 128"
    >>> mismatch((audio, clip), (512, 768, 512), "this run")
    "the data have 1 visual stream, 'clip', but this run was trained on 2"
    """
    if len(trained) != len(streams):
        visual = [stream.name for stream in streams[1:]]
        count = counted(len(visual), "visual stream")
        return f"the data have {count}, {_named(visual)}, but {what} was trained on {len(trained) - 1}"
    for stream, width in zip(streams, trained, strict=True):
        if stream.width != width:
            return f"the stream {stream.name!r} is {stream.width} wide, but {what} was trained on {width}"
    return None


def _named(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names)) or "none"


def _is_folder(folder: object) -> bool:
    if not isinstance(folder, str) or not folder.isprintable() or "\\" in folder:
        return False
    parts = PurePosixPath(folder).parts
    return bool(parts) and parts[0] != "/" and ".." not in parts
