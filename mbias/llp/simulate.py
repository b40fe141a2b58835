"""Simulated LLP: the data set's own files, with a truth that is planted and known.

Every draw of a video comes from generators of (seed, split, place in the split), so a video is the same whatever else
is made, and the same seed gives the same bytes.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from mbias.errors import BadInputError
from mbias.files import read_json, sync_folder, write_bytes, write_json, write_text
from mbias.llp.annotations import DENSE_COLUMNS, DENSE_FILES, WEAK_COLUMNS, WEAK_FILES, read_weak
from mbias.llp.features import STREAMS, feature_path
from mbias.llp.knobs import CALIBRATED, Knobs
from mbias.llp.planted import FEATURES, FRAMES, Planted, generator, plant_source, plant_split, read_source
from mbias.llp.planting import Planter
from mbias.llp.signals import Signals
from mbias.llp.store import SYNTH_FILE, PackedArrays, digest, packed_folder, write_index
from mbias.terms import CATEGORIES, Split

PLANTED_FILE = "planted.safetensors"
SIZES = {Split.TRAIN: 10_000, Split.VAL: 649, Split.TEST: 1_200}
"""Videos of each split of LLP."""


def simulate(
    out: Path,
    *,
    seed: int = 0,
    sizes: Mapping[Split, int] | None = None,
    knobs: Knobs | None = None,
    annotations: Path | None = None,
    packed: bool = False,
) -> bool:
    """Write a simulated data directory; whether there was anything to do.

    Parameters
    ----------
    out
        The directory; it appears when it is whole. One of the same settings is left as it is.
    sizes
        Videos of each split: by default LLP's, or with `annotations` all there are (fewer are the first ones).
    knobs
        By default `Knobs`, or with `annotations` `mbias.llp.knobs.CALIBRATED`.
    annotations
        A directory of LLP's five CSV files to copy. Its dense labels are the planted truth of validation and test
        videos; for training videos, which have none, the carrier and the times of each weak label are drawn.
    packed
        Write the packed store in place of one file a video and stream.

    Raises
    ------
    BadInputError
        If `out` holds something else, or the annotations are unreadable or have too few videos.
    """
    out, knobs = out.resolve(), knobs or (CALIBRATED if annotations else Knobs())
    signals, planter = Signals(knobs, seed), Planter(knobs)
    sources = (
        {split: read_source(annotations, split, (sizes or {}).get(split)) for split in Split} if annotations else {}
    )
    asked = {split: len(sources[split].videos) for split in Split} if sources else {**SIZES, **(sizes or {})}
    about = _about(seed, asked, knobs, annotations, packed)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        _check_same(out, about)
        return False
    planted = {
        split: plant_source(sources[split], split, seed, planter, signals)
        if sources
        else plant_split(asked[split], split, seed, planter, signals)
        for split in Split
    }
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        _write_annotations(partial, planted, annotations)
        _write_planted(partial / PLANTED_FILE, planted)
        for split in Split:
            _write_features(partial, split, seed, planted[split], signals, packed)
        write_json(partial / SYNTH_FILE, about)
    except BaseException:
        shutil.rmtree(partial)
        raise
    if out.exists():
        out.rmdir()
    partial.rename(out)
    sync_folder(out.parent)
    return True


def runs(present: np.ndarray) -> list[tuple[int, int]]:
    """The onset and offset of each run of segments, from bool (segment,)."""
    steps = np.flatnonzero(np.diff(np.concatenate([[0], present.astype(np.int8), [0]])))
    return [(int(onset), int(offset)) for onset, offset in steps.reshape(-1, 2)]


def _about(
    seed: int, sizes: Mapping[Split, int], knobs: Knobs, annotations: Path | None, packed: bool
) -> dict[str, object]:
    """The content of `synth.json`: all that decides a simulated directory's bytes."""
    return {
        "format": "mbias-synth",
        "version": 1,
        "simulated": True,
        "annotations": _annotations_digest(annotations) if annotations else "simulated",
        "seed": seed,
        "videos": {split.value: sizes[split] for split in Split},
        "packed": packed,
        "knobs": knobs.to_json(),
    }


def _annotations_digest(directory: Path) -> str:
    total = hashlib.sha256()
    for name in (*WEAK_FILES.values(), *DENSE_FILES.values()):
        total.update((directory / name).read_bytes())
    return total.hexdigest()


def _check_same(out: Path, about: dict[str, object]) -> None:
    hint = "take another folder, or remove this one"
    if not (out / SYNTH_FILE).exists():
        raise BadInputError(f"{out}: the folder holds something else; {hint}")
    known = read_json(out / SYNTH_FILE, "description of simulated data", hint)
    different = [key for key in about if not isinstance(known, dict) or known.get(key) != about[key]]
    if different:
        raise BadInputError(f"{out}: simulated before with other settings ({', '.join(different)}); {hint}")


def _write_annotations(folder: Path, planted: Mapping[Split, Planted], annotations: Path | None) -> None:
    names = [*WEAK_FILES.values(), *DENSE_FILES.values()]
    if annotations is None:
        for split, name in WEAK_FILES.items():
            _write_rows(folder / name, WEAK_COLUMNS, _weak_rows(planted[split]))
        for place, name in enumerate(DENSE_FILES.values()):
            rows = [row for split in (Split.VAL, Split.TEST) for row in _dense_rows(planted[split], place)]
            _write_rows(folder / name, DENSE_COLUMNS, rows)
        return
    kept = {video for split in Split for video in planted[split].videos}
    left_out = {row.video for split in Split for row in read_weak(annotations / WEAK_FILES[split])} - kept
    for name in names:
        lines = (annotations / name).read_bytes().splitlines(keepends=True)
        content = [line for line in lines if line.split(b"\t")[0].decode() not in left_out]
        write_bytes(folder / name, b"".join(content))


def _weak_rows(planted: Planted) -> list[tuple[str, ...]]:
    return [(video, ",".join(labels)) for video, labels in zip(planted.videos, planted.labels, strict=True)]


def _dense_rows(planted: Planted, modality: int) -> list[tuple[str, ...]]:
    return [
        (video, str(onset), str(offset), CATEGORIES[category])
        for video, presence in zip(planted.videos, planted.presence[:, :, modality], strict=True)
        for category in np.flatnonzero(presence.any(axis=0))
        for onset, offset in runs(presence[:, category])
    ]


def _write_rows(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    write_text(path, "".join("\t".join(row) + "\n" for row in [columns, *rows]))


def _write_planted(path: Path, planted: Mapping[Split, Planted]) -> None:
    """Save each split's ``SPLIT.presence`` and ``SPLIT.strengths`` (see `Planted`), in the order of the CSV files."""
    from safetensors.numpy import save

    arrays = {}
    for split, known in planted.items():
        arrays[f"{split}.presence"], arrays[f"{split}.strengths"] = known.presence, known.strengths
    write_bytes(path, save(arrays))


def _write_features(folder: Path, split: Split, seed: int, planted: Planted, signals: Signals, packed: bool) -> None:
    from tqdm import tqdm

    places = tqdm(range(len(planted.videos)), f"{split}", unit="video", disable=None, leave=False)
    write = _write_packed if packed else _write_files
    write(folder, split, seed, planted, signals, places)


def _features(place: int, split: Split, seed: int, planted: Planted, signals: Signals) -> dict[str, np.ndarray]:
    rng = generator(seed, split, place, FEATURES)
    return signals.features(planted.presence[place], planted.strengths[place], rng)


def _write_packed(
    folder: Path, split: Split, seed: int, planted: Planted, signals: Signals, places: Iterable[int]
) -> None:
    store = packed_folder(folder, split)
    store.mkdir(parents=True)
    digests = []
    with PackedArrays(store, len(planted.videos)) as arrays:
        for place in places:
            features = _features(place, split, seed, planted, signals)
            arrays.write(place, features)
            digests.append(digest(features))
        arrays.sync()
    write_index(store, split, planted.videos, digests, source="simulated", skipped={})


def _write_files(
    folder: Path, split: Split, seed: int, planted: Planted, signals: Signals, places: Iterable[int]
) -> None:
    for stream in STREAMS:
        (folder / "feats" / stream.folder).mkdir(parents=True, exist_ok=True)
    for place in places:
        features = _features(place, split, seed, planted, signals)
        features["frames"] = signals.frames(features["frames"], generator(seed, split, place, FRAMES))
        for stream in STREAMS:
            np.save(feature_path(folder, stream, planted.videos[place]), features[stream.name])
