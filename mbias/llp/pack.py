"""Packing of feature files, one per video and stream, into the packed store. It can be interrupted and resumed.

A split is packed in `packed/SPLIT.partial`, where every video has a fixed row. After each batch of rows is synced to
disk, the journal records the rows and the state of their files. A restart resumes from the journal, and packs again the
videos whose files have changed. The folder is renamed to its final name when it is complete.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mbias.errors import BadInputError
from mbias.files import append_line, read_json
from mbias.llp.annotations import WEAK_FILES, read_weak
from mbias.llp.features import feature_path, missing_folders, read_video
from mbias.llp.store import PackedArrays, digest, packed_folder, publish, write_index
from mbias.llp.streams.description import STREAMS_FILE, described_streams, find_streams
from mbias.llp.streams.recorded import streams_from_json, streams_to_json
from mbias.llp.streams.stream import Streams
from mbias.terms import Split

JOURNAL_FILE = "journal.jsonl"
_ROWS_AT_ONCE = 64


@dataclass(frozen=True)
class Packed:
    """The result of packing a split.

    Parameters
    ----------
    videos
        The number of packed videos.
    skipped
        Why each video was left out, by name.
    already
        Whether the split was already packed from the same files.
    """

    videos: int
    skipped: Mapping[str, str]
    already: bool


def pack_split(directory: Path, split: Split, *, skip_bad: bool = False) -> Packed:
    """Pack a split of a data directory, unless it is already packed from the same files.

    Parameters
    ----------
    directory
        The data directory.
    split
        The split to pack.
    skip_bad
        Leave out videos with a missing or unusable feature file. Otherwise such a video is an error, which is raised
        after all other videos are packed, so that a second run packs only the corrected ones.

    Returns
    -------
    Packed

    Raises
    ------
    BadInputError
        If the annotations are missing or unusable, if a stream has no folder, if features are missing or unusable
        (without ``skip_bad``), or if no video is usable.
    """
    videos = [row.video for row in read_weak(directory / WEAK_FILES[split])]
    folder = packed_folder(directory, split)
    index = _read_index(folder)
    packed = streams_from_json(index, folder / "pack.json") if index else None
    streams = find_streams(directory).streams
    missing = missing_folders(directory, streams)
    if index and missing == list(streams) and described_streams(directory) in (None, packed):
        return Packed(index["videos"], index["skipped"], already=True)
    if missing:
        raise BadInputError(
            f"{directory / missing[0].folder}: there is no such folder; put the files of the stream "
            f"{missing[0].name!r} there, or describe other features in {STREAMS_FILE} (see docs/reproduce.md)"
        )
    states = {video: _file_states(directory, video, streams) for video in videos}
    source = hashlib.sha256(json.dumps(states).encode()).hexdigest()
    if index and (index["source"], packed) == (source, streams) and (skip_bad or not index["skipped"]):
        return Packed(index["videos"], index["skipped"], already=True)
    partial = folder.with_name(f"{split}.partial")
    digests = _resume(partial, videos, states, streams)
    bad = _pack_rows(directory, partial, streams, videos, states, digests)
    if bad and not (skip_bad and digests):
        raise BadInputError(f"{next(iter(bad.values()))} ({len(bad):,} of {len(videos):,} videos are unusable)")
    good = [video for video in videos if video in digests]
    # The next step moves rows, so a restart after this point must begin again.
    (partial / JOURNAL_FILE).unlink()
    with PackedArrays(partial, len(videos), streams) as arrays:
        arrays.keep([row for row, video in enumerate(videos) if video in digests])
        arrays.sync()
    write_index(partial, split, good, [digests[video] for video in good], streams, source=source, skipped=bad)
    publish(partial, folder)
    return Packed(len(good), bad, already=False)


def _pack_rows(
    directory: Path,
    partial: Path,
    streams: Streams,
    videos: Sequence[str],
    states: Mapping[str, Any],
    digests: dict[str, str],
) -> dict[str, str]:
    """Write every row that is not in ``digests``, and add its digest. Return why videos are unusable, by name."""
    from tqdm import tqdm

    bad: dict[str, str] = {}
    rows = [row for row, video in enumerate(videos) if video not in digests]
    bar = tqdm(total=len(videos), initial=len(digests), desc=partial.stem, unit="video", disable=None, leave=False)
    with PackedArrays(partial, len(videos), streams) as arrays, bar:
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            written = {}
            for row in rows[start : start + _ROWS_AT_ONCE]:
                video = videos[row]
                try:
                    features = read_video(directory, video, streams)
                except BadInputError as error:
                    bad[video] = str(error)
                else:
                    arrays.write(row, features)
                    written[video] = [states[video], digest(features, streams)]
                bar.update()
            arrays.sync()
            append_line(partial / JOURNAL_FILE, json.dumps(written))
            digests |= {video: value for video, (_, value) in written.items()}
    return bad


def _resume(partial: Path, videos: Sequence[str], states: Mapping[str, Any], streams: Streams) -> dict[str, str]:
    """Return the digests of the rows that an interrupted run finished. Remove a partial store of other content."""
    journal = partial / JOURNAL_FILE
    first, *lines = journal.read_text(encoding="utf-8").splitlines() if journal.exists() else [""]
    recorded = streams_to_json(streams)
    content = json.dumps({"videos": list(videos), **recorded} if recorded else list(videos))
    if first != content or any(not (partial / f"{stream.name}.npy").exists() for stream in streams):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        append_line(journal, content)
        return {}
    finished = {}
    for line in lines:
        try:
            rows = json.loads(line)
        except ValueError:  # the process was killed while it wrote this line: its rows are packed again
            continue
        finished.update({video: value for video, (state, value) in rows.items() if state == states[video]})
    return finished


def _file_states(directory: Path, video: str, streams: Streams) -> list[list[int] | None]:
    """Return the size and modification time of each file of a video, None for a missing file."""
    states: list[list[int] | None] = []
    for stream in streams:
        try:
            status = feature_path(directory, stream, video).stat()
        except OSError:
            states.append(None)
        else:
            states.append([status.st_size, status.st_mtime_ns])
    return states


def _read_index(folder: Path) -> Any:
    """Return the index of a packed split, None if it is not packed."""
    path = folder / "pack.json"
    return read_json(path, "packed split", f"remove {folder}") if path.exists() else None
