"""Writes a run: it is created once, then epochs are committed one at a time, each atomically."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
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
from mbias.records.summary import presence
from mbias.records.writing.checks import as_numbers, check_arrays, check_losses
from mbias.records.writing.epoch_file import write_blocks, write_whole
from mbias.remote import refuse_mirror
from mbias.tasks import TARGET, Task, as_truth, check_truth

if TYPE_CHECKING:
    import pandas as pd


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

    Arrays that are larger than memory are committed from blocks of samples:

    >>> blocks = ({"wav": np.full((rows, 2, 2), 0.5)} for rows in (2, 1))
    >>> writer = mbias.RunWriter.reopen("models/written")
    >>> writer.commit({"joint": {"optimised": 0.5}}, blocks).sha256 == commit.sha256
    True
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
        refuse_mirror(run.path)
        remove_temporaries(run.path)
        log = run.path / LOG
        if log.exists():
            # The line of a committed epoch ends with a newline; an incomplete line after it was being written.
            os.truncate(log, log.read_bytes().rfind(b"\n") + 1)
        return cls(run.path, run.header, run.truth, len(run.samples), run.commits)

    def commit(
        self,
        losses: Mapping[str, Mapping[str, float]],
        arrays: Mapping[str, np.ndarray] | Iterable[Mapping[str, np.ndarray]],
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
            With ``wav``, its summary is stored as ``wav_summary``. Of arrays that are larger than memory, an iterator
            of blocks: each is a dict as above that holds the next samples of every array.
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
            does not have the dimensions in the header, or holds NaN or infinity; or if blocks do not hold the samples
            of the run, each once. Nothing is written then.
        """
        epoch = len(self.commits) + 1
        path = self.path / shard_name(epoch)
        if isinstance(arrays, Mapping):
            self.check(losses, arrays)
            whole = {name: np.asarray(array) for name, array in arrays.items()}
            written = write_whole(path, self.header, whole, self._present)
        else:
            check_losses(self.header, losses, epoch)
            written = write_blocks(path, self.header, arrays, self._samples, self._present, epoch)
        commit = Commit(
            epoch=epoch,
            losses={name: {kind: float(value) for kind, value in values.items()} for name, values in losses.items()},
            arrays=written.arrays,
            bytes=written.bytes,
            sha256=written.sha256,
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
        epoch = len(self.commits) + 1
        check_losses(self.header, losses, epoch)
        check_arrays(self.header, arrays, self._samples, epoch)


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
        values = as_numbers(array)
        if values is None or not np.isin(values, (0, 1)).all():
            raise BadInputError(f"truth {name!r} holds values other than 0 and 1; make it boolean")
        arrays[name] = np.asarray(array, dtype=bool)
        check_truth(f"truth {name!r}", name, arrays[name], samples, len(header.categories))
    return arrays
