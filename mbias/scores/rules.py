"""From probabilities to events: the rules that models of the HAN line are evaluated by.

Scores by different rules are not comparable, so a rule says what it is, and a score is shown with its rule.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from mbias.errors import BadInputError


class Filter(StrEnum):
    """What a segment's event must pass beside its own threshold."""

    JOINT = "joint"
    MODALITY = "modality"
    NONE = "none"


@dataclass(frozen=True)
class Rule:
    """A rule.

    Parameters
    ----------
    filter
        ``joint``: the video's p_wsl reaches the video's threshold too, for both modalities alike; ``modality``: p_a
        does for audio and p_v for visual; ``none``: nothing more.
    segment, video
        Thresholds on probabilities of segments and of videos, reached at equality: a number, or one a category.
    """

    filter: Filter = Filter.JOINT
    segment: float | tuple[float, ...] = 0.5
    video: float | tuple[float, ...] = 0.5

    def __post_init__(self) -> None:
        for name in ("segment", "video"):
            values = np.atleast_1d(getattr(self, name))
            if not ((values >= 0) & (values <= 1)).all():
                raise BadInputError(f"a {name} threshold is outside of 0 to 1")

    def __str__(self) -> str:
        segment = f"P >= {_text(self.segment)}"
        video = _text(self.video)
        beside = {
            Filter.JOINT: f" where p_wsl >= {video} (the video's, for both modalities)",
            Filter.MODALITY: f" where p_a (audio) or p_v (visual) >= {video}",
            Filter.NONE: ", no filter by video",
        }
        return segment + beside[self.filter]

    def events(self, p: np.ndarray, joint: np.ndarray | None = None, modality: np.ndarray | None = None) -> np.ndarray:
        """Predicted events, bool of the shape of ``p``.

        Parameters
        ----------
        p
            Probabilities P of shape (video, segment, modality, category).
        joint, modality
            Probabilities of videos: p_wsl (video, category); p_a and p_v (video, modality, category). The rule says
            which it needs.

        Raises
        ------
        BadInputError
            If they are missing, or thresholds are not one a category.
        """
        for values in (self.segment, self.video):
            if np.ndim(values) and np.shape(values) != p.shape[-1:]:
                raise BadInputError(f"{np.size(values)} thresholds for {p.shape[-1]} categories; give one each")
        events = p >= np.asarray(self.segment)
        if self.filter == Filter.NONE:
            return events
        of_video = {Filter.JOINT: joint, Filter.MODALITY: modality}[self.filter]
        if of_video is None:
            what = "p_joint, the video's p_wsl" if self.filter == Filter.JOINT else "p_modality, p_a and p_v, or wtp"
            raise BadInputError(f"the rule needs {what}, which the predictions do not hold; add it, or --rule segments")
        passed = of_video >= np.asarray(self.video)
        return events & (passed[:, None, None, :] if self.filter == Filter.JOINT else passed[:, None])


RULES = {
    "original": Rule(),
    "per_modality": Rule(Filter.MODALITY),
    "segments": Rule(Filter.NONE),
}
"""By name: the original HAN's (also MA's and VALOR's); with a filter a modality (JoMoLD's); segments alone."""


def rule_named(name: str, segment: float | tuple[float, ...], video: float | tuple[float, ...]) -> Rule:
    """The rule of a name, with these thresholds."""
    return dataclasses.replace(RULES[name], segment=segment, video=video)


def _text(value: float | tuple[float, ...]) -> str:
    if isinstance(value, tuple):
        return f"{min(value):g} to {max(value):g}, one a category,"
    return f"{value:g}"
