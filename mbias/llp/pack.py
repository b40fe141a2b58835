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
from mbias.llp.features import STREAMS, feature_path, read_video
from mbias.llp.store import PackedArrays, digest, packed_folder, publish, write_index
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
        If the annotations are missing or unusable, if features are (without ``skip_bad``), or if no video is usable.
    """
    videos = [row.video for row in read_weak(directory / WEAK_FILES[split])]
    folder = packed_folder(directory, split)
    index = _read_index(folder)
    if not (directory / "feats").is_dir():
        if index:
            return Packed(index["videos"], index["skipped"], already=True)
        raise BadInputError(f"{directory / 'feats'}: there is no such folder; put the feature files there (see README)")
    states = {video: _file_states(directory, video) for video in videos}
    source = hashlib.sha256(json.dumps(states).encode()).hexdigest()
    if index and index["source"] == source and (skip_bad or not index["skipped"]):
        return Packed(index["videos"], index["skipped"], already=True)
    partial = folder.with_name(f"{split}.partial")
    digests = _resume(partial, videos, states)
    bad = _pack_rows(directory, partial, videos, states, digests)
    if bad and not (skip_bad and digests):
        raise BadInputError(f"{next(iter(bad.values()))} ({len(bad):,} of {len(videos):,} videos are unusable)")
    good = [video for video in videos if video in digests]
    # The next step moves rows, so a restart after this point must begin again.
    (partial / JOURNAL_FILE).unlink()
    with PackedArrays(partial, len(videos)) as arrays:
        arrays.keep([row for row, video in enumerate(videos) if video in digests])
        arrays.sync()
    write_index(partial, split, good, [digests[video] for video in good], source=source, skipped=bad)
    publish(partial, folder)
    return Packed(len(good), bad, already=False)


def _pack_rows(
    directory: Path, partial: Path, videos: Sequence[str], states: Mapping[str, Any], digests: dict[str, str]
) -> dict[str, str]:
    """Write every row that is not in ``digests``, and add its digest. Return why videos are unusable, by name."""
    from tqdm import tqdm

    bad: dict[str, str] = {}
    rows = [row for row, video in enumerate(videos) if video not in digests]
    bar = tqdm(total=len(videos), initial=len(digests), desc=partial.stem, unit="video", disable=None, leave=False)
    with PackedArrays(partial, len(videos)) as arrays, bar:
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            written = {}
            for row in rows[start : start + _ROWS_AT_ONCE]:
                video = videos[row]
                try:
                    features = read_video(directory, video)
                except BadInputError as error:
                    bad[video] = str(error)
                else:
                    arrays.write(row, features)
                    written[video] = [states[video], digest(features)]
                bar.update()
            arrays.sync()
            append_line(partial / JOURNAL_FILE, json.dumps(written))
            digests |= {video: value for video, (_, value) in written.items()}
    return bad


def _resume(partial: Path, videos: Sequence[str], states: Mapping[str, Any]) -> dict[str, str]:
    """Return the digests of the rows that an interrupted run finished. Remove a partial store of other videos."""
    journal = partial / JOURNAL_FILE
    first, *lines = journal.read_text(encoding="utf-8").splitlines() if journal.exists() else [""]
    names = json.dumps(list(videos))
    if first != names or any(not (partial / f"{stream.name}.npy").exists() for stream in STREAMS):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        append_line(journal, names)
        return {}
    finished = {}
    for line in lines:
        try:
            rows = json.loads(line)
        except ValueError:  # the process was killed while it wrote this line: its rows are packed again
            continue
        finished.update({video: value for video, (state, value) in rows.items() if state == states[video]})
    return finished


def _file_states(directory: Path, video: str) -> list[list[int] | None]:
    """Return the size and modification time of each file of a video, None for a missing file."""
    states: list[list[int] | None] = []
    for stream in STREAMS:
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
