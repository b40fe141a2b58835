"""The paper's vocabulary as small types."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from mbias.errors import BadInputError

CATEGORIES = (
    "Speech",
    "Car",
    "Cheering",
    "Dog",
    "Cat",
    "Frying_(food)",
    "Basketball_bounce",
    "Fire_alarm",
    "Chainsaw",
    "Cello",
    "Banjo",
    "Singing",
    "Chicken_rooster",
    "Violin_fiddle",
    "Vacuum_cleaner",
    "Baby_laughter",
    "Accordion",
    "Lawn_mower",
    "Motorcycle",
    "Helicopter",
    "Acoustic_guitar",
    "Telephone_bell_ringing",
    "Baby_cry_infant_cry",
    "Blender",
    "Clapping",
)
"""The 25 event categories of LLP, in the order of the original network's outputs."""

SEGMENTS = 10
"""Segments of a video of LLP, one second each."""


class Modality(StrEnum):
    """A modality; its place in an array is its place here."""

    AUDIO = "audio"
    VISUAL = "visual"


class Split(StrEnum):
    """A split of LLP."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


class Level(StrEnum):
    """What an F-score counts: segments, or events (runs of segments)."""

    SEGMENT = "segment"
    EVENT = "event"


class Metric(StrEnum):
    """The events an F-score is about (section 5.2)."""

    AUDIO = "audio"
    VISUAL = "visual"
    AUDIO_VISUAL = "audio_visual"
    TYPE_AVERAGE = "type_average"
    EVENT_AVERAGE = "event_average"

    @property
    def display_name(self) -> str:
        """The name on screen."""
        return {
            "audio": "Audio",
            "visual": "Visual",
            "audio_visual": "Audio-visual",
            "type_average": "Type@AV",
            "event_average": "Event@AV",
        }[self.value]


class Variant(StrEnum):
    """An aggregate of features: which modality attends to the other one (Eq. 1, 2, 7, 8)."""

    ASELF_VSELF = "aself_vself"
    ASELF_VCROSS = "aself_vcross"
    ACROSS_VSELF = "across_vself"
    ACROSS_VCROSS = "across_vcross"

    @classmethod
    def parse(cls, text: str) -> Variant:
        """Variant from its name.

        Raises
        ------
        BadInputError
            If there is none of that name.
        """
        if text not in set(cls):
            raise BadInputError(f"unknown variant {text!r}: take {', '.join(cls)}")
        return cls(text)

    @property
    def audio_cross(self) -> bool:
        """Whether audio attends to visual (Eq. 1) or not (Eq. 8)."""
        return self.startswith("across")

    @property
    def visual_cross(self) -> bool:
        """Whether visual attends to audio (Eq. 2) or not (Eq. 7)."""
        return self.endswith("vcross")

    @property
    def display_name(self) -> str:
        """The name on screen, as in ``A_cross + V_self``."""
        audio, visual = self.value.split("_")
        return f"A_{audio[1:]} + V_{visual[1:]}"


class Control(StrEnum):
    """A run that is no trial of the method, but shows what a measure gives where there is nothing for it to find."""

    RANDOM = "random"
    """Never trained: the weights as they were drawn."""
    SHUFFLED = "shuffled"
    """Trained on labels that were shuffled among the videos."""
    UNIFORM = "uniform"
    """W_av is one half for either modality."""
    FROZEN = "frozen"
    """The weights that W_av comes from stay as they were drawn."""

    @classmethod
    def parse(cls, text: str) -> Control:
        """Control from its name.

        Raises
        ------
        BadInputError
            If there is none of that name.
        """
        if text not in set(cls):
            raise BadInputError(f"unknown control {text!r}: take {', '.join(cls)}")
        return cls(text)


@dataclass(frozen=True)
class Smoothing:
    """Label smoothing by modality: a label y becomes (1 - delta) y + delta / K.

    Parameters
    ----------
    audio, visual
        The confidence parameter delta of either modality, in [0, 1).
    k
        The K of the uniform distribution 1 / K, above 1.
    """

    audio: float = 0.0
    visual: float = 0.0
    k: int = 2

    def __post_init__(self) -> None:
        for modality in Modality:
            if not 0 <= self[modality] < 1:
                raise BadInputError(f"smoothing of {modality} labels is {self[modality]:g}: delta must be in [0, 1)")
        if self.k < 2:
            raise BadInputError(f"smoothing with K = {self.k}: K must be 2 or more")

    def __getitem__(self, modality: str) -> float:
        return {Modality.AUDIO: self.audio, Modality.VISUAL: self.visual}[Modality(modality)]

    @classmethod
    def parse(cls, text: str) -> Smoothing:
        """Smoothing from its name: ``no_ls``, ``ls_a``, ``ls_v``, ``ls_av``, or with deltas, ``ls_a0.2_v0.1_k2``.

        Raises
        ------
        BadInputError
            If the name is none of these, or a delta or K is out of its range.
        """
        if text in PRESETS:
            return PRESETS[text]
        found = re.fullmatch(r"ls(?:_a(?P<audio>\d*\.?\d+))?(?:_v(?P<visual>\d*\.?\d+))?(?:_k(?P<k>\d+))?", text)
        if not found or not (found["audio"] or found["visual"]):
            raise BadInputError(
                f"unknown smoothing {text!r}: take one of {', '.join(PRESETS)}, or deltas as ls_a0.2_v0.1"
            )
        return cls(float(found["audio"] or 0), float(found["visual"] or 0), int(found["k"] or 2))

    @property
    def name(self) -> str:
        """The name in files: a preset's, or one with the deltas in it; ``parse`` takes it back."""
        for name, preset in PRESETS.items():
            if self == preset:
                return name
        deltas = [f"{m[0]}{self[m]:g}" for m in Modality if self[m]]
        return "_".join(["ls", *deltas, *([f"k{self.k}"] if self.k != 2 else [])]) if deltas else "no_ls"

    @property
    def display_name(self) -> str:
        """The name on screen, as in ``LS-V``."""
        return smoothing_name(self.name)


PRESETS = {
    "no_ls": Smoothing(),
    "ls_a": Smoothing(audio=0.1),
    "ls_v": Smoothing(visual=0.1),
    "ls_av": Smoothing(audio=0.1, visual=0.1),
}
"""The paper's four settings (section 5.3)."""


def smoothing_name(name: str) -> str:
    """The name on screen of a smoothing's name, as in ``LS-V`` or ``LS-A0.2-V0.1``."""
    return {"no_ls": "No-LS"}.get(name, name.upper().replace("_", "-"))
