"""Writing a run: created once, then an epoch at a time, each committed whole or not at all."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mbias.errors import BadInputError
from mbias.files import append_line, remove_temporaries, write_json, write_text
from mbias.records.commits import LOG, Commit, read_commits, shard_name
from mbias.records.header import Header
from mbias.records.run import SAMPLES, Run, check_truth
from mbias.records.shards import write_arrays
from mbias.records.summary import aligned, attention_summary, presence

if TYPE_CHECKING:
    import pandas as pd

ATTENTION = "wav"
"""The array of attention weights across modalities, of which a summary is kept with every epoch."""


class RunWriter:
    """Writes the record of one run.

    `create` starts a run, `reopen` goes on with one; `commit` adds an epoch. A kill at any moment leaves every
    committed epoch whole, and nothing else that a reader would take for one.
    """

    def __init__(
        self, path: Path, header: Header, truth: Mapping[str, np.ndarray], samples: int, commits: Sequence[Commit] = ()
    ) -> None:
        self.path = path
        self.header = header
        self.commits = list(commits)
        self._present = presence(truth, header.modalities)
        self._samples = samples

    @classmethod
    def create(
        cls, path: Path, header: Header, samples: pd.DataFrame, truth: Mapping[str, np.ndarray] | None = None
    ) -> RunWriter:
        """Start a run in the folder ``path``.

        Parameters
        ----------
        samples
            A row a recorded sample, in the order of the arrays; its first column identifies the sample.
        truth
            Boolean arrays: ``weak`` (sample, category), and by modality (sample, segment, category).

        Raises
        ------
        BadInputError
            If there is a run already, or an array of ``truth`` has not as many samples as ``samples`` has rows.
        """
        if (path / "run.json").exists():
            raise BadInputError(f"{path}: there is a run already; choose another folder or delete it")
        truth = checked_truth(truth or {}, header, len(samples))
        (path / "epochs").mkdir(parents=True, exist_ok=True)
        write_text(path / SAMPLES, as_csv(samples))
        if truth:
            write_arrays(path / "truth.safetensors", truth)
        # Last: with it the folder becomes a run, and all a run needs is there.
        write_json(path / "run.json", header.to_json())
        return cls(path, header, truth, len(samples))

    @classmethod
    def reopen(cls, path: Path) -> RunWriter:
        """Go on with the run at ``path``; what was being written when it stopped is cut off."""
        run = Run(path)
        commits, length = read_commits(path)
        remove_temporaries(path)
        if (path / LOG).exists():
            os.truncate(path / LOG, length)
        return cls(path, run.header, run.truth, len(run.samples), commits)

    def commit(
        self,
        losses: Mapping[str, Mapping[str, float]],
        arrays: Mapping[str, np.ndarray],
        scores: Mapping[str, Mapping[str, Mapping[str, float]]] | None = None,
        best: bool = False,
        learning_rate: float | None = None,
        seconds: float | None = None,
    ) -> Commit:
        """Add the next epoch; the parameters are those of `Commit`.

        Raises
        ------
        BadInputError
            If a loss or array is not one the header names, or an array has not its dimensions or is not finite.
        """
        epoch = len(self.commits) + 1
        self.check(losses, arrays)
        shard = {name: np.asarray(array, dtype=np.float32) for name, array in arrays.items()}
        if ATTENTION in shard:
            dimensions = self.header.arrays[ATTENTION]
            weights, present = aligned(shard[ATTENTION], dimensions, self._present, len(self.header.categories))
            shard[f"{ATTENTION}_summary"] = attention_summary(weights, present)
        content = write_arrays(self.path / shard_name(epoch), shard)
        commit = Commit(
            epoch=epoch,
            losses={name: dict(values) for name, values in losses.items()},
            arrays=tuple(shard),
            bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            scores={split: {level: dict(v) for level, v in levels.items()} for split, levels in (scores or {}).items()},
            best=best,
            learning_rate=learning_rate,
            seconds=seconds,
        )
        append_line(self.path / LOG, commit.to_line())
        self.commits.append(commit)
        return commit

    def check(self, losses: Mapping[str, Mapping[str, float]], arrays: Mapping[str, np.ndarray]) -> None:
        """Raise what `commit` would, and write nothing."""
        for name, values in losses.items():
            if name not in self.header.losses:
                raise BadInputError(f"loss {name!r} is not among the run's losses {', '.join(self.header.losses)}")
            if not all(math.isfinite(value) for value in values.values()):
                raise BadInputError(f"loss {name!r} is not a finite number at epoch {len(self.commits) + 1}")
        sizes: dict[str, int] = {
            self.header.sample: self._samples,
            "modality": len(self.header.modalities),
            "category": len(self.header.categories),
        }
        for name, array in arrays.items():
            if name not in self.header.arrays:
                raise BadInputError(f"array {name!r} is not among the run's arrays {', '.join(self.header.arrays)}")
            dimensions = self.header.arrays[name]
            shape = np.shape(array)
            expected = tuple(sizes.get(d, n) for d, n in zip(dimensions, shape, strict=False))
            if len(shape) != len(dimensions) or shape != expected:
                raise BadInputError(
                    f"array {name!r} has shape {shape}: it must be {' x '.join(dimensions)}, {expected}"
                )
            if not np.isfinite(array).all():
                raise BadInputError(f"array {name!r} holds NaN or infinity at epoch {len(self.commits) + 1}")


def as_csv(samples: pd.DataFrame) -> str:
    """A table of samples as a run keeps it."""
    return str(samples.to_csv(index=False, lineterminator="\n"))


def checked_truth(truth: Mapping[str, np.ndarray], header: Header, samples: int) -> dict[str, np.ndarray]:
    """What is true of so many samples, as `RunWriter.create` takes it, as boolean arrays.

    Raises
    ------
    BadInputError
        If an array has not as many samples or categories.
    """
    arrays = {name: np.asarray(array, dtype=bool) for name, array in truth.items()}
    for name, array in arrays.items():
        check_truth(f"truth {name!r}", array, samples, len(header.categories))
    return arrays
