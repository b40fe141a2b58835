"""The sets of streams that the field uses, by name."""

from __future__ import annotations

from mbias.arguments import shown
from mbias.errors import BadInputError
from mbias.llp.streams.stream import MAP_ROWS, Stream, Streams
from mbias.terms import SEGMENTS, Modality

FRAMES_PER_SEGMENT = 8
"""Frames per segment of the ResNet-152 features."""

_MOTION = Stream("motion", Modality.VISUAL, "feats/r2plus1d_18", SEGMENTS, 512)

HAN_STREAMS: Streams = (
    Stream("audio", Modality.AUDIO, "feats/vggish", SEGMENTS, 128),
    Stream("frames", Modality.VISUAL, "feats/res152", SEGMENTS * FRAMES_PER_SEGMENT, 2048),
    _MOTION,
)
"""VGGish audio, ResNet-152 frames and R(2+1)D-18 motion: the features of LLP and of the original HAN."""

# Folders and shapes are those of Franklin905/VALOR (README.md, utils/clap_preprocess.py, utils/clip_preprocess.py), the
# repository of Lai et al., "Modality-Independent Teachers Meet Weakly-Supervised Audio-Visual Event Parser" (NeurIPS
# 2023). Its scripts/train_valor++.sh trains on these three. PengchengZhao1001/MM-CSE (AAAI 2025) takes its files.
CLIP_CLAP_STREAMS: Streams = (
    Stream("audio", Modality.AUDIO, "CLAP/features", MAP_ROWS, 768),
    Stream("frames", Modality.VISUAL, "CLIP/features", SEGMENTS, 768),
    _MOTION,
)
"""Feature maps of CLAP's HTS-AT, CLIP ViT-L/14 embeddings of one frame per second, and R(2+1)D-18 motion."""

STREAM_PRESETS = {"han": HAN_STREAMS, "clip_clap": CLIP_CLAP_STREAMS}
"""The sets of streams by name."""


def preset_streams(name: object) -> Streams:
    """Return the streams of a preset.

    Parameters
    ----------
    name
        A name in `STREAM_PRESETS`.

    Returns
    -------
    tuple of Stream

    Raises
    ------
    BadInputError
        If there is no such preset.

    Examples
    --------
    >>> [str(stream) for stream in preset_streams("clip_clap")]
    ['audio (CLAP/features, 64 x 768)', 'frames (CLIP/features, 10 x 768)', 'motion (feats/r2plus1d_18, 10 x 512)']
    """
    if not isinstance(name, str) or name not in STREAM_PRESETS:
        raise BadInputError(f"there are no features {shown(name)}; choose from {', '.join(STREAM_PRESETS)}")
    return STREAM_PRESETS[name]
