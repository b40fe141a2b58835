"""What the conditions of an answer log do to the modalities, read from their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mbias.errors import BadInputError

REMOVED = "removed"
"""The stand-in of conditions without a modality."""

PERMUTED = "permuted"
"""The stand-in of conditions with the modality of another item."""

_VERBS = {
    REMOVED: "no without wo minus drop dropped remove removed mute muted silent silenced blank black mask masked zero "
    "zeroed missing absent off",
    PERMUTED: "swap swapped mismatch mismatched misaligned shuffle shuffled permute permuted",
    "kept": "only alone",
}
_VERB = {word: verb for verb, words in _VERBS.items() for word in words.split()}
_EVERYTHING = ("all", "both")
_FULL = {*_EVERYTHING, "full", "original", "normal", "complete", "intact", "clean", "aligned", "matched", "multimodal"}
_NOTHING = ({"none"}, {"blind"}, {"no"}, {"without"})
_FILLERS = {"and", "the", "of", "input", "inputs", "modality", "modalities", "condition"}
_SAME = {
    "audio": "audio a sound",
    "visual": "visual v video vid vision frames",
    "image": "image images img picture",
    "text": "text t txt language question",
}
_MODALITY = {word: name for name, words in _SAME.items() for word in words.split()} | {
    name: name for name in ("speech", "music", "subtitles", "transcript", "depth", "thermal", "flow", "lidar", "imu")
}
_JOINED = {"av": ("audio", "visual"), "va": ("visual", "audio"), "audiovisual": ("audio", "visual")}


@dataclass(frozen=True)
class Meaning:
    """What a condition does.

    Parameters
    ----------
    verb
        ``removed``, ``permuted``, or ``kept``: all modalities but these are removed.
    modalities
        The modalities that it names.
    all
        Whether it is about all of them.
    """

    verb: str
    modalities: tuple[str, ...] = ()
    all: bool = False


def meaning(condition: str, given: Sequence[str] = ()) -> Meaning | None:
    """What a condition does to which modalities.

    Parameters
    ----------
    condition
        Its name in the log.
    given
        The names of the modalities, as far as the caller names them.

    Returns
    -------
    Meaning or None
        None if the name is not understood.

    Examples
    --------
    >>> meaning("no_audio")
    Meaning(verb='removed', modalities=('audio',), all=False)
    >>> meaning("Video only")
    Meaning(verb='kept', modalities=('visual',), all=False)
    >>> meaning("audio-visual")
    Meaning(verb='kept', modalities=('audio', 'visual'), all=False)
    >>> meaning("experiment 3")
    """
    if condition.lstrip().startswith(("-", "+")):
        return None
    spaced = re.sub(r"\bw/?o\b", "without ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", condition).replace("_", " "))
    words = [word for word in re.findall(r"\w+", spaced.casefold()) if word not in _FILLERS]
    own = {name.casefold(): canonical(name) for name in given}
    verbs: set[str] = set()
    modalities: list[str] = []
    rest: list[str] = []
    for word in words:
        if word in own or word in _MODALITY:
            modalities.append(own.get(word) or _MODALITY[word])
        elif word in _JOINED:
            modalities += _JOINED[word]
        elif word in _VERB:
            verbs.add(_VERB[word])
        else:
            rest.append(word)
    named = tuple(dict.fromkeys(modalities))
    if set(words) in _NOTHING:
        return Meaning(REMOVED, all=True)
    understood = set(rest) <= (set(_EVERYTHING) if verbs else _FULL) and not (rest and named) and len(verbs) <= 1
    verb = next(iter(verbs), "kept")
    # Only of a swap may it be left open which modality it is about.
    if not understood or not (named or rest or verb == PERMUTED):
        return None
    return Meaning(verb, named, bool(rest))


def canonical(modality: str) -> str:
    """One name of a modality for its synonyms, such as ``visual`` for ``video``."""
    return _MODALITY.get(modality.casefold(), modality.casefold())


def modalities_of(meanings: Iterable[Meaning], conditions: Iterable[str]) -> dict[str, str]:
    """The modalities that conditions name, in their order, by `canonical` name, as the log calls them.

    Text that is never removed or swapped is the question, not a modality, if there are two others.

    Raises
    ------
    BadInputError
        If there are fewer than two.

    Examples
    --------
    >>> names = ["full", "no_audio", "video only"]
    >>> modalities_of([meaning(name) for name in names], names)
    {'audio': 'audio', 'visual': 'video'}
    """
    meanings = list(meanings)
    named = dict.fromkeys(name for of_condition in meanings for name in of_condition.modalities)
    replaced = {name for of_condition in meanings if of_condition.verb != "kept" for name in of_condition.modalities}
    if "text" in named and "text" not in replaced and len(named) > 2:
        del named["text"]
    if len(named) < 2:
        known = ", ".join(named) or "none"
        raise BadInputError(
            f"the conditions name fewer than two modalities ({known}); name all of them (--modalities, or modalities= "
            f"in Python)"
        )
    written = [word for text in conditions for word in re.findall(r"[a-z]{3,}", text.replace("_", " ").casefold())]
    return {name: next((word for word in written if _MODALITY.get(word) == name), name) for name in named}
