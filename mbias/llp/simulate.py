"""Simulated LLP: files in the format of the data set, with a planted, known ground truth.

The random generators of a video depend only on the seed, the split and the index of the video in the split. The same
seed therefore gives the same bytes, and a video does not depend on the number of videos.
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
from mbias.llp.event_sampler import Planter
from mbias.llp.features import feature_path
from mbias.llp.knobs import CALIBRATED, Knobs
from mbias.llp.planted_splits import FEATURES, FRAMES, Planted, generator, plant_source, plant_split, read_source
from mbias.llp.signals import Signals
from mbias.llp.store import SYNTH_FILE, PackedArrays, digest, packed_folder, write_index
from mbias.llp.streams.presets import preset_streams
from mbias.terms import CATEGORIES, Split

PLANTED_FILE = "planted.safetensors"
SIZES = {Split.TRAIN: 10_000, Split.VAL: 649, Split.TEST: 1_200}
"""The number of videos in each split of LLP."""


def simulate(
    out: Path,
    *,
    seed: int = 0,
    sizes: Mapping[Split, int] | None = None,
    knobs: Knobs | None = None,
    annotations: Path | None = None,
    packed: bool = False,
    features: str = "han",
) -> bool:
    """Write a simulated data directory.

    Parameters
    ----------
    out
        The directory to write. It appears only when it is complete. If it already contains data with the same
        settings, it is left unchanged.
    seed
        The seed of all random draws.
    sizes
        The number of videos in each split. The default is the number in LLP, or with ``annotations`` all videos. A
        smaller number takes the first videos.
    knobs
        The parameters of the simulation. The default is ``Knobs()``, or with ``annotations``
        `mbias.llp.knobs.CALIBRATED`.
    annotations
        A directory with the five CSV files of LLP, which are copied. Their dense labels are the planted truth of the
        validation and test videos. Training videos have no dense labels, so the carrying modalities and the times of
        their weak labels are drawn.
    packed
        Write the packed store instead of one file per video and stream.
    features
        The features to simulate, a name in `mbias.llp.streams.presets.STREAM_PRESETS`.

    Returns
    -------
    bool
        Whether data was written. False if ``out`` already contained it.

    Raises
    ------
    BadInputError
        If ``out`` contains something else, the annotations are unreadable or have too few videos, or there are no such
        features.
    """
    out, knobs = out.resolve(), knobs or (CALIBRATED if annotations else Knobs())
    signals, planter = Signals(knobs, seed, preset_streams(features)), Planter(knobs)
    sources = (
        {split: read_source(annotations, split, (sizes or {}).get(split)) for split in Split} if annotations else {}
    )
    counts = {split: len(sources[split].videos) for split in Split} if sources else {**SIZES, **(sizes or {})}
    about = _about(seed, counts, knobs, annotations, packed, features)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        _check_same(out, about)
        return False
    planted = {
        split: plant_source(sources[split], split, seed, planter, signals)
        if sources
        else plant_split(counts[split], split, seed, planter, signals)
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
    """Return the onset and offset of each run of present segments.

    Parameters
    ----------
    present
        bool, of shape (segment,).

    Returns
    -------
    list of (int, int)
        The first segment, and the segment after the last.

    Examples
    --------
    >>> runs(np.array([True, True, False, True]))
    [(0, 2), (3, 4)]
    """
    steps = np.flatnonzero(np.diff(np.concatenate([[0], present.astype(np.int8), [0]])))
    return [(int(onset), int(offset)) for onset, offset in steps.reshape(-1, 2)]


def _about(
    seed: int, sizes: Mapping[Split, int], knobs: Knobs, annotations: Path | None, packed: bool, features: str
) -> dict[str, object]:
    """Return the content of `synth.json`: everything that determines the bytes of the directory."""
    return {
        "format": "mbias-synth",
        "version": 1,
        "simulated": True,
        "annotations": _annotations_digest(annotations) if annotations else "simulated",
        "seed": seed,
        "videos": {split.value: sizes[split] for split in Split},
        "packed": packed,
        "knobs": knobs.to_json(),
        # Data without this field are of HAN's features.
        **({} if features == "han" else {"features": features}),
    }


def _annotations_digest(directory: Path) -> str:
    total = hashlib.sha256()
    for name in (*WEAK_FILES.values(), *DENSE_FILES.values()):
        total.update((directory / name).read_bytes())
    return total.hexdigest()


def _check_same(out: Path, about: dict[str, object]) -> None:
    hint = "choose another folder, or remove this one"
    if not (out / SYNTH_FILE).exists():
        raise BadInputError(f"{out}: the folder contains something else; {hint}")
    known = read_json(out / SYNTH_FILE, "description of simulated data", hint)
    if isinstance(known, dict) and isinstance(known.get("knobs"), dict):
        # A knob that the version which wrote the folder did not have was off, as it is by default.
        known["knobs"] = {**Knobs().to_json(), **known["knobs"]}
    keys = dict.fromkeys((*about, "features"))
    different = [key for key in keys if not isinstance(known, dict) or known.get(key) != about.get(key)]
    if different:
        raise BadInputError(f"{out}: contains simulated data with other settings ({', '.join(different)}); {hint}")


def _write_annotations(folder: Path, planted: Mapping[Split, Planted], annotations: Path | None) -> None:
    names = [*WEAK_FILES.values(), *DENSE_FILES.values()]
    if annotations is None:
        for split, name in WEAK_FILES.items():
            _write_rows(folder / name, WEAK_COLUMNS, _weak_rows(planted[split]))
        for modality, name in enumerate(DENSE_FILES.values()):
            rows = [row for split in (Split.VAL, Split.TEST) for row in _dense_rows(planted[split], modality)]
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
    """Save ``SPLIT.presence``, ``SPLIT.signal`` and ``SPLIT.strengths`` (`Planted`), in the order of the CSV files."""
    from safetensors.numpy import save

    arrays = {}
    for split, content in planted.items():
        for name in ("presence", "signal", "strengths"):
            arrays[f"{split}.{name}"] = getattr(content, name)
    write_bytes(path, save(arrays))


def _write_features(folder: Path, split: Split, seed: int, planted: Planted, signals: Signals, packed: bool) -> None:
    from tqdm import tqdm

    indices = tqdm(range(len(planted.videos)), f"{split}", unit="video", disable=None, leave=False)
    write = _write_packed if packed else _write_files
    write(folder, split, seed, planted, signals, indices)


def _features(index: int, split: Split, seed: int, planted: Planted, signals: Signals) -> dict[str, np.ndarray]:
    rng = generator(seed, split, index, FEATURES)
    return signals.features(planted.signal[index], planted.strengths[index], rng)


def _write_packed(
    folder: Path, split: Split, seed: int, planted: Planted, signals: Signals, indices: Iterable[int]
) -> None:
    store = packed_folder(folder, split)
    store.mkdir(parents=True)
    digests = []
    with PackedArrays(store, len(planted.videos), signals.streams) as arrays:
        for index in indices:
            features = _features(index, split, seed, planted, signals)
            arrays.write(index, features)
            digests.append(digest(features, signals.streams))
        arrays.sync()
    write_index(store, split, planted.videos, digests, signals.streams, source="simulated", skipped={})


def _write_files(
    folder: Path, split: Split, seed: int, planted: Planted, signals: Signals, indices: Iterable[int]
) -> None:
    for stream in signals.streams:
        (folder / stream.folder).mkdir(parents=True, exist_ok=True)
    for index in indices:
        features = _features(index, split, seed, planted, signals)
        rng = generator(seed, split, index, FRAMES)
        for stream in signals.streams:
            rows = signals.rows(stream, features[stream.name], rng)
            np.save(feature_path(folder, stream, planted.videos[index]), rows)
