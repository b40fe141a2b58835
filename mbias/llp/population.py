"""The statistics of LLP (`statistics/*.csv`), as arrays from which simulated videos are drawn."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib import resources

import numpy as np

from mbias.terms import CATEGORIES, SEGMENTS, Modality


@dataclass(frozen=True)
class Statistics:
    """Statistics of the videos of LLP. Categories are in the order of `CATEGORIES`, and audio is the first modality."""

    label_sets: tuple[tuple[int, ...], ...]
    """Every label set of the training videos, as category indices."""
    label_set_counts: np.ndarray
    """The number of training videos with each label set, (set,)."""
    carriers: np.ndarray
    """Shares of events that are only heard, only seen, and both, (category, 3)."""
    identical: np.ndarray
    """Share of audio-visual events with identical audio and visual times, (category,)."""
    full: np.ndarray
    """Probability that a category that is present fills all ten segments, (modality, category)."""
    more_events: np.ndarray
    """Mean number of further events of a category that is present but not in all segments, (modality, category)."""
    spans: np.ndarray
    """Every (onset, offset) that is shorter than the video, (span, 2)."""
    span_shares: np.ndarray
    """Probability of each span, (modality, category, span). Sums to 1 over spans."""

    @property
    def category_shares(self) -> np.ndarray:
        """The share of each category among all labels, (category,)."""
        counts = np.zeros(len(CATEGORIES))
        for labels, count in zip(self.label_sets, self.label_set_counts, strict=True):
            counts[list(labels)] += count
        shares: np.ndarray = counts / counts.sum()
        return shares


def read_statistics() -> Statistics:
    """Read the statistics that are shipped with the package.

    Returns
    -------
    Statistics

    Examples
    --------
    >>> int(read_statistics().label_set_counts.sum())
    10000
    """
    category_index = {category: index for index, category in enumerate(CATEGORIES)}
    sets = _rows("label_sets.csv")
    split = _by_category("modality_split.csv")
    events, duration, full = (
        np.array([split[f"{m}_{what}"] for m in Modality]) for what in ("events", "duration", "full")
    )
    spans, counts = _span_counts()
    filled = np.minimum(full * events, 1 - 1e-9)
    return Statistics(
        label_sets=tuple(tuple(category_index[label] for label in row["labels"].split(",")) for row in sets),
        label_set_counts=np.array([int(row["videos"]) for row in sets]),
        carriers=np.stack([split["audio_only"], split["visual_only"], split["both"]], axis=1),
        identical=_by_category("asynchrony.csv")["identical"],
        full=filled,
        more_events=np.maximum((events - filled) / (1 - filled) - 1, 0),
        spans=spans,
        span_shares=_tilted(counts, spans[:, 1] - spans[:, 0], (duration - SEGMENTS * full) / (1 - full)),
    )


def _tilted(counts: np.ndarray, lengths: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Return the shares of the spans per category, by exponential tilting of the counts to the category's mean length.

    The counts of spans cover all categories together. Of all distributions with the mean length of a category, the one
    closest to the counts in relative entropy is proportional to counts * exp(rate * length). Bisection finds the rate.
    """
    target = np.clip(means, 1.1, SEGMENTS - 1.5)
    low, high = np.full(means.shape, -5.0), np.full(means.shape, 5.0)
    for _ in range(40):
        rate = (low + high) / 2
        shares: np.ndarray = counts[:, None, :] * np.exp(rate[..., None] * lengths)
        shares /= shares.sum(axis=-1, keepdims=True)
        too_short = (shares * lengths).sum(axis=-1) < target
        low, high = np.where(too_short, rate, low), np.where(too_short, high, rate)
    return shares


def _span_counts() -> tuple[np.ndarray, np.ndarray]:
    spans = [(on, off) for on in range(SEGMENTS) for off in range(on + 1, SEGMENTS + 1) if off - on < SEGMENTS]
    rows = {(row["modality"], int(row["onset"])): row for row in _rows("onset_offset.csv")}
    counts = [[float(rows[modality, on][str(off)]) for on, off in spans] for modality in Modality]
    return np.array(spans), np.array(counts)


def _by_category(name: str) -> dict[str, np.ndarray]:
    rows = {row["category"]: row for row in _rows(name)}
    columns = [column for column in rows[CATEGORIES[0]] if column != "category"]
    return {column: np.array([float(rows[category][column]) for category in CATEGORIES]) for column in columns}


def _rows(name: str) -> list[dict[str, str]]:
    with (resources.files("mbias.llp") / "statistics" / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))
