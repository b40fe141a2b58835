"""The words of a record: what text about it calls its losses, weights and samples."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from mbias.records.run import Run
from mbias.tables.names import loss_name, subscript

_PAPER = ("audio", "visual")
_WORDS = "words"


@dataclass(frozen=True)
class Words:
    """What text about some records calls what they hold; by default, as the paper does.

    Parameters
    ----------
    joint
        The name of the joint loss.
    modalities
        The names of the modalities.
    sample
        What a sample is called.
    segments
        Whether attention is by segment.

    Examples
    --------
    >>> words = Words()
    >>> words.joint_loss, words.weight, words.probability, words.units
    ('L_wsl', 'W_av', 'p_wsl', 'segments')
    >>> words = Words("total", ("text", "image"), "story", segments=False)
    >>> words.joint_loss, words.weight, words.probability, words.units
    ('L_total', 'W', 'p_joint', 'stories')
    """

    joint: str = "wsl"
    modalities: tuple[str, ...] = _PAPER
    sample: str = "video"
    segments: bool = True

    @classmethod
    def of(cls, runs: Iterable[Run]) -> Words:
        """The words of recorded runs; general ones where the runs differ."""
        known = [run.header for run in runs]
        joint = {header.joint_loss for header in known}
        samples = {header.sample for header in known}
        return cls(
            joint.pop() if len(joint) == 1 else "joint",
            tuple(dict.fromkeys(name for header in known for name in header.modalities)),
            samples.pop() if len(samples) == 1 else "sample",
            all("segment" in header.arrays.get("wav", ()) for header in known),
        )

    @property
    def paper(self) -> bool:
        """Whether the records are of the paper's model."""
        return (self.joint, self.modalities) == ("wsl", _PAPER)

    @property
    def joint_loss(self) -> str:
        """The symbol of the joint loss."""
        return loss_name(self.joint)

    @property
    def weight(self) -> str:
        """The symbol of the attention weights across modalities."""
        return "W_av" if self.modalities == _PAPER else "W"

    @property
    def probability(self) -> str:
        """The symbol of the probability of a sample, to which all modalities contribute."""
        return "p_wsl" if self.joint == "wsl" else "p_joint"

    @property
    def samples(self) -> str:
        """What several samples are called."""
        return plural(self.sample)

    @property
    def units(self) -> str:
        """What attention weights are of: segments, or whole samples."""
        return "segments" if self.segments else self.samples

    def squared_error(self, modality: str) -> str:
        """The symbol of the mean squared difference of the joint loss and the loss of a modality."""
        return f"MSE_{self.joint},{subscript(modality)}"


def with_words(table: pd.DataFrame, words: Words) -> pd.DataFrame:
    """The table, which from now on knows its words; `words_of` returns them."""
    table.attrs[_WORDS] = dataclasses.asdict(words)
    return table


def words_of(table: pd.DataFrame) -> Words:
    """The words of a table; where it does not know them, the paper's or, if it has other modalities, general ones.

    Examples
    --------
    >>> words_of(pd.DataFrame({"modality": ["text", "image"]})).joint_loss
    'L_joint'
    """
    if _WORDS in table.attrs:
        return Words(**table.attrs[_WORDS])
    columns = [table[name] for name in ("modality", "first", "second") if name in table]
    named = tuple(dict.fromkeys(str(name) for column in columns for name in column))
    return Words() if set(named) <= set(_PAPER) else Words("joint", named, "sample", segments=False)


def plural(noun: str) -> str:
    """The plural of an English noun.

    Examples
    --------
    >>> plural("clip"), plural("story"), plural("class")
    ('clips', 'stories', 'classes')
    """
    if re.search(r"[^aeiou]y$", noun):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if re.search(r"(s|x|z|ch|sh)$", noun) else f"{noun}s"
