"""Packing: from one feature file a video and stream to the packed store, restartable at any moment.

A split is packed in `packed/SPLIT.partial`. Every video has its row from the start; once a few rows are on the disk the
journal says so, with what their files looked like. A restart goes on from the journal, and does again the videos whose
files have changed since. When all are there, the folder gets its name.
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
    """What became of a split."""

    videos: int
    skipped: Mapping[str, str]
    """Why each video that was left out is unusable, by name."""
    already: bool
    """Whether it was packed before and nothing has changed."""


def pack_split(directory: Path, split: Split, *, skip_bad: bool = False) -> Packed:
    """Pack a split of a data directory; one that is packed, from files that have not changed, is left alone.

    Parameters
    ----------
    skip_bad
        Leave out videos with a feature file that is missing or unusable. Otherwise such a video is an error, told once
        all the others are packed, so that a second run only packs what was corrected.

    Raises
    ------
    BadInputError
        If the annotations or, without `skip_bad`, features are missing or unusable, or no video is usable.
    """
    videos = [row.video for row in read_weak(directory / WEAK_FILES[split])]
    folder = packed_folder(directory, split)
    known = _known(folder)
    if not (directory / "feats").is_dir():
        if known:
            return Packed(known["videos"], known["skipped"], already=True)
        raise BadInputError(f"{directory / 'feats'}: there is no such folder; put the feature files there (see README)")
    looks = {video: _look(directory, video) for video in videos}
    source = hashlib.sha256(json.dumps(looks).encode()).hexdigest()
    if known and known["source"] == source and (skip_bad or not known["skipped"]):
        return Packed(known["videos"], known["skipped"], already=True)
    partial = folder.with_name(f"{split}.partial")
    digests = _resume(partial, videos, looks)
    bad = _pack_rows(directory, partial, videos, looks, digests)
    if bad and not (skip_bad and digests):
        raise BadInputError(f"{next(iter(bad.values()))} ({len(bad):,} of {len(videos):,} videos are unusable)")
    good = [video for video in videos if video in digests]
    # Rows are about to move: from here on a restart begins anew.
    (partial / JOURNAL_FILE).unlink()
    with PackedArrays(partial, len(videos)) as arrays:
        arrays.keep([place for place, video in enumerate(videos) if video in digests])
        arrays.sync()
    write_index(partial, split, good, [digests[video] for video in good], source=source, skipped=bad)
    publish(partial, folder)
    return Packed(len(good), bad, already=False)


def _pack_rows(
    directory: Path, partial: Path, videos: Sequence[str], looks: Mapping[str, Any], digests: dict[str, str]
) -> dict[str, str]:
    """Write each row that `digests` lacks, adding its digest there; why each row that cannot be written is bad."""
    from tqdm import tqdm

    bad: dict[str, str] = {}
    places = [place for place, video in enumerate(videos) if video not in digests]
    bar = tqdm(total=len(videos), initial=len(digests), desc=partial.stem, unit="video", disable=None, leave=False)
    with PackedArrays(partial, len(videos)) as arrays, bar:
        for start in range(0, len(places), _ROWS_AT_ONCE):
            written = {}
            for place in places[start : start + _ROWS_AT_ONCE]:
                video = videos[place]
                try:
                    features = read_video(directory, video)
                except BadInputError as error:
                    bad[video] = str(error)
                else:
                    arrays.write(place, features)
                    written[video] = [looks[video], digest(features)]
                bar.update()
            arrays.sync()
            append_line(partial / JOURNAL_FILE, json.dumps(written))
            digests |= {video: value for video, (_, value) in written.items()}
    return bad


def _resume(partial: Path, videos: Sequence[str], looks: Mapping[str, Any]) -> dict[str, str]:
    """The digest of each row that an interrupted packing of the same videos has finished; anything else is removed."""
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
        except ValueError:  # a line cut short by a kill: its rows are done again
            continue
        finished.update({video: value for video, (look, value) in rows.items() if look == looks[video]})
    return finished


def _look(directory: Path, video: str) -> list[list[int] | None]:
    """Size and time of change of each of a video's files, None for one that is not there."""
    looks: list[list[int] | None] = []
    for stream in STREAMS:
        try:
            status = feature_path(directory, stream, video).stat()
        except OSError:
            looks.append(None)
        else:
            looks.append([status.st_size, status.st_mtime_ns])
    return looks


def _known(folder: Path) -> Any:
    """What is known of a split that is packed; None where it is not."""
    path = folder / "pack.json"
    return read_json(path, "packed split", f"remove {folder}") if path.exists() else None
