"""Writes a run: it is created once, then epochs are committed one at a time, each atomically."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mbias.arguments import check_column, checked_new_folder, counted, require_mapping, shown
from mbias.errors import BadInputError
from mbias.files import append_line, remove_temporaries, write_json, write_text
from mbias.records.commits import LOG, Commit, shard_name
from mbias.records.header import Header
from mbias.records.run import SAMPLES, Run
from mbias.records.shards import write_arrays
from mbias.records.summary import aligned, attention_summary, presence
from mbias.tasks import TARGET, Task, as_truth, check_truth, output_fault, output_hint

if TYPE_CHECKING:
    import pandas as pd

ATTENTION = "wav"
"""The array of attention weights across modalities; its summary is stored with every epoch."""

JOINT_OUTPUT = "p_joint"
"""The array of the outputs for whole samples, of all modalities together."""

KINDS = ("optimised", "hard", "floor", "gradient")
"""The kinds of values of a loss, see `Commit`."""


class RunWriter:
    """Writes the record of one run: `create` starts it, `commit` adds an epoch, `reopen` resumes it.

    If the process is killed at any moment, every committed epoch is complete, and readers see no other epoch.

    Attributes
    ----------
    path : pathlib.Path
        The folder of the run.
    header : Header
        The constants of the run.
    commits : list of Commit
        The committed epochs.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> header = mbias.Header(
    ...     modalities=("audio", "visual"),
    ...     categories=("Dog", "Cat"),
    ...     losses=("joint",),
    ...     joint_loss="joint",
    ...     split="test",
    ...     arrays={"wav": ("sample", "modality", "category")},
    ... )
    >>> samples = pd.DataFrame({"sample": ["a", "b", "c"]})
    >>> writer = mbias.RunWriter.create("models/written", header, samples)
    >>> commit = writer.commit({"joint": {"optimised": 0.7}}, {"wav": np.full((3, 2, 2), 0.5)})
    >>> writer
    <RunWriter models/written: 3 samples; 1 epoch committed>
    >>> mbias.RunWriter.reopen("models/written").commit({"joint": {"optimised": 0.6}}, {}).epoch
    2
    """

    def __init__(
        self, path: Path, header: Header, truth: Mapping[str, np.ndarray], samples: int, commits: Sequence[Commit] = ()
    ) -> None:
        self.path = path
        self.header = header
        self.commits = list(commits)
        self._present = presence(truth, header.modalities)
        self._samples = samples

    def __repr__(self) -> str:
        epochs = counted(len(self.commits), "epoch")
        return f"<RunWriter {self.path}: {counted(self._samples, 'sample')}; {epochs} committed>"

    @classmethod
    def create(
        cls, path: str | Path, header: Header, samples: pd.DataFrame, truth: Mapping[str, np.ndarray] | None = None
    ) -> RunWriter:
        """Create a run without epochs.

        Parameters
        ----------
        path
            The folder of the run. It is created if it does not exist, and must not hold a run.
        header
            The constants of the run.
        samples
            One row per recorded sample, in the order of the arrays. The first column identifies the sample. A column
            ``group`` names what each sample comes from: samples of one group, such as the clips of one recording, are
            not independent.
        truth
            Boolean arrays by name: ``weak`` of shape (sample, category), and one array per modality, under its name, of
            shape (sample, segment, category). All are optional. ``weak`` may have the other forms that the header's
            task knows (`mbias.tasks.as_truth`), such as positions of classes; of a regression, it is ``target``.

        Returns
        -------
        RunWriter
            The writer of the first epoch.

        Raises
        ------
        BadInputError
            If an argument has the wrong type; if the folder holds a run; if a group is empty; if an array of ``truth``
            does not have one entry per sample and category; or if the modalities differ in the number of segments.
        """
        import pandas as pd

        path = checked_new_folder(path)
        if not isinstance(header, Header):
            raise BadInputError(f"header: {shown(header)} is not a Header; give an mbias.Header")
        if not isinstance(samples, pd.DataFrame) or not len(samples.columns):
            raise BadInputError(f"samples: {shown(samples)} is not a table; give a DataFrame, one row per sample")
        if (path / "run.json").exists():
            raise BadInputError(f"{path}: a run exists already; choose another folder or delete it")
        check_column("samples", samples)
        truth = checked_truth({} if truth is None else truth, header, len(samples))
        # Made first, so that a truth that it refuses leaves no run behind.
        writer = cls(path, header, truth, len(samples))
        (path / "epochs").mkdir(parents=True, exist_ok=True)
        write_text(path / SAMPLES, as_csv(samples))
        if truth:
            write_arrays(path / "truth.safetensors", truth)
        # Written last: it makes the folder a run, so every other file must exist before it.
        write_json(path / "run.json", header.to_json())
        return writer

    @classmethod
    def reopen(cls, run: str | Path | Run) -> RunWriter:
        """Reopen a run to append epochs after the last committed epoch; an unfinished epoch is removed.

        Parameters
        ----------
        run
            The run, or its folder. No other process may write to the run. A `Run` must still match the files on disk,
            so acquire the run's lock, if processes share it, before opening the `Run`.

        Returns
        -------
        RunWriter
            The writer of the next epoch.

        Raises
        ------
        BadInputError
            If the record is damaged.
        """
        run = run if isinstance(run, Run) else Run(run)
        remove_temporaries(run.path)
        log = run.path / LOG
        if log.exists():
            # The line of a committed epoch ends with a newline; an incomplete line after it was being written.
            os.truncate(log, log.read_bytes().rfind(b"\n") + 1)
        return cls(run.path, run.header, run.truth, len(run.samples), run.commits)

    def commit(
        self,
        losses: Mapping[str, Mapping[str, float]],
        arrays: Mapping[str, np.ndarray],
        scores: Mapping[str, Mapping[str, Mapping[str, float]]] | None = None,
        best: bool = False,
        learning_rate: float | None = None,
        seconds: float | None = None,
    ) -> Commit:
        """Commit the next epoch.

        Parameters
        ----------
        losses
            By loss (of ``header.losses``), its values in nats: ``optimised`` and, where known, ``hard`` and ``floor``,
            see `Commit`. Losses may be left out.
        arrays
            By name (of ``header.arrays``), the arrays of the epoch; they are stored as float32. Arrays may be left out.
            With ``wav``, its summary is stored as ``wav_summary``.
        scores
            F-scores in [0, 1] by split, level and metric.
        best
            Whether the validation score is at least that of every earlier epoch.
        learning_rate
            The learning rate of the epoch.
        seconds
            The duration of the epoch.

        Returns
        -------
        Commit
            The committed epoch.

        Raises
        ------
        BadInputError
            If the header does not name a loss or an array, a loss is not finite, or an array does not hold numbers,
            does not have the dimensions in the header, or holds NaN or infinity. Nothing is written then.
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
            losses={name: {kind: float(value) for kind, value in values.items()} for name, values in losses.items()},
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
        """Check the losses and arrays of the next epoch without writing them.

        Parameters
        ----------
        losses, arrays
            As in `commit`.

        Raises
        ------
        BadInputError
            As `commit`.
        """
        require_mapping("losses", losses, "give the values of each loss by name")
        require_mapping("arrays", arrays, "give the arrays by name")
        for name, values in losses.items():
            if name not in self.header.losses:
                raise BadInputError(f"loss {name!r} is not among the run's losses {', '.join(self.header.losses)}")
            require_mapping(f"loss {name!r}", values, "give {'optimised': value}")
            for kind, value in values.items():
                if kind not in KINDS or not isinstance(value, Real):
                    raise BadInputError(
                        f"loss {name!r}: {shown(kind)} is {shown(value)}; give numbers under {', '.join(KINDS)}"
                    )
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
            numbers = _numbers(array)
            if numbers is None:
                raise BadInputError(f"array {name!r} does not hold numbers; give a NumPy array of numbers")
            shape = numbers.shape
            expected = tuple(sizes.get(d, n) for d, n in zip(dimensions, shape, strict=False))
            if len(shape) != len(dimensions) or shape != expected:
                raise BadInputError(
                    f"array {name!r} has shape {shape}; it must be {' x '.join(dimensions)}, {expected}"
                )
            if not np.isfinite(numbers).all():
                raise BadInputError(f"array {name!r} holds NaN or infinity at epoch {len(self.commits) + 1}")
            if name == JOINT_OUTPUT and dimensions[-1] == "category":
                fault = output_fault(Task(self.header.task), numbers, len(self.header.modalities))
                if fault:
                    raise BadInputError(f"array {name!r} {fault}; {output_hint(Task(self.header.task))}")


def _numbers(value: object) -> np.ndarray | None:
    """An argument as an array of numbers; None if it does not hold numbers, or its rows differ in length."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError):
        # PyTorch raises TypeError or RuntimeError for tensors that are on a device or need a gradient.
        return None
    return array if array.dtype.kind in "biuf" else None


def as_csv(samples: pd.DataFrame) -> str:
    """A table of samples as CSV, as a run stores it."""
    return str(samples.to_csv(index=False, lineterminator="\n"))


def checked_truth(truth: Mapping[str, np.ndarray], header: Header, samples: int) -> dict[str, np.ndarray]:
    """Convert the truth to the arrays that a run stores, and check their shapes.

    Parameters
    ----------
    truth
        The arrays by name, as in `RunWriter.create`.
    header
        The constants of the run.
    samples
        The number of samples.

    Returns
    -------
    dict of str to numpy.ndarray
        The arrays by name, boolean but for ``target``.

    Raises
    ------
    BadInputError
        If an array does not have that number of samples, or not one entry per category.
    """
    require_mapping("truth", truth, "give the arrays by name")
    task = Task(header.task)
    of_samples = TARGET if task == Task.REGRESSION else "weak"
    arrays: dict[str, np.ndarray] = {}
    for name, array in truth.items():
        if name == of_samples:
            arrays |= as_truth(task, array, samples, len(header.categories), f"truth {name!r}")
            continue
        if name not in header.modalities:
            known = ", ".join(header.modalities)
            raise BadInputError(f"truth {name!r} is neither {of_samples!r} nor a modality ({known})")
        values = _numbers(array)
        if values is None or not np.isin(values, (0, 1)).all():
            raise BadInputError(f"truth {name!r} holds values other than 0 and 1; make it boolean")
        arrays[name] = np.asarray(array, dtype=bool)
        check_truth(f"truth {name!r}", name, arrays[name], samples, len(header.categories))
    return arrays
