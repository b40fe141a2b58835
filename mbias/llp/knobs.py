"""The parameters of simulated LLP (the knobs), with their defaults and meanings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any

import numpy as np

from mbias.errors import BadInputError
from mbias.terms import CATEGORIES


@dataclass(frozen=True)
class ByCategory:
    """A number per category: a default, and the categories that differ from it.

    Parameters
    ----------
    default
        The number of every category that is not in ``others``.
    others
        The numbers of the categories that differ.

    Examples
    --------
    >>> strength = ByCategory(1.0, {"Speech": 0.5})
    >>> str(strength), strength.array()[:2].tolist()
    ('1,Speech=0.5', [0.5, 1.0])
    """

    default: float
    others: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> ByCategory:
        """Parse the text form, which `str` also returns.

        Parameters
        ----------
        text
            A number, then CATEGORY=NUMBER for each category that differs, separated by commas.

        Returns
        -------
        ByCategory

        Raises
        ------
        BadInputError
            If a number is negative or not a number, or a category is unknown.

        Examples
        --------
        >>> ByCategory.parse("1,Speech=0.5,Dog=2")
        ByCategory(default=1.0, others={'Speech': 0.5, 'Dog': 2.0})
        """
        first, *rest = text.split(",")
        others = {}
        for item in rest:
            category, equals, value = item.partition("=")
            if not equals or category not in CATEGORIES:
                raise BadInputError(f"{item!r} is not CATEGORY=NUMBER; use a category of LLP, as in 1,Speech=0.5")
            others[category] = _positive(value)
        return cls(_positive(first), others)

    def __str__(self) -> str:
        return ",".join([f"{self.default:g}", *(f"{category}={value:g}" for category, value in self.others.items())])

    def array(self) -> np.ndarray:
        """Return the numbers in the order of the categories, shape (25,)."""
        return np.array([self.others.get(category, self.default) for category in CATEGORIES])


@dataclass(frozen=True)
class Pairs:
    """Pairs of categories whose sounds are confusable.

    Parameters
    ----------
    pairs
        Pairs of categories. No category is in two pairs.

    Examples
    --------
    >>> str(Pairs((("Car", "Dog"), ("Cello", "Banjo"))))
    'Car+Dog,Cello+Banjo'
    """

    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, text: str) -> Pairs:
        """Parse the text form, which `str` also returns.

        Parameters
        ----------
        text
            Pairs such as ``Blender+Vacuum_cleaner``, separated by commas, or ``-`` for no pair.

        Returns
        -------
        Pairs

        Raises
        ------
        BadInputError
            If an item is not a pair of known categories, or a category is in two pairs.

        Examples
        --------
        >>> Pairs.parse("Blender+Vacuum_cleaner")
        Pairs(pairs=(('Blender', 'Vacuum_cleaner'),))
        """
        pairs = [] if text == "-" else [tuple(item.split("+")) for item in text.split(",")]
        named = [category for pair in pairs for category in pair]
        if any(len(pair) != 2 for pair in pairs) or not set(named) <= set(CATEGORIES) or len(named) != len(set(named)):
            raise BadInputError(f"{text!r}: use pairs of LLP's categories, each once, as in Blender+Vacuum_cleaner")
        return cls(tuple((a, b) for a, b in pairs))

    def __str__(self) -> str:
        return ",".join("+".join(pair) for pair in self.pairs) or "-"


CONFUSABLE_PAIRS = Pairs.parse(
    "Blender+Vacuum_cleaner,Chainsaw+Lawn_mower,Car+Motorcycle,Cello+Violin_fiddle,Banjo+Acoustic_guitar,"
    "Cheering+Clapping,Baby_laughter+Baby_cry_infant_cry"
)
"""Blender and Vacuum_cleaner, the pair in the paper, and six more pairs that sound alike and look different."""


def _means(meaning: str) -> dict[str, str]:
    return {"meaning": meaning}


@dataclass(frozen=True)
class Knobs:
    """The parameters of the model that simulates LLP.

    The metadata of each field states its meaning. A strength is in standard deviations of the noise of one segment
    along one direction. A scale multiplies a statistic of LLP (`mbias/llp/statistics`), so that the default of 1
    reproduces LLP.

    Raises
    ------
    BadInputError
        If a value is out of range.

    Examples
    --------
    >>> knobs = Knobs(silent=ByCategory(0.0))
    >>> knobs.to_json()["silent"]
    '0'
    """

    off_screen: ByCategory = field(
        default=ByCategory(1.0),
        metadata=_means("scale of the share of a category's events that are heard but not seen in LLP; 0 for none"),
    )
    silent: ByCategory = field(
        default=ByCategory(1.0),
        metadata=_means("scale of the share of a category's events that are seen but not heard in LLP; 0 for none"),
    )
    asynchrony: ByCategory = field(
        default=ByCategory(1.0),
        metadata=_means(
            "scale of the share of audio-visual events whose audio and visual times differ in LLP; 0 for none"
        ),
    )
    cooccurrence: float = field(
        default=1.0,
        metadata=_means(
            "share of videos that take a label set of LLP's training videos; the others draw each label independently"
        ),
    )
    audio_strength: ByCategory = field(
        default=ByCategory(4.0), metadata=_means("strength of events in the audio stream")
    )
    visual_strength: ByCategory = field(
        default=ByCategory(6.0), metadata=_means("strength of events in the frame and motion streams")
    )
    gaps: ByCategory = field(
        default=ByCategory(0.0),
        metadata=_means(
            "share of a category's events in one modality whose sound or look fills the video though it is annotated "
            "in a part of it"
        ),
    )
    category_spread: float = field(
        default=0.2, metadata=_means("spread of the strength between categories: sigma of its logarithm")
    )
    event_spread: float = field(
        default=0.3, metadata=_means("spread of the strength between events of a category: sigma of its logarithm")
    )
    confusable_pairs: Pairs = field(
        default=CONFUSABLE_PAIRS, metadata=_means("pairs of categories whose sounds are confusable; - for none")
    )
    confusable: float = field(
        default=0.9, metadata=_means("share of the sound, in power, that both categories of a pair have in common")
    )
    video_noise: float = field(default=0.3, metadata=_means("sigma of the noise that is constant over a video"))
    segment_noise: float = field(default=1.0, metadata=_means("sigma of the noise of each segment"))
    frame_noise: float = field(
        default=1.0, metadata=_means("sigma of the noise of each of the 8 frames of a segment; their mean cancels it")
    )

    def __post_init__(self) -> None:
        for name in ("cooccurrence", "confusable"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadInputError(f"{name.replace('_', '-')} is {getattr(self, name):g}: it must be from 0 to 1")
        if self.gaps.array().max() > 1:
            raise BadInputError(f"gaps is {self.gaps}: it is a share, so each number must be from 0 to 1")
        for name in ("category_spread", "event_spread", "video_noise", "segment_noise", "frame_noise"):
            _positive(getattr(self, name))

    @classmethod
    def parse(cls, texts: Mapping[str, str | None], default: Knobs | None = None) -> Knobs:
        """Parse knobs from text.

        Parameters
        ----------
        texts
            The text of each knob by name. None keeps the value of ``default``.
        default
            The knobs to start from, ``Knobs()`` by default.

        Returns
        -------
        Knobs

        Raises
        ------
        BadInputError
            If a text is not valid for its knob.

        Examples
        --------
        >>> knobs = Knobs.parse({"off_screen": "0.5,Speech=1", "video_noise": "0.1", "silent": None})
        >>> str(knobs.off_screen), knobs.video_noise, knobs.silent == Knobs().silent
        ('0.5,Speech=1', 0.1, True)
        """
        given = {name: text for name, text in texts.items() if text is not None}
        parsed = {knob.name: _parse(knob, given[knob.name]) for knob in fields(cls) if knob.name in given}
        return replace(default or cls(), **parsed)

    def to_json(self) -> dict[str, float | str]:
        """Return the knobs by name, as numbers and text."""
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


CALIBRATED = Knobs(audio_strength=ByCategory(1.5), visual_strength=ByCategory(2.15), gaps=ByCategory(0.4))
"""The defaults for real annotations of LLP: A_cross + V_cross and A_cross + V_self under LS-V then score as published.

They are tuned on these two cells of the tables in the paper, and only on their segment-level audio, visual and
audio-visual F-scores (``docs/findings.md``).
"""
