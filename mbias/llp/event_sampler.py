"""Sampling of the events of a simulated video: its labels, the modalities that carry each, and the times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mbias.llp.knobs import Knobs
from mbias.llp.population import Statistics, read_statistics
from mbias.terms import CATEGORIES, SEGMENTS

_ATTEMPTS = 20


class Planter:
    """Draw label sets, and the carrying modalities and the times of each label, from the scaled statistics of LLP.

    Parameters
    ----------
    knobs
        The parameters of the simulation, which scale the statistics.
    statistics
        The statistics of LLP, by default those of the package.

    Examples
    --------
    >>> planter, rng = Planter(Knobs()), np.random.default_rng(0)
    >>> planter.presence(planter.labels(rng), rng).shape
    (10, 2, 25)
    """

    def __init__(self, knobs: Knobs, statistics: Statistics | None = None) -> None:
        llp = statistics or read_statistics()
        self._statistics = llp
        self._cooccurrence = knobs.cooccurrence
        self._set_steps = _steps(llp.label_set_counts / llp.label_set_counts.sum())
        self._category_steps = _steps(llp.category_shares)
        self._carriers = carrier_shares(llp.carriers, knobs.off_screen.array(), knobs.silent.array())
        self._different = np.minimum((1 - llp.identical) * knobs.asynchrony.array(), 1)
        self._gaps = knobs.gaps.array()
        self._span_steps = _steps(llp.span_shares)

    def labels(self, rng: np.random.Generator) -> tuple[int, ...]:
        """Draw the labels of a video, as category indices."""
        labels = self._statistics.label_sets[_pick(self._set_steps, rng)]
        if rng.random() < self._cooccurrence:
            return labels
        independent: list[int] = []
        while len(independent) < len(labels):
            category = _pick(self._category_steps, rng)
            if category not in independent:
                independent.append(category)
        return tuple(independent)

    def presence(self, labels: Sequence[int], rng: np.random.Generator) -> np.ndarray:
        """Draw the segments in which each label is heard and seen.

        Parameters
        ----------
        labels
            The labels of the video, as category indices.
        rng
            The random generator.

        Returns
        -------
        numpy.ndarray
            bool, of shape (segment, modality, category). Every label is present in at least one modality.
        """
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

    def signal(self, presence: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw where sounds and looks are: where their events are, and beyond their annotated times.

        Parameters
        ----------
        presence
            The events, bool of shape (segment, modality, category).
        rng
            The random generator.

        Returns
        -------
        numpy.ndarray
            bool, of shape (segment, modality, category). Everything in ``presence`` is in it.
        """
        there = np.asarray(presence.any(axis=0))
        signal: np.ndarray = presence | (there & (rng.random(there.shape) < self._gaps))
        return signal

    def _both_times(self, category: int, rng: np.random.Generator) -> np.ndarray:
        """Draw identical or overlapping audio and visual times of an event, bool (segment, modality)."""
        if rng.random() >= self._different[category]:
            modality = int(rng.integers(2))
            return np.repeat(self._times(modality, category, rng)[:, None], 2, axis=1)
        for _ in range(_ATTEMPTS):
            heard, seen = self._times(0, category, rng), self._times(1, category, rng)
            if (heard & seen).any() and (heard != seen).any():
                break
        return np.stack([heard, seen], axis=1)

    def _times(self, modality: int, category: int, rng: np.random.Generator) -> np.ndarray:
        """Draw the times of a category in one modality, bool (segment,): all segments, or separate spans."""
        if rng.random() < self._statistics.full[modality, category]:
            return np.ones(SEGMENTS, bool)
        active = np.zeros(SEGMENTS, bool)
        for _ in range(1 + rng.poisson(self._statistics.more_events[modality, category])):
            for _ in range(_ATTEMPTS):
                onset, offset = self._statistics.spans[_pick(self._span_steps[modality, category], rng)]
                if not active[max(onset - 1, 0) : offset + 1].any():
                    active[onset:offset] = True
                    break
        return active


def carrier_shares(shares: np.ndarray, off_screen: np.ndarray, silent: np.ndarray) -> np.ndarray:
    """Scale the shares of events that are only heard and only seen.

    If the two scaled shares of a category sum to more than 1, they are reduced in proportion, and no event is both.

    Parameters
    ----------
    shares
        Shares of events that are only heard, only seen, and both, of shape (category, 3).
    off_screen, silent
        The scales of the first and the second share, of shape (category,).

    Returns
    -------
    numpy.ndarray
        The scaled shares, of shape (category, 3). Every row sums to 1.

    Examples
    --------
    >>> carrier_shares(np.array([[0.5, 0.25, 0.25]]), np.array([0.5]), np.array([1.0])).tolist()
    [[0.25, 0.25, 0.5]]
    """
    unimodal = shares[:, :2] * np.stack([off_screen, silent], axis=1)
    unimodal /= np.maximum(unimodal.sum(axis=1, keepdims=True), 1)
    return np.concatenate([unimodal, 1 - unimodal.sum(axis=1, keepdims=True)], axis=1)


def _steps(shares: np.ndarray) -> np.ndarray:
    """Return the cumulative distribution of shares along the last axis."""
    steps = np.cumsum(shares, axis=-1)
    cumulative: np.ndarray = steps / steps[..., -1:]
    return cumulative


def _pick(steps: np.ndarray, rng: np.random.Generator) -> int:
    """Draw an index from a cumulative distribution."""
    return int(np.searchsorted(steps, rng.random(), side="right"))
