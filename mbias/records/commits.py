"""The commit log ``epochs.jsonl``: an epoch exists when its line is whole and its shard has the bytes it names."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mbias.errors import BadInputError
from mbias.records.paths import part

LOG = "epochs.jsonl"


@dataclass(frozen=True)
class Commit:
    """A line of the commit log.

    Parameters
    ----------
    epoch
        Number of the epoch, from 1.
    losses
        By loss: ``optimised`` (against the labels trained on), and where known ``hard`` (against the labels
        without smoothing) and ``floor`` (the entropy of the labels trained on: the least ``optimised`` can be),
        means over the epoch, in nats.
    arrays
        Names of the shard's arrays.
    bytes, sha256
        Size and digest of the shard.
    scores
        F-scores in [0, 1] by split, level and metric.
    best
        Whether no epoch before it scored higher on the validation split.
    learning_rate, seconds
        Of that epoch; None where unknown.
    """

    epoch: int
    losses: dict[str, dict[str, float]]
    arrays: tuple[str, ...]
    bytes: int
    sha256: str
    scores: dict[str, dict[str, dict[str, float]]] = dataclasses.field(default_factory=dict)
    best: bool = False
    learning_rate: float | None = None
    seconds: float | None = None

    @property
    def shard(self) -> str:
        """Name of the epoch's shard within the run."""
        return shard_name(self.epoch)

    def to_line(self) -> str:
        """The line, without its newline."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False, allow_nan=False)


def shard_name(epoch: int) -> str:
    """Name of an epoch's shard within its run."""
    return f"epochs/{epoch:04d}.safetensors"


def read_commits(run: Path) -> tuple[list[Commit], int]:
    """Committed epochs, and the length in bytes of the log up to the last of them.

    A last line without a newline is an epoch that was being written: it does not exist.

    Raises
    ------
    BadInputError
        If a line that ends in a newline does not parse, or its shard is missing or has not the bytes it names (a
        shard is written before its line, so no kill can leave that), or epochs are not numbered 1, 2, 3, ...
    """
    path = part(run, LOG)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise BadInputError(f"{path}: not a readable commit log ({error})") from None
    commits: list[Commit] = []
    length = 0
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        commit = _parse(path, number, line)
        if commit.epoch != number:
            raise BadInputError(f"{path}: line {number} is of epoch {commit.epoch}; epochs must be 1, 2, 3, ...")
        size = _size(part(run, commit.shard, None))
        if size != commit.bytes:
            raise BadInputError(
                f"{run / commit.shard}: {'missing' if size < 0 else f'{size} bytes'}, where line {number} of {LOG} "
                f"says {commit.bytes} bytes; restore the file, or delete that line and all behind it"
            )
        commits.append(commit)
        length += len(line) + 1
    return commits, length


def _size(shard: Path) -> int:
    return shard.stat().st_size if shard.is_file() else -1


def parse_commit(line: bytes | str) -> Commit:
    """An epoch from its line.

    Raises
    ------
    ValueError
        If the line is none.
    """
    try:
        content: dict[str, Any] = json.loads(line)
        if not isinstance(content["arrays"], list):
            raise ValueError("arrays are no list")
        commit = Commit(**{**content, "arrays": tuple(content["arrays"])})
        _check(commit)
    except (TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None
    return commit


def _parse(path: Path, number: int, line: bytes) -> Commit:
    try:
        return parse_commit(line)
    except ValueError as error:
        raise BadInputError(f"{path}: line {number} is no epoch ({error}); delete it and all behind it") from None


def _check(commit: Commit) -> None:
    numbers = [value for loss in commit.losses.values() for value in loss.values()]
    numbers += [value for split in commit.scores.values() for level in split.values() for value in level.values()]
    numbers += [value for value in (commit.learning_rate, commit.seconds) if value is not None]
    if not all(type(value) in (int, float) and math.isfinite(value) for value in numbers):
        raise ValueError("a loss, score, rate or time is not a finite number")
    if type(commit.epoch) is not int or type(commit.bytes) is not int or type(commit.best) is not bool:
        raise ValueError("epoch, bytes or best is not what it should be")
    if not all(isinstance(text, str) for text in (commit.sha256, *commit.arrays)):
        raise ValueError("sha256 or arrays are not text")
