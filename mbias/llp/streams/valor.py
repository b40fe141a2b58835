"""Recognising the files of VALOR by their folders."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from mbias.errors import BadInputError
from mbias.llp.streams.presets import CLIP_CLAP_STREAMS, HAN_STREAMS
from mbias.llp.streams.stream import Stream, Streams
from mbias.untrusted import read_npy


def recognise_valor(directory: Path) -> Streams | None:
    """Recognise a data directory in which the files of VALOR are unpacked.

    Parameters
    ----------
    directory
        The data directory.

    Returns
    -------
    tuple of Stream, or None
        `CLIP_CLAP_STREAMS`, with the shapes of the files that are there; None unless the folders ``CLAP/features`` and
        ``CLIP/features`` are there.
    """
    own = [stream for stream in CLIP_CLAP_STREAMS if stream not in HAN_STREAMS]
    if not all((directory / stream.folder).is_dir() for stream in own):
        return None
    return tuple(_as_found(directory, stream) for stream in CLIP_CLAP_STREAMS)


def _as_found(directory: Path, stream: Stream) -> Stream:
    """Return the stream with the shape of its first file that a stream can have."""
    for path in sorted((directory / stream.folder).glob("*.npy")):
        try:
            rows, width = read_npy(path, "").shape
            return dataclasses.replace(stream, rows=rows, width=width)
        except (BadInputError, ValueError):
            continue
    return stream
