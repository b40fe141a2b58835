"""The features of a simulated video: the sum of the directions of its events, plus noise."""

from __future__ import annotations

import numpy as np

from mbias.llp.features import pool_rows
from mbias.llp.knobs import Knobs
from mbias.llp.streams.presets import HAN_STREAMS
from mbias.llp.streams.stream import MAP_BANDS, MAP_ROWS, MAP_STEPS, Stream, Streams
from mbias.terms import CATEGORIES, SEGMENTS, Modality


class Signals:
    """Simulate features from events. All videos of a seed share the directions and mean strengths of the categories.

    Parameters
    ----------
    knobs
        The parameters of the simulation.
    seed
        The seed of the data set.
    streams
        The streams to simulate.
    """

    def __init__(self, knobs: Knobs, seed: int, streams: Streams = HAN_STREAMS) -> None:
        rng = np.random.default_rng([seed])
        self.streams, self._knobs = streams, knobs
        self._directions = {
            stream.name: unit_rows(rng.standard_normal((len(CATEGORIES), stream.width))) for stream in streams
        }
        audio = streams[0].name
        self._directions[audio] = share_directions(self._directions[audio], knobs, rng)
        strengths = np.stack([knobs.audio_strength.array(), knobs.visual_strength.array()])
        self._strengths = strengths * np.exp(knobs.category_spread * rng.standard_normal(strengths.shape))

    def strengths(self, rng: np.random.Generator) -> np.ndarray:
        """Draw the strengths of a video.

        Parameters
        ----------
        rng
            The random generator.

        Returns
        -------
        numpy.ndarray
            float32, of shape (modality, category), log-normal around the strength of each category.
        """
        spread = self._knobs.event_spread * rng.standard_normal(self._strengths.shape)
        return (self._strengths * np.exp(spread)).astype(np.float32)

    def features(self, presence: np.ndarray, strengths: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Simulate the features of a video, with the rows of each segment pooled.

        Parameters
        ----------
        presence
            Where events are, bool of shape (segment, modality, category).
        strengths
            The strengths of the events, float32 of shape (modality, category).
        rng
            The random generator.

        Returns
        -------
        dict of str to numpy.ndarray
            float32 arrays of shape (segment, width), by stream.
        """
        return {stream.name: self._stream(stream, presence, strengths, rng) for stream in self.streams}

    def rows(self, stream: Stream, pooled: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Simulate the rows of a feature file from their means.

        Parameters
        ----------
        stream
            The stream of the file.
        pooled
            The mean of the rows of each segment, of shape (10, width).
        rng
            The random generator.

        Returns
        -------
        numpy.ndarray
            float32, of shape (rows, width). `mbias.llp.features.pool_rows` returns ``pooled`` for it, up to rounding.
        """
        if stream.rows == SEGMENTS:
            return pooled
        if stream.rows == MAP_ROWS:
            noise = rng.standard_normal((MAP_BANDS, MAP_STEPS, stream.width), dtype=np.float32)
            return _map_rows(pooled, noise * np.float32(self._knobs.frame_noise))
        noise = rng.standard_normal((SEGMENTS, stream.rows // SEGMENTS, stream.width), dtype=np.float32)
        noise -= noise.mean(axis=1, keepdims=True)
        noise *= np.float32(self._knobs.frame_noise)
        return (pooled[:, None] + noise).reshape(-1, stream.width)

    def _stream(
        self, stream: Stream, presence: np.ndarray, strengths: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        directions, modality = self._directions[stream.name], list(Modality).index(stream.modality)
        width = directions.shape[1]
        values = rng.standard_normal((SEGMENTS, width), dtype=np.float32) * np.float32(self._knobs.segment_noise)
        values += rng.standard_normal(width, dtype=np.float32) * np.float32(self._knobs.video_noise)
        # Not a matrix product, because its last bits depend on the BLAS of the machine.
        for category in np.flatnonzero(presence[:, modality].any(axis=0)):
            values[presence[:, modality, category]] += strengths[modality, category] * directions[category]
        return values


def _map_rows(pooled: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return a feature map of CLAP, of shape (`MAP_ROWS`, width), whose segments have the means ``pooled``.

    A time step may lie in two segments. Those that lie in one make up for the difference of their segment.
    """
    first = np.arange(MAP_STEPS) * SEGMENTS // MAP_STEPS
    last = (np.arange(1, MAP_STEPS + 1) * SEGMENTS - 1) // MAP_STEPS
    rows = pooled[first] + noise
    inner = first == last
    missing = pooled - pool_rows(rows.reshape(MAP_ROWS, -1))
    share = MAP_STEPS / SEGMENTS / np.bincount(first[inner], minlength=SEGMENTS)
    rows[:, inner] += (missing * share[:, None].astype(np.float32))[first[inner]]
    spread: np.ndarray = rows.reshape(MAP_ROWS, -1)
    return spread


def share_directions(own: np.ndarray, knobs: Knobs, rng: np.random.Generator) -> np.ndarray:
    """Give the categories of each confusable pair a common component.

    The direction of a category in a pair becomes sqrt(share) common + sqrt(1 - share) own, where the share is
    `Knobs.confusable`.

    Parameters
    ----------
    own
        Unit directions, of shape (category, width).
    knobs
        The parameters of the simulation.
    rng
        The random generator.

    Returns
    -------
    numpy.ndarray
        Unit directions, float32 of shape (category, width).
    """
    mixed = own.copy()
    for pair in knobs.confusable_pairs.pairs:
        common = unit_rows(rng.standard_normal((1, own.shape[1])))[0]
        for category in pair:
            index = CATEGORIES.index(category)
            mixed[index] = np.sqrt(knobs.confusable) * common + np.sqrt(1 - knobs.confusable) * own[index]
    return unit_rows(mixed)


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Scale rows to length 1.

    Parameters
    ----------
    rows
        Array of shape (row, width).

    Returns
    -------
    numpy.ndarray
        float32, of the shape of ``rows``.

    Examples
    --------
    >>> unit_rows(np.array([[0.0, 2.0]])).tolist()
    [[0.0, 1.0]]
    """
    scaled: np.ndarray = rows / np.sqrt((rows**2).sum(axis=1, keepdims=True))
    return scaled.astype(np.float32)
