"""Decision rules from probabilities to events, as used to evaluate HAN and the models derived from it.

Scores under different rules are not comparable, so every score is shown with its rule.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from mbias.errors import BadInputError


class Filter(StrEnum):
    """The video-level condition that an event must meet in addition to the threshold on its segment."""

    JOINT = "joint"
    MODALITY = "modality"
    NONE = "none"


@dataclass(frozen=True)
class Rule:
    """A decision rule.

    Parameters
    ----------
    filter
        The video-level condition. ``joint``: p_wsl reaches the video threshold (for both modalities alike).
        ``modality``: p_a (for audio) or p_v (for visual) reaches it. ``none``: no condition.
    segment, video
        Thresholds on the probabilities of segments and of videos: one number, or one per category. A probability
        equal to the threshold reaches it.

    Raises
    ------
    BadInputError
        If a threshold is outside [0, 1].

    Examples
    --------
    >>> rule = Rule(Filter.MODALITY, segment=0.4)
    >>> str(rule)
    'P >= 0.4 where p_a (audio) or p_v (visual) >= 0.5'
    """

    filter: Filter = Filter.JOINT
    segment: float | tuple[float, ...] = 0.5
    video: float | tuple[float, ...] = 0.5

    def __post_init__(self) -> None:
        for name in ("segment", "video"):
            values = np.atleast_1d(getattr(self, name))
            if not ((values >= 0) & (values <= 1)).all():
                raise BadInputError(f"a {name} threshold is outside [0, 1]; give values from 0 to 1")

    def __str__(self) -> str:
        segment = f"P >= {_text(self.segment)}"
        video = _text(self.video)
        condition = {
            Filter.JOINT: f" where p_wsl >= {video} (video-level, for both modalities)",
            Filter.MODALITY: f" where p_a (audio) or p_v (visual) >= {video}",
            Filter.NONE: ", no video-level condition",
        }
        return segment + condition[self.filter]

    def events(self, p: np.ndarray, joint: np.ndarray | None = None, modality: np.ndarray | None = None) -> np.ndarray:
        """Return the predicted events.

        Parameters
        ----------
        p
            Probabilities P, of shape (video, segment, modality, category).
        joint
            Video-level probabilities p_wsl, of shape (video, category). Needed by ``Filter.JOINT``.
        modality
            Video-level probabilities p_a and p_v, of shape (video, modality, category). Needed by ``Filter.MODALITY``.

        Returns
        -------
        numpy.ndarray
            bool, of the shape of ``p``.

        Raises
        ------
        BadInputError
            If the probabilities that the filter needs are missing, or the number of thresholds differs from the number
            of categories.

        Examples
        --------
        >>> p = np.array([0.5, 0.4]).reshape(1, 1, 2, 1)
        >>> Rule().events(p, joint=np.array([[0.7]])).ravel().tolist()
        [True, False]
        """
        for values in (self.segment, self.video):
            if np.ndim(values) and np.shape(values) != p.shape[-1:]:
                raise BadInputError(f"{np.size(values)} thresholds for {p.shape[-1]} categories; give one per category")
        events = p >= np.asarray(self.segment)
        if self.filter == Filter.NONE:
            return events
        video_level = {Filter.JOINT: joint, Filter.MODALITY: modality}[self.filter]
        if video_level is None:
            what = "p_joint (video-level p_wsl)" if self.filter == Filter.JOINT else "p_modality (p_a and p_v), or wtp"
            raise BadInputError(f"the rule needs {what}, which the predictions lack; add it, or use --rule segments")
        passed = video_level >= np.asarray(self.video)
        return events & (passed[:, None, None, :] if self.filter == Filter.JOINT else passed[:, None])


RULES = {
    "original": Rule(),
    "per_modality": Rule(Filter.MODALITY),
    "segments": Rule(Filter.NONE),
}
"""Rules by name.

``original`` is the rule of HAN (also of MA and VALOR). ``per_modality`` has one condition per modality (JoMoLD).
``segments`` has no video-level condition.
"""


def rule_named(name: str, segment: float | tuple[float, ...], video: float | tuple[float, ...]) -> Rule:
    """Return a rule of `RULES` with other thresholds.

    Parameters
    ----------
    name
        A key of `RULES`.
    segment, video
        The thresholds, as for `Rule`.

    Returns
    -------
    Rule

    Examples
    --------
    >>> str(rule_named("segments", 0.3, 0.5))
    'P >= 0.3, no video-level condition'
    """
    return dataclasses.replace(RULES[name], segment=segment, video=video)


def _text(value: float | tuple[float, ...]) -> str:
    if isinstance(value, tuple):
        return f"{min(value):g} to {max(value):g}, one per category,"
    return f"{value:g}"
