"""What can be turned in simulated LLP, each with its default and what it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any

import numpy as np

from mbias.errors import BadInputError
from mbias.terms import CATEGORIES


@dataclass(frozen=True)
class ByCategory:
    """A number for every category: one for all, and those that differ, as in ``1`` or ``1,Speech=0.5,Dog=2``."""

    default: float
    others: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> ByCategory:
        """The numbers that `str` gives, or a user writes.

        Raises
        ------
        BadInputError
            If a number is negative or none, or a category is unknown.
        """
        first, *rest = text.split(",")
        others = {}
        for item in rest:
            category, equals, value = item.partition("=")
            if not equals or category not in CATEGORIES:
                raise BadInputError(f"{item!r} is no CATEGORY=NUMBER; take a category of LLP, as in 1,Speech=0.5")
            others[category] = _positive(value)
        return cls(_positive(first), others)

    def __str__(self) -> str:
        return ",".join([f"{self.default:g}", *(f"{category}={value:g}" for category, value in self.others.items())])

    def array(self) -> np.ndarray:
        """The numbers in the order of the categories, shape (25,)."""
        return np.array([self.others.get(category, self.default) for category in CATEGORIES])


@dataclass(frozen=True)
class Pairs:
    """Pairs of categories whose sounds are confusable, as in ``Blender+Vacuum_cleaner``; ``-`` is none."""

    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, text: str) -> Pairs:
        """The pairs that `str` gives, or a user writes.

        Raises
        ------
        BadInputError
            If an item is no pair of two known categories, or a category is in two pairs.
        """
        pairs = [] if text == "-" else [tuple(item.split("+")) for item in text.split(",")]
        named = [category for pair in pairs for category in pair]
        if any(len(pair) != 2 for pair in pairs) or not set(named) <= set(CATEGORIES) or len(named) != len(set(named)):
            raise BadInputError(f"{text!r}: take pairs of LLP's categories, each once, as in Blender+Vacuum_cleaner")
        return cls(tuple((a, b) for a, b in pairs))

    def __str__(self) -> str:
        return ",".join("+".join(pair) for pair in self.pairs) or "-"


CONFUSABLE_PAIRS = Pairs.parse(
    "Blender+Vacuum_cleaner,Chainsaw+Lawn_mower,Car+Motorcycle,Cello+Violin_fiddle,Banjo+Acoustic_guitar,"
    "Cheering+Clapping,Baby_laughter+Baby_cry_infant_cry"
)
"""The paper's pair, Blender and Vacuum_cleaner, and six of ours that sound alike and look different."""


def _means(meaning: str) -> dict[str, str]:
    return {"meaning": meaning}


@dataclass(frozen=True)
class Knobs:
    """The model of simulated data; a strength is in standard deviations of the noise of one segment along a direction.

    Where LLP has a figure (`mbias.llp.statistics`), the default is that figure: a scale of 1.
    """

    off_screen: ByCategory = field(
        default=ByCategory(1.0),
        metadata=_means("scale of LLP's share of a category's events that are heard but not seen; 0 for none"),
    )
    silent: ByCategory = field(
        default=ByCategory(1.0),
        metadata=_means("scale of LLP's share of a category's events that are seen but not heard"),
    )
    asynchrony: ByCategory = field(
        default=ByCategory(1.0),
        metadata=_means("scale of LLP's share of events, heard and seen, whose two times differ; 0 for all the same"),
    )
    cooccurrence: float = field(
        default=1.0,
        metadata=_means(
            "share of videos with a whole label set of LLP's training videos; the others draw each label on its own"
        ),
    )
    audio_strength: ByCategory = field(
        default=ByCategory(4.0), metadata=_means("strength of events in the audio stream")
    )
    visual_strength: ByCategory = field(
        default=ByCategory(6.0), metadata=_means("strength of events in the frame and motion streams")
    )
    category_spread: float = field(
        default=0.2, metadata=_means("how much strength differs between categories: sigma of its logarithm")
    )
    event_spread: float = field(
        default=0.3, metadata=_means("how much strength differs between events of a category: sigma of its logarithm")
    )
    confusable_pairs: Pairs = field(
        default=CONFUSABLE_PAIRS, metadata=_means("pairs of categories whose sounds are confusable; - for none")
    )
    confusable: float = field(
        default=0.9, metadata=_means("share, in power, of the sound that the two of a pair have in common")
    )
    video_noise: float = field(default=0.3, metadata=_means("noise that stays through a video"))
    segment_noise: float = field(default=1.0, metadata=_means("noise of each segment"))
    frame_noise: float = field(
        default=1.0, metadata=_means("noise of each of a segment's 8 frames, gone in their mean")
    )

    def __post_init__(self) -> None:
        for name in ("cooccurrence", "confusable"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadInputError(f"{name.replace('_', '-')} is {getattr(self, name):g}: it must be from 0 to 1")
        for name in ("category_spread", "event_spread", "video_noise", "segment_noise", "frame_noise"):
            _positive(getattr(self, name))

    @classmethod
    def parse(cls, texts: Mapping[str, str | None], default: Knobs | None = None) -> Knobs:
        """Knobs from what a user writes, by name; None leaves that of ``default``.

        Raises
        ------
        BadInputError
            If a text is not what its knob takes.
        """
        given = {name: text for name, text in texts.items() if text is not None}
        parsed = {knob.name: _parse(knob, given[knob.name]) for knob in fields(cls) if knob.name in given}
        return replace(default or cls(), **parsed)

    def to_json(self) -> dict[str, float | str]:
        """The knobs by name, as numbers and text."""
        values = {knob.name: getattr(self, knob.name) for knob in fields(self)}
        return {name: value if isinstance(value, float) else str(value) for name, value in values.items()}


def _parse(knob: Field[Any], text: str) -> Any:
    try:
        default: Any = knob.default
        return _positive(text) if isinstance(default, float) else default.parse(text)
    except BadInputError as error:
        raise BadInputError(f"--{knob.name.replace('_', '-')}: {error}") from None


def _positive(value: str | float) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise BadInputError(f"{value!r} is not a number of 0 or more; correct it")
    return number


CALIBRATED = Knobs(audio_strength=ByCategory(2.3), visual_strength=ByCategory(1.75))
"""The defaults for LLP's own annotations: with them A_cross + V_cross under LS-V scores about what is published of it.

Tuned on that one cell of the paper's tables, on segment-level audio, visual and audio-visual F-scores alone
(``docs/findings.md``).
"""
