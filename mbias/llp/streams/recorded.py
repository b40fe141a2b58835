"""Streams as JSON: in the index of a packed split, and in the record of a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mbias.errors import BadInputError
from mbias.llp.streams.presets import HAN_STREAMS
from mbias.llp.streams.stream import Stream, Streams, checked_streams


def streams_to_json(streams: Streams) -> dict[str, list[dict[str, Any]]]:
    """Return the field that records streams.

    Parameters
    ----------
    streams
        The streams.

    Returns
    -------
    dict
        ``streams``, one object per stream; empty for `HAN_STREAMS`, which records without the field were made of.

    Examples
    --------
    >>> streams_to_json(HAN_STREAMS)
    {}
    """
    return {} if streams == HAN_STREAMS else {"streams": [dataclasses.asdict(stream) for stream in streams]}


def streams_from_json(content: Mapping[str, Any], path: Path) -> Streams:
    """Return the streams that are recorded.

    Parameters
    ----------
    content
        The object with the field that `streams_to_json` returns.
    path
        Its file, for error messages.

    Returns
    -------
    tuple of Stream

    Raises
    ------
    BadInputError
        If the field is damaged.
    """
    if "streams" not in content:
        return HAN_STREAMS
    try:
        return checked_streams([Stream(**stream) for stream in content["streams"]])
    except TypeError:
        raise BadInputError(f"{path}: 'streams' is damaged; restore the file") from None
    except BadInputError as error:
        raise BadInputError(f"{path}: {error}") from None
