"""The vocabulary of the paper as small types: modalities, splits, metrics, variants, controls, smoothings."""

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
"""Number of segments of a video in LLP, one second each."""


class Modality(StrEnum):
    """A modality. The order of the members is their order in arrays: audio is index 0."""

    AUDIO = "audio"
    VISUAL = "visual"


class Split(StrEnum):
    """A split of LLP."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


class Level(StrEnum):
    """The unit that an F-score counts: segments, or events (runs of consecutive segments)."""

    SEGMENT = "segment"
    EVENT = "event"


class Metric(StrEnum):
    """The events that an F-score covers: those of section 5.2 of the paper, and those of one modality alone."""

    AUDIO = "audio"
    VISUAL = "visual"
    AUDIO_VISUAL = "audio_visual"
    TYPE_AVERAGE = "type_average"
    EVENT_AVERAGE = "event_average"
    AUDIO_ONLY = "audio_only"
    VISUAL_ONLY = "visual_only"

    @property
    def display_name(self) -> str:
        """The name on screen, for example ``Type@AV``."""
        return {
            "audio": "Audio",
            "visual": "Visual",
            "audio_visual": "Audio-visual",
            "type_average": "Type@AV",
            "event_average": "Event@AV",
            "audio_only": "Ao",
            "visual_only": "Vo",
        }[self.value]


class Variant(StrEnum):
    """A feature aggregation: which modality attends to the other (Eq. 1, 2, 7, 8).

    Examples
    --------
    >>> variant = Variant.parse("across_vself")
    >>> variant.display_name, variant.audio_cross, variant.visual_cross
    ('A_cross + V_self', True, False)
    """

    ASELF_VSELF = "aself_vself"
    ASELF_VCROSS = "aself_vcross"
    ACROSS_VSELF = "across_vself"
    ACROSS_VCROSS = "across_vcross"

    @classmethod
    def parse(cls, text: str) -> Variant:
        """Return the variant with the given name.

        Parameters
        ----------
        text
            The name in files, for example ``across_vself``.

        Returns
        -------
        Variant

        Raises
        ------
        BadInputError
            If no variant has this name.

        Examples
        --------
        >>> Variant.parse("aself_vcross")
        <Variant.ASELF_VCROSS: 'aself_vcross'>
        """
        if text not in set(cls):
            raise BadInputError(f"unknown variant {text!r}: choose from {', '.join(cls)}")
        return cls(text)

    @property
    def audio_cross(self) -> bool:
        """Whether audio attends to the visual modality (Eq. 1) or only to itself (Eq. 8)."""
        return self.startswith("across")

    @property
    def visual_cross(self) -> bool:
        """Whether the visual modality attends to audio (Eq. 2) or only to itself (Eq. 7)."""
        return self.endswith("vcross")

    @property
    def display_name(self) -> str:
        """The name on screen, for example ``A_cross + V_self``."""
        audio, visual = self.value.split("_")
        return f"A_{audio[1:]} + V_{visual[1:]}"


class Control(StrEnum):
    """A negative control: a run that shows what a measure returns when there is nothing to detect."""

    RANDOM = "random"
    """Not trained: the weights keep their initial values."""
    SHUFFLED = "shuffled"
    """Trained on labels that were shuffled across videos."""
    UNIFORM = "uniform"
    """W_av is one half for each modality."""
    FROZEN = "frozen"
    """The weights that produce W_av keep their initial values."""

    @classmethod
    def parse(cls, text: str) -> Control:
        """Return the control with the given name.

        Parameters
        ----------
        text
            The name in files, for example ``shuffled``.

        Returns
        -------
        Control

        Raises
        ------
        BadInputError
            If no control has this name.
        """
        if text not in set(cls):
            raise BadInputError(f"unknown control {text!r}: choose from {', '.join(cls)}")
        return cls(text)


DELTA = 0.1
"""The delta of a smoothing whose name gives none: that of the original training code."""


@dataclass(frozen=True)
class Smoothing:
    """Label smoothing per modality: a label y becomes (1 - delta) y + delta / K.

    Parameters
    ----------
    audio, visual
        The confidence parameter delta of each modality, in [0, 1).
    k
        The K of the uniform distribution 1 / K, 2 or more.

    Raises
    ------
    BadInputError
        If a delta or K is out of range.

    Examples
    --------
    >>> smoothing = Smoothing(visual=0.1)
    >>> smoothing.name, smoothing.display_name
    ('ls_v', 'LS-V')
    >>> smoothing["visual"]
    0.1
    >>> stronger = Smoothing(visual=0.2)
    >>> stronger.name, stronger.display_name, stronger.kind, stronger.strength
    ('ls_v0.2', 'LS-V 0.2', 'ls_v', '0.2')
    """

    audio: float = 0.0
    visual: float = 0.0
    k: int = 2

    def __post_init__(self) -> None:
        for modality in Modality:
            if not 0 <= self[modality] < 1:
                raise BadInputError(f"delta of the {modality} labels is {self[modality]:g}: it must be in [0, 1)")
        if self.k < 2:
            raise BadInputError(f"K of the label smoothing is {self.k}: it must be 2 or more")

    def __getitem__(self, modality: str) -> float:
        return {Modality.AUDIO: self.audio, Modality.VISUAL: self.visual}[Modality(modality)]

    @classmethod
    def parse(cls, text: str, delta: float = DELTA) -> Smoothing:
        """Return the smoothing with the given name.

        Parameters
        ----------
        text
            ``no_ls``, ``ls_a``, ``ls_v`` or ``ls_av`` (K 2), or a name with deltas and optionally K, such as
            ``ls_a0.2_v0.1_k2``.
        delta
            The delta of ``ls_a``, ``ls_v`` and ``ls_av``.

        Returns
        -------
        Smoothing

        Raises
        ------
        BadInputError
            If the name has another form, or a delta or K is out of range.

        Examples
        --------
        >>> Smoothing.parse("ls_v")
        Smoothing(audio=0.0, visual=0.1, k=2)
        >>> Smoothing.parse("ls_a0.2_v0.1_k4")
        Smoothing(audio=0.2, visual=0.1, k=4)
        """
        if text in PRESETS:
            audio, visual = (delta if PRESETS[text][m] else 0.0 for m in Modality)
            return cls(audio, visual)
        match = re.fullmatch(r"ls(?:_a(?P<audio>\d*\.?\d+))?(?:_v(?P<visual>\d*\.?\d+))?(?:_k(?P<k>\d+))?", text)
        if not match or not (match["audio"] or match["visual"]):
            raise BadInputError(
                f"unknown smoothing {text!r}: choose from {', '.join(PRESETS)}, or give deltas as in ls_a0.2_v0.1"
            )
        return cls(float(match["audio"] or 0), float(match["visual"] or 0), int(match["k"] or 2))

    @property
    def name(self) -> str:
        """The name in files: that of a preset, or one that contains the deltas. `parse` accepts it."""
        for name, preset in PRESETS.items():
            if self == preset:
                return name
        deltas = [f"{m[0]}{self[m]:g}" for m in Modality if self[m]]
        return "_".join(["ls", *deltas, *([f"k{self.k}"] if self.k != 2 else [])]) if deltas else "no_ls"

    @property
    def kind(self) -> str:
        """The preset that smooths the same modalities, whatever the delta: the paper's name of the setting."""
        return f"ls_{''.join(m[0] for m in Modality if self[m])}" if self.strength else "no_ls"

    @property
    def strength(self) -> str:
        """The delta, and K if it is not 2, as in ``0.2 K 4``; both deltas if they differ; empty without smoothing."""
        deltas = dict.fromkeys(f"{self[m]:g}" for m in Modality if self[m])
        return "/".join(deltas) + (f" K {self.k}" if deltas and self.k != 2 else "")

    @property
    def display_name(self) -> str:
        """The name on screen, for example ``LS-V``."""
        return smoothing_name(self.name)


PRESETS = {
    "no_ls": Smoothing(),
    "ls_a": Smoothing(audio=DELTA),
    "ls_v": Smoothing(visual=DELTA),
    "ls_av": Smoothing(audio=DELTA, visual=DELTA),
}
"""The four settings of the paper (section 5.3), with the delta of the original training code."""


def recorded_smoothing(name: str | None) -> Smoothing | None:
    """The smoothing that a record names; None where it names none, or in another form.

    Examples
    --------
    >>> recorded_smoothing("ls_v0.2"), recorded_smoothing("mixup")
    (Smoothing(audio=0.0, visual=0.2, k=2), None)
    """
    try:
        return Smoothing.parse(name) if isinstance(name, str) else None
    except BadInputError:
        return None


def smoothing_name(name: str) -> str:
    """Return the name on screen of a smoothing: the modalities, and the delta unless it is `DELTA`.

    Parameters
    ----------
    name
        The name in files, as `Smoothing.name` gives it.

    Returns
    -------
    str

    Examples
    --------
    >>> smoothing_name("ls_v"), smoothing_name("ls_v0.2"), smoothing_name("ls_a0.2_v0.1")
    ('LS-V', 'LS-V 0.2', 'LS-AV 0.2/0.1')
    """
    smoothing = recorded_smoothing(name)
    if smoothing is None:
        return name.upper().replace("_", "-")
    if not smoothing.strength:
        return "No-LS"
    kind = smoothing.kind.upper().replace("_", "-")
    return kind if smoothing == PRESETS[smoothing.kind] else f"{kind} {smoothing.strength}"
