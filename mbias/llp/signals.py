"""The features of a simulated video: the sum of its events' directions, and noise."""

from __future__ import annotations

import numpy as np

from mbias.llp.features import FRAMES_PER_SEGMENT, STREAMS
from mbias.llp.knobs import Knobs
from mbias.terms import CATEGORIES, SEGMENTS

_MODALITY_OF = {"audio": 0, "frames": 1, "motion": 1}


class Signals:
    """Turns presence into features, with one set of directions and strengths for all videos of a seed."""

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
        """A video's strengths, float32 (modality, category), log-normal about each category's own."""
        spread = self._knobs.event_spread * rng.standard_normal(self._strengths.shape)
        return (self._strengths * np.exp(spread)).astype(np.float32)

    def features(self, presence: np.ndarray, strengths: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """The features of a video by stream, float32 (segment, width), as they are once frames are pooled.

        Parameters
        ----------
        presence
            Where events are, bool (segment, modality, category).
        strengths
            How strong they are, float32 (modality, category).
        """
        return {stream.name: self._stream(stream.name, presence, strengths, rng) for stream in STREAMS}

    def frames(self, pooled: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The 80 frames whose means over segments are `pooled`, float32 (80, width)."""
        noise = rng.standard_normal((SEGMENTS, FRAMES_PER_SEGMENT, pooled.shape[1]), dtype=np.float32)
        noise -= noise.mean(axis=1, keepdims=True)
        noise *= np.float32(self._knobs.frame_noise)
        return (pooled[:, None] + noise).reshape(-1, pooled.shape[1])

    def _stream(self, name: str, presence: np.ndarray, strengths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        directions, modality = self._directions[name], _MODALITY_OF[name]
        width = directions.shape[1]
        values = rng.standard_normal((SEGMENTS, width), dtype=np.float32) * np.float32(self._knobs.segment_noise)
        values += rng.standard_normal(width, dtype=np.float32) * np.float32(self._knobs.video_noise)
        # Event by event and not as a matrix product, whose last bits depend on the machine's BLAS.
        for category in np.flatnonzero(presence[:, modality].any(axis=0)):
            values[presence[:, modality, category]] += strengths[modality, category] * directions[category]
        return values


def share_directions(own: np.ndarray, knobs: Knobs, rng: np.random.Generator) -> np.ndarray:
    """Unit directions in which the two of a confusable pair have a part in common, (category, width).

    The common part's share is in power: sqrt(share) common + sqrt(1 - share) own.
    """
    mixed = own.copy()
    for pair in knobs.confusable_pairs.pairs:
        common = unit_rows(rng.standard_normal((1, own.shape[1])))[0]
        for category in pair:
            place = CATEGORIES.index(category)
            mixed[place] = np.sqrt(knobs.confusable) * common + np.sqrt(1 - knobs.confusable) * own[place]
    return unit_rows(mixed)


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1, float32."""
    return (rows / np.sqrt((rows**2).sum(axis=1, keepdims=True))).astype(np.float32)
