"""Recording any PyTorch model as it trains, without changing its code."""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from mbias.arguments import checked_new_folder, counted, with_groups
from mbias.errors import BadInputError
from mbias.recorder.epoch import EpochArrays, checked_index, warn_of_other_weights
from mbias.recorder.loader import Key, probe_loader
from mbias.recorder.means import WeightedMean, check_losses
from mbias.recorder.opening import JOINT, create_with, new_header, open_same_run, reopen_with, run_to_resume
from mbias.recorder.watching import Output, Watch
from mbias.records.commits import Commit
from mbias.records.probes import Probe
from mbias.records.run import Run
from mbias.records.summary import ATTENTION
from mbias.records.writer import RunWriter, checked_truth

if TYPE_CHECKING:
    import pandas as pd


class Recorder:
    """Record a model's attention, probabilities and losses, epoch by epoch, from its own training script.

    A recorder is a context manager: leaving it removes its hooks from the model. If anything in an epoch fails, nothing
    of that epoch is committed. A recorder sees one process only.

    Parameters
    ----------
    path
        Folder of the run. It must not hold a run, unless ``resume`` is set.
    modalities, categories
        Names, in the order of the model's outputs.
    samples
        Names of the samples to record, or a table whose first column holds them. `batch` takes indices into it.
    truth
        Labels, as in `RunWriter.create`: ``weak`` of shape (sample, category), or in another form of the task, and one
        boolean array per modality, under its name, of shape (sample, segment, category).
    split, sample
        Name of the set of samples, and the word for one sample, for example ``video``.
    simulated
        Whether the samples are simulated.
    resume
        Whether to resume a run that exists, after its last committed epoch (see `epochs`). Samples, groups, truth,
        arrays and names must be unchanged. Restoring the model's weights is left to the caller.
    groups
        The group of each sample, where samples are not independent: for example, the recording that a clip is cut from.
        Intervals then treat groups as the independent units. They can also be a column ``group`` of ``samples``.
    task
        What the model is asked for: ``multilabel``, ``single_label``, ``binary`` or ``regression``.
    setting, seed
        What this run has in common with others that differ only in their seed, such as ``late fusion``, and its seed.
        Tables then show the runs of one setting together.

    Raises
    ------
    BadInputError
        If a run exists and ``resume`` is not set, if the run to resume differs, or if names, groups or truth do not
        fit together.

    Examples
    --------
    >>> import tempfile
    >>> import mbias
    >>> import torch
    >>> folder = tempfile.TemporaryDirectory()
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 2))
    >>> inputs, names = torch.randn(6, 4), ["a", "b", "c", "d", "e", "f"]
    >>> with mbias.Recorder(f"{folder.name}/mine", ("audio", "visual"), ("Dog", "Cat"), names) as recorder:
    ...     recorder.watch(model, "0", axes="sample modality", softmax="modality")
    ...     for epoch in range(2):
    ...         loss = model(inputs).square().mean()  # train here
    ...         recorder.losses(len(inputs), joint=loss)
    ...         for index in torch.arange(6).split(4):
    ...             with torch.no_grad(), recorder.batch(index):
    ...                 outputs = model(inputs[index])
    ...         commit = recorder.commit_epoch()
    >>> run = mbias.Run(f"{folder.name}/mine")
    >>> len(run.commits), run.values("wav").shape
    (2, (6, 2))
    >>> folder.cleanup()
    """

    def __init__(
        self,
        path: str | Path,
        modalities: Sequence[str],
        categories: Sequence[str],
        samples: Sequence[str] | pd.DataFrame,
        truth: Mapping[str, np.ndarray] | None = None,
        *,
        split: str = "test",
        sample: str = "sample",
        simulated: bool = False,
        resume: bool = False,
        groups: Sequence[str | int] | None = None,
        task: str = "multilabel",
        setting: str | None = None,
        seed: int | None = None,
    ) -> None:
        import pandas as pd

        self.path = checked_new_folder(path)
        exists = run_to_resume(self.path, resume)
        table = samples if isinstance(samples, pd.DataFrame) else pd.DataFrame({sample: list(samples)})
        self._samples = with_groups(table, groups)
        self._header = new_header(
            modalities=tuple(modalities),
            categories=tuple(categories),
            split=split,
            sample=sample,
            simulated=simulated,
            task=task,
            setting=setting,
            seed=seed,
        )
        self._truth = checked_truth({} if truth is None else truth, self._header, len(self._samples))
        self.closing, self.closed = ExitStack(), False  # the callback of a trainer adds the removal of its hooks
        self._watches: dict[str, Watch] = {}
        self._writer: RunWriter | None = None
        self._resumed = open_same_run(self.path, self._header, self._samples, self._truth) if exists else None
        self.drop_epoch()

    def __repr__(self) -> str:
        return (
            f"<Recorder {self.path}: {', '.join(self._header.modalities)}; {counted(len(self._samples), 'sample')}; "
            f"{counted(self.epochs, 'epoch')} committed; watching {', '.join(self._watches) or 'nothing'}>"
        )

    @property
    def epochs(self) -> int:
        """Number of committed epochs: the index of the epoch with which a training loop resumes."""
        known = self._writer or self._resumed
        return len(known.commits) if known else 0

    def watch(
        self,
        model: nn.Module,
        module: str | Sequence[str],
        array: str = ATTENTION,
        *,
        axes: str | Sequence[str] = ("sample", "segment", "modality", "category"),
        softmax: str | None = None,
        stack: str | None = None,
        output: Output | None = None,
    ) -> None:
        """Record the output of a module as one of the run's arrays.

        It works through DataParallel and torch.compile, also with ``fullgraph=True``; a model that was compiled before
        is compiled once more. An exported, scripted or captured model calls no hooks, and `batch` reports this.

        Parameters
        ----------
        model
            The model.
        module
            Dotted name of the module, as in ``model.named_modules()``; "" is the model itself. Several names, together
            with ``stack``, if each modality has its own module.
        array
            Name of the array. Every analysis knows ``wav`` (attention across modalities), ``wtp`` (attention over
            time), ``p`` (probabilities of segments) and ``p_joint`` (probabilities of samples).
        axes
            Names of the output's dimensions, as a sequence or separated by blanks: ``sample``, ``segment``,
            ``modality``, ``category``, or names of your own.
        softmax
            Axis over which a softmax is taken, if the module returns logits.
        stack
            Axis along which to stack the outputs of successive calls, if the module is called once per modality, or
            those of several modules.
        output
            Function that extracts the tensor to record from the module's output, for example ``lambda out: out[0]`` or
            ``torch.sigmoid``.

        Raises
        ------
        BadInputError
            If the model has no such module, the axes do not fit together, the array is watched already, or an epoch is
            committed.
        """
        if self._writer is not None:
            raise BadInputError(f"watch({module!r}): an epoch is committed; watch all modules before the first commit")
        axes = tuple(axes.split()) if isinstance(axes, str) else tuple(axes)
        if array == ATTENTION and "modality" not in axes:
            raise BadInputError(
                f"watch({module!r}): {ATTENTION!r} is attention across modalities; name the axis 'modality' in axes"
            )
        if array in self._watches:
            raise BadInputError(f"watch({module!r}): array {array!r} is watched already; give another array name")
        names = (module,) if isinstance(module, str) else tuple(module)
        self._watches[array], self.closed = Watch(model, names, array, axes, softmax, stack, output), False
        self.closing.callback(self._watches[array].remove)

    @contextmanager
    def batch(self, index: Sequence[int] | np.ndarray | Tensor) -> Iterator[None]:
        """Record the outputs of the watched modules for these samples while the context is open.

        Batches may have any size and order. If a sample is recorded twice in an epoch, the last values count. Open the
        context around the forward pass alone. An index on the host causes no wait for the device.

        Parameters
        ----------
        index
            Indices of the batch's samples, counted from 0 in the order of ``samples``.

        Raises
        ------
        BadInputError
            If no sample has an index, or a module was not called as declared.
        """
        checked = checked_index(index, len(self._samples))
        for watch in self._watches.values():
            watch.listen()
        try:
            yield
            self._keep(checked)
        finally:
            for watch in self._watches.values():
                watch.forget()

    def _keep(self, index: np.ndarray) -> None:
        sizes = {"modality": len(self._header.modalities), "category": len(self._header.categories)}
        # Outside of inference mode, so that these tensors can be written in any mode.
        with torch.inference_mode(False), torch.no_grad():
            self._arrays.add(index, {name: watch.collect(len(index), sizes) for name, watch in self._watches.items()})

    def losses(self, samples: int = 1, kind: str = "optimised", /, **values: Tensor | float) -> None:
        """Add the losses of a training step, in nats, to the means of the epoch, without waiting for the device.

        Parameters
        ----------
        samples
            Batch size: the weight of this step in the epoch mean.
        kind
            ``optimised``, the loss that is minimised; ``hard``, the loss against labels without smoothing; or
            ``floor``, the entropy of the labels.
        **values
            Mean losses of the step by modality, and ``joint`` for the loss that all modalities share.

        Raises
        ------
        BadInputError
            If the batch size, the kind or a name is wrong, or a value is not a single number.
        """
        check_losses(values, (*self._header.modalities, JOINT), samples, kind)
        for name, value in values.items():
            self._losses.setdefault((name, kind), WeightedMean()).add(value, samples)

    def probe(
        self,
        model: Callable[..., Any],
        loader: Iterable[Any],
        inputs: Mapping[str, Key | Sequence[Key]],
        *,
        index: Key | None = None,
        **options: Any,
    ) -> Probe:
        """Probe the model of the last epoch on the samples of a loader; see `mbias.recorder.loader.probe_loader`."""
        return probe_loader(Run(self.path), model, loader, inputs, index=index, **options)

    def commit_epoch(
        self,
        *,
        best: bool = False,
        scores: Mapping[str, Mapping[str, Mapping[str, float]]] | None = None,
        learning_rate: float | None = None,
    ) -> Commit:
        """Commit everything recorded since the last commit as one epoch, or nothing of it.

        Parameters
        ----------
        best, scores, learning_rate
            As in `mbias.records.commits.Commit`.

        Returns
        -------
        Commit
            The epoch's entry in the commit log.

        Raises
        ------
        BadInputError
            If samples are missing, nothing or NaN was recorded, a resumed run differs, or the recorder is closed.
        """
        self.require_open()
        if not self._arrays.names and not self._losses:
            raise BadInputError("commit_epoch: nothing was recorded since the last commit; call batch() or losses()")
        self._arrays.require_all(list(self._samples.iloc[:, 0]))
        losses: dict[str, dict[str, float]] = {}
        for (name, kind), mean in self._losses.items():
            losses.setdefault(name, {})[kind] = mean.value()
        arrays = self._arrays.to_numpy()
        self._writer = self._writer or self._open(losses, arrays)
        commit = self._writer.commit(losses, arrays, scores, best, learning_rate, time.perf_counter() - self._start)
        self.drop_epoch()
        return commit

    def _open(self, losses: Mapping[str, Mapping[str, float]], arrays: Mapping[str, np.ndarray]) -> RunWriter:
        order = [name for name in self._header.modalities if name in losses]
        axes = {
            name: tuple(self._header.sample if axis == "sample" else axis for axis in watch.dimensions)
            for name, watch in self._watches.items()
        }
        header = dataclasses.replace(self._header, losses=(*order, JOINT), arrays=axes)
        if self._resumed:
            return reopen_with(self._resumed, header)
        if ATTENTION in arrays:
            warn_of_other_weights(ATTENTION, arrays[ATTENTION], axes[ATTENTION].index("modality"))
        return create_with(self.path, header, self._samples, self._truth, losses, arrays)

    def drop_epoch(self) -> None:
        """Drop what was recorded since the last commit."""
        self.drop_arrays()
        self._losses: dict[tuple[str, str], WeightedMean] = {}
        self._start = time.perf_counter()

    def drop_arrays(self) -> None:
        """Drop the outputs of the watched modules since the last commit, and keep the losses."""
        self._arrays = EpochArrays(len(self._samples))

    def require_open(self) -> None:
        """Raise `BadInputError` if the recorder is closed."""
        if self.closed:
            raise BadInputError(f"{self.path}: the recorder is closed; train inside its with block")

    def close(self) -> None:
        """Remove the hooks from the model and drop what is not committed."""
        self.closing.close()
        self.closed, self._watches = True, {}
        self.drop_epoch()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is None and (self._arrays.names or self._losses):
            warnings.warn("what was recorded since the last commit_epoch() is not in the record", stacklevel=2)
        self.close()
