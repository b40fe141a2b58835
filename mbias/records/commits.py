"""The commit log ``epochs.jsonl``: an epoch exists if its line is complete and its shard has the size in that line."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mbias.errors import BadInputError
from mbias.records.paths import record_file, record_size

LOG = "epochs.jsonl"


@dataclass(frozen=True)
class Commit:
    """One committed epoch, a line of the commit log.

    Parameters
    ----------
    epoch
        The number of the epoch, from 1.
    losses
        By loss: ``optimised`` (against the labels used in training) and, where known, ``hard`` (against the labels
        without smoothing) and ``floor`` (the entropy of the labels used in training, which is the minimum of
        ``optimised``). All are means over the epoch, in nats.
    arrays
        The names of the arrays in the shard.
    bytes, sha256
        The size and the digest of the shard.
    scores
        F-scores in [0, 1] by split, level and metric.
    best
        Whether the validation score is at least that of every earlier epoch.
    learning_rate, seconds
        The learning rate and the duration of the epoch; None if unknown.
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
        """The path of the epoch's shard, relative to the run."""
        return shard_name(self.epoch)

    def to_line(self) -> str:
        """The line of the commit log, without its newline."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False, allow_nan=False)


def shard_name(epoch: int) -> str:
    """The path of an epoch's shard, relative to the run."""
    return f"epochs/{epoch:04d}.safetensors"


def read_commits(run: Path) -> tuple[list[Commit], int]:
    """Read the commit log of a run.

    A last line without a newline is an epoch that was being written when the process stopped. It does not exist.

    Parameters
    ----------
    run
        The folder of the run.

    Returns
    -------
    commits : list of Commit
        The committed epochs.
    length : int
        The size of the log up to the end of the last committed epoch, in bytes.

    Raises
    ------
    BadInputError
        If a complete line does not parse, epochs are not numbered 1, 2, 3, ..., or a shard is missing or does not have
        the size in its line. A killed process cannot cause this, because a shard is written before its line.
    """
    path = record_file(run, LOG)
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
            raise BadInputError(f"{path}: line {number} has epoch {commit.epoch}; epochs must be 1, 2, 3, ...")
        size = record_size(run, commit.shard)
        if size != commit.bytes:
            raise BadInputError(
                f"{run / commit.shard}: {'missing' if size < 0 else f'{size} bytes'}, where line {number} of {LOG} "
                f"says {commit.bytes} bytes; restore the file, or delete that line and all lines after it"
            )
        commits.append(commit)
        length += len(line) + 1
    return commits, length


def parse_commit(line: bytes | str) -> Commit:
    """Parse a line of the commit log.

    Raises
    ------
    ValueError
        If the line does not describe an epoch.
    """
    try:
        content: dict[str, Any] = json.loads(line)
        if not isinstance(content["arrays"], list):
            raise ValueError("arrays is not a list")
        commit = Commit(**{**content, "arrays": tuple(content["arrays"])})
        _check(commit)
    except (TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None
    return commit


def _parse(path: Path, number: int, line: bytes) -> Commit:
    try:
        return parse_commit(line)
    except ValueError as error:
        raise BadInputError(
            f"{path}: line {number} is not an epoch ({error}); delete it and all lines after it"
        ) from None


def _check(commit: Commit) -> None:
    numbers = [value for loss in commit.losses.values() for value in loss.values()]
    numbers += [value for split in commit.scores.values() for level in split.values() for value in level.values()]
    numbers += [value for value in (commit.learning_rate, commit.seconds) if value is not None]
    if not all(type(value) in (int, float) and math.isfinite(value) for value in numbers):
        raise ValueError("a loss, score, rate or time is not a finite number")
    if type(commit.epoch) is not int or type(commit.bytes) is not int or type(commit.best) is not bool:
        raise ValueError("epoch and bytes must be integers, and best a boolean")
    if not all(isinstance(text, str) for text in (commit.sha256, *commit.arrays)):
        raise ValueError("sha256 or arrays are not text")
