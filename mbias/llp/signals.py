"""The features of a simulated video: the sum of the directions of its events, plus noise."""

from __future__ import annotations

import numpy as np

from mbias.llp.features import FRAMES_PER_SEGMENT, STREAMS
from mbias.llp.knobs import Knobs
from mbias.terms import CATEGORIES, SEGMENTS

_MODALITY_INDEX = {"audio": 0, "frames": 1, "motion": 1}


class Signals:
    """Simulate features from events. All videos of a seed share the directions and mean strengths of the categories.

    Parameters
    ----------
    knobs
        The parameters of the simulation.
    seed
        The seed of the data set.
    """

    def __init__(self, knobs: Knobs, seed: int) -> None:
        rng = np.random.default_rng([seed])
        self._knobs = knobs
        self._directions = {
            stream.name: unit_rows(rng.standard_normal((len(CATEGORIES), stream.width))) for stream in STREAMS
        }
        self._directions["audio"] = share_directions(self._directions["audio"], knobs, rng)
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
        """Simulate the features of a video, with the frames pooled.

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
        return {stream.name: self._stream(stream.name, presence, strengths, rng) for stream in STREAMS}

    def frames(self, pooled: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Simulate the frames of a video from its pooled frames.

        Parameters
        ----------
        pooled
            The mean of the frames of each segment, of shape (10, width).
        rng
            The random generator.

        Returns
        -------
        numpy.ndarray
            float32, of shape (80, width). The mean over each segment is ``pooled``.
        """
        noise = rng.standard_normal((SEGMENTS, FRAMES_PER_SEGMENT, pooled.shape[1]), dtype=np.float32)
        noise -= noise.mean(axis=1, keepdims=True)
        noise *= np.float32(self._knobs.frame_noise)
        return (pooled[:, None] + noise).reshape(-1, pooled.shape[1])

    def _stream(self, name: str, presence: np.ndarray, strengths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        directions, modality = self._directions[name], _MODALITY_INDEX[name]
        width = directions.shape[1]
        values = rng.standard_normal((SEGMENTS, width), dtype=np.float32) * np.float32(self._knobs.segment_noise)
        values += rng.standard_normal(width, dtype=np.float32) * np.float32(self._knobs.video_noise)
        # Not a matrix product, because its last bits depend on the BLAS of the machine.
        for category in np.flatnonzero(presence[:, modality].any(axis=0)):
            values[presence[:, modality, category]] += strengths[modality, category] * directions[category]
        return values


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
