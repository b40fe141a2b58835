"""The planted truth of a simulated video: which modality carries each of its events, and when."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mbias.llp.knobs import Knobs
from mbias.llp.population import Statistics, read_statistics
from mbias.terms import CATEGORIES, SEGMENTS

_TRIES = 20


class Planter:
    """Draws label sets, and for each label its carrier and its times, from LLP's statistics as the knobs scale them."""

    def __init__(self, knobs: Knobs, statistics: Statistics | None = None) -> None:
        known = statistics or read_statistics()
        self._known = known
        self._cooccurrence = knobs.cooccurrence
        self._set_steps = _steps(known.label_set_counts / known.label_set_counts.sum())
        self._category_steps = _steps(known.category_shares)
        self._carriers = carrier_shares(known.carriers, knobs.off_screen.array(), knobs.silent.array())
        self._different = np.minimum((1 - known.identical) * knobs.asynchrony.array(), 1)
        self._span_steps = _steps(known.span_shares)

    def labels(self, rng: np.random.Generator) -> tuple[int, ...]:
        """The labels of a video, as indices of categories."""
        labels = self._known.label_sets[_pick(self._set_steps, rng)]
        if rng.random() < self._cooccurrence:
            return labels
        alone: list[int] = []
        while len(alone) < len(labels):
            category = _pick(self._category_steps, rng)
            if category not in alone:
                alone.append(category)
        return tuple(alone)

    def presence(self, labels: Sequence[int], rng: np.random.Generator) -> np.ndarray:
        """Where each label is heard and seen, bool (segment, modality, category); each is in one modality at least."""
        presence = np.zeros((SEGMENTS, 2, len(CATEGORIES)), bool)
        for category in labels:
            heard_only, seen_only, _ = self._carriers[category]
            draw = rng.random()
            if draw < heard_only:
                presence[:, 0, category] = self._times(0, category, rng)
            elif draw < heard_only + seen_only:
                presence[:, 1, category] = self._times(1, category, rng)
            else:
                presence[:, :, category] = self._both_times(category, rng)
        return presence

    def _both_times(self, category: int, rng: np.random.Generator) -> np.ndarray:
        """Times of an event heard and seen, bool (segment, modality): the same, or different ones that overlap."""
        if rng.random() >= self._different[category]:
            like = int(rng.integers(2))
            return np.repeat(self._times(like, category, rng)[:, None], 2, axis=1)
        for _ in range(_TRIES):
            heard, seen = self._times(0, category, rng), self._times(1, category, rng)
            if (heard & seen).any() and (heard != seen).any():
                break
        return np.stack([heard, seen], axis=1)

    def _times(self, modality: int, category: int, rng: np.random.Generator) -> np.ndarray:
        """Times of a category in one modality, bool (segment,): all, or a few spans that do not touch."""
        if rng.random() < self._known.full[modality, category]:
            return np.ones(SEGMENTS, bool)
        times = np.zeros(SEGMENTS, bool)
        for _ in range(1 + rng.poisson(self._known.more_events[modality, category])):
            for _ in range(_TRIES):
                onset, offset = self._known.spans[_pick(self._span_steps[modality, category], rng)]
                if not times[max(onset - 1, 0) : offset + 1].any():
                    times[onset:offset] = True
                    break
        return times


def carrier_shares(shares: np.ndarray, off_screen: np.ndarray, silent: np.ndarray) -> np.ndarray:
    """Shares of events only heard, only seen, and both, (category, 3), with the first two scaled.

    Where the scaled two exceed 1 together, they are brought down in proportion and none is both.
    """
    alone = shares[:, :2] * np.stack([off_screen, silent], axis=1)
    alone /= np.maximum(alone.sum(axis=1, keepdims=True), 1)
    return np.concatenate([alone, 1 - alone.sum(axis=1, keepdims=True)], axis=1)


def _steps(shares: np.ndarray) -> np.ndarray:
    steps = np.cumsum(shares, axis=-1)
    return steps / steps[..., -1:]


def _pick(steps: np.ndarray, rng: np.random.Generator) -> int:
    return int(np.searchsorted(steps, rng.random(), side="right"))
