"""What a probe asks of a model: passes over the samples in which modalities are replaced."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from numbers import Integral

from mbias.arguments import checked_names, shown
from mbias.errors import BadInputError

BASELINES = ("mean", "zero", "permuted", "swapped", "cross")
"""What replaces a modality: its mean over the training split; zeros; the same modality of another sample; that of a
donor sample without a common label; its mean, but only where the other modality attends to it."""

_SIMILAR = 0.75
"""How similar a name must be to one of `BASELINES` to be taken for a misspelling of it."""


@dataclass(frozen=True)
class Pass:
    """One pass of the model over the recorded samples.

    Parameters
    ----------
    baseline
        What replaced the modalities: one of `BASELINES`, or the name of a stand-in of one's own, such as ``blank
        image``; empty where nothing was replaced.
    replaced
        The names of the replaced modalities.
    draw
        The number of the draw, from 0, where the baseline is drawn at random.

    Examples
    --------
    >>> mbias.Pass("mean", ("audio",))
    Pass(baseline='mean', replaced=('audio',), draw=0)
    """

    baseline: str = ""
    replaced: tuple[str, ...] = ()
    draw: int = 0

    def __post_init__(self) -> None:
        if self.baseline != "":
            object.__setattr__(self, "baseline", checked_stand_in("Pass", self.baseline))
        object.__setattr__(self, "replaced", checked_names("Pass: replaced", self.replaced))
        if bool(self.baseline) != bool(self.replaced):
            raise BadInputError("Pass: a baseline and the modalities that it replaces go together; give both or none")
        if not isinstance(self.draw, Integral) or isinstance(self.draw, bool) or self.draw < 0:
            raise BadInputError(f"Pass: draw: {shown(self.draw)} is not the number of a draw; give 0 or more")
        object.__setattr__(self, "draw", int(self.draw))


WHOLE = Pass()
"""The pass in which nothing is replaced."""


def checked_stand_in(what: str, name: object) -> str:
    """The name of a stand-in, one of `BASELINES` or one's own.

    Raises
    ------
    BadInputError
        If it is not a printable name, or looks like a misspelling of one of `BASELINES`.

    Examples
    --------
    >>> checked_stand_in("stand_ins", "blank image")
    'blank image'
    """
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise BadInputError(f"{what}: {shown(name)} is not the name of a stand-in; give printable text")
    if name in BASELINES:
        return name
    if meant := difflib.get_close_matches(name.strip().lower(), BASELINES, 1, _SIMILAR):
        raise BadInputError(f"{what}: unknown baseline {name!r}; did you mean {meant[0]!r}?")
    return name


def description(of_pass: Pass) -> str:
    """What a pass replaces, for an error message that says "the pass ..."."""
    if not of_pass.replaced:
        return "in which nothing is replaced"
    draw = f" (draw {of_pass.draw})" * bool(of_pass.draw)
    return f"with {' and '.join(of_pass.replaced)} replaced by {of_pass.baseline!r}{draw}"
