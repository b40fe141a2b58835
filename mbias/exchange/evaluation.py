"""Predictions for LLP's videos, made by any model, and thresholds for them, from files."""

from __future__ import annotations

import csv
from pathlib import Path

from mbias.errors import BadInputError
from mbias.exchange.arrays import read_arrays
from mbias.exchange.named import Named
from mbias.llp.predictions import Predictions
from mbias.records.run import Run
from mbias.terms import CATEGORIES, SEGMENTS, Modality

SHAPE = (SEGMENTS, len(Modality), len(CATEGORIES))


def read_predictions(path: Path, videos: tuple[str, ...]) -> Predictions:
    """Predictions from a run (its best epoch), or from a file of arrays.

    Parameters
    ----------
    videos
        Whose predictions they are where the file does not say.

    Raises
    ------
    BadInputError
        If there is no ``p``, or an array has another shape or other values than probabilities.
    """
    if (path / "run.json").exists():
        run = Run(path)
        names = [name for name in ("p", "p_joint", "wtp") if name in run.commit("best").arrays]
        recorded: dict[str, Named] = {name: Named(run.values(name, "best")) for name in names}
        return _predictions(path, recorded, tuple(run.samples.iloc[:, 0]))
    held = read_arrays(path)
    if len(held) == 1 and path.suffix == ".npy":
        held = {"p": next(iter(held.values()))}
    named = held.get("videos")
    if named is not None:
        videos = tuple(map(str, named.values.ravel()))
    elif "p" in held and (held["p"].labels or {}).get("video"):
        videos = (held["p"].labels or {})["video"]
    return _predictions(path, held, videos)


def _predictions(path: Path, held: dict[str, Named], videos: tuple[str, ...]) -> Predictions:
    if "p" not in held:
        raise BadInputError(f"{path}: holds no array 'p', but {', '.join(sorted(held))}; call it 'p'")
    arrays = {name: held[name].values for name in ("p", "p_joint", "p_modality", "wtp") if name in held}
    n = len(videos)
    shapes = {"p": (n, *SHAPE), "wtp": (n, *SHAPE), "p_joint": (n, SHAPE[2]), "p_modality": (n, *SHAPE[1:])}
    for name, array in arrays.items():
        if array.shape != shapes[name]:
            raise BadInputError(
                f"{path}: {name!r} has shape {array.shape}, not {shapes[name]}; see --help for its axes"
            )
        # Eq. 3's sum is above 1 where the modalities attend to different segments.
        most = len(Modality) if name == "p_joint" else 1
        # Sums of probabilities are rounded.
        if not ((array >= 0) & (array <= most + 1e-5)).all():
            raise BadInputError(f"{path}: {name!r} holds values outside of 0 to {most}; give probabilities")
    modality = arrays.get("p_modality")
    if modality is None and "wtp" in arrays:
        # Eq. 4 and 5.
        modality = (arrays["wtp"] * arrays["p"]).sum(axis=1)
    return Predictions(arrays["p"], arrays.get("p_joint"), modality, videos)


def read_thresholds(path: Path) -> tuple[float, ...]:
    """Thresholds in the order of the categories, from a CSV with the columns ``category`` and ``threshold``.

    Raises
    ------
    BadInputError
        If a category is missing, unknown or twice there, or a threshold no number.
    """
    try:
        if path.exists() and (not path.is_file() or path.stat().st_size > 2**20):
            raise BadInputError(f"{path}: no table of thresholds; give a CSV with columns category, threshold")
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        found = {row["category"]: float(row["threshold"]) for row in rows}
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise BadInputError(f"{path}: not a readable table of category, threshold ({error})") from None
    if set(found) != set(CATEGORIES) or len(rows) != len(CATEGORIES):
        wrong = sorted(set(found) ^ set(CATEGORIES)) or ["one of them twice"]
        raise BadInputError(f"{path}: must have each of the {len(CATEGORIES)} categories once; see {wrong[0]!r}")
    return tuple(found[category] for category in CATEGORIES)
