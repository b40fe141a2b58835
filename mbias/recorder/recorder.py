"""Recording any PyTorch model as it trains, without changing its code."""

from __future__ import annotations

import dataclasses
import platform
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from mbias.errors import BadInputError
from mbias.recorder.watching import Output, Watch
from mbias.records.commits import Commit
from mbias.records.header import Header
from mbias.records.paths import part
from mbias.records.run import SAMPLES, Run
from mbias.records.writer import ATTENTION, RunWriter, as_csv, checked_truth

if TYPE_CHECKING:
    import pandas as pd

JOINT = "joint"
"""Name of the loss that all modalities share."""


class Recorder:
    """Records a model's attention, probabilities and losses, epoch by epoch, from its own training script.

    A context manager: leaving it takes its hooks off the model. Of an epoch in which anything went wrong nothing is
    committed. It records what one process sees.

    Parameters
    ----------
    path
        Folder of the run; there must be none yet, unless ``resume``.
    modalities, categories
        Names, in the order of the model's outputs.
    samples
        Names of the samples that will be recorded (or a table whose first column has them); an index in `batch` is a
        place in it.
    truth
        What is true of them, boolean: ``weak`` (sample, category), and by modality (sample, segment, category).
    split, sample
        What the samples are called together, and each.
    simulated
        Whether they are simulated.
    resume
        Whether a run that is there is gone on with, behind its committed `epochs`; what it is made of must be the
        same. The model's weights are yours to restore.

    Raises
    ------
    BadInputError
        If there is a run already, or another one than is to be resumed, or names or truth do not fit together.

    Examples
    --------
    >>> with Recorder("runs/mine", ("audio", "visual"), categories, names) as recorder:      # doctest: +SKIP
    ...     recorder.watch(model, "fc_av_att", softmax="modality")
    ...     for epoch in range(epochs):
    ...         for inputs, labels in training:
    ...             ...
    ...             recorder.losses(len(labels), audio=loss_a, visual=loss_v, joint=loss_wsl)
    ...         for index, inputs in validation:
    ...             with recorder.batch(index):
    ...                 model(inputs)
    ...         recorder.commit_epoch()
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
    ) -> None:
        import pandas as pd

        self.path = Path(path)
        begun = (self.path / "run.json").exists()
        if begun and not resume:
            raise BadInputError(
                f"{self.path}: there is a run already; choose another folder, delete it, or go on with resume=True"
            )
        self._samples = samples if isinstance(samples, pd.DataFrame) else pd.DataFrame({sample: list(samples)})
        # Losses and arrays are known with the first epoch.
        self._header = Header(
            modalities=tuple(modalities),
            categories=tuple(categories),
            losses=(JOINT,),
            joint_loss=JOINT,
            split=split,
            arrays={},
            sample=sample,
            simulated=simulated,
            software={"mbias": version("mbias"), "torch": torch.__version__, "python": platform.python_version()},
        )
        self._truth = checked_truth(truth or {}, self._header, len(self._samples))
        self._watches: dict[str, Watch] = {}
        self._writer: RunWriter | None = None
        self._resumed = self._same_run() if begun else None
        self._begin_epoch()

    @property
    def epochs(self) -> int:
        """How many epochs are committed: where a loop goes on."""
        known = self._writer or self._resumed
        return len(known.commits) if known else 0

    def _same_run(self) -> Run:
        """The run at the path; it must be made of what this recorder is."""
        run = Run(self.path)
        for name in ("modalities", "categories", "split", "sample", "simulated", "training"):
            held, given = getattr(run.header, name), getattr(self._header, name)
            if held != given:
                raise BadInputError(f"{self.path}: resumed with {name} {given!r}, it was recorded with {held!r}")
        if part(self.path, SAMPLES).read_bytes() != as_csv(self._samples).encode():
            raise BadInputError(f"{self.path}: resumed with other samples than it was recorded with; give the same")
        if run.truth.keys() != self._truth.keys() or not all(
            np.array_equal(run.truth[name], array) for name, array in self._truth.items()
        ):
            raise BadInputError(f"{self.path}: resumed with another truth than it was recorded with; give the same")
        return run

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
        """Record what a module of the model gives, as one of the run's arrays.

        It works through DataParallel and torch.compile (also with ``fullgraph=True``; what was compiled before is
        compiled once more). A model that was exported, scripted or captured calls no hooks, and `batch` says so.

        Parameters
        ----------
        module
            Its dotted name, as in ``model.named_modules()``; "" is the model. Several names, with ``stack``, where a
            modality has a module of its own.
        array
            ``wav`` for attention across modalities, ``wtp`` over time, ``p`` for probabilities of segments,
            ``p_joint`` of samples: with these names every analysis finds them.
        axes
            What each dimension of the module's output is, in a text separated by blanks or one by one: ``sample``,
            ``segment``, ``modality``, ``category``, or names of your own.
        softmax
            The axis to take a softmax over, where the module gives what goes into one.
        stack
            The axis along which the outputs of successive calls lie, where the module is called once a modality; or of
            several modules.
        output
            Makes a tensor of what the module gives in a call, as ``lambda out: out[0]`` or ``torch.sigmoid``.

        Raises
        ------
        BadInputError
            If the model has no such module, or the axes do not fit together.
        """
        if self._writer is not None:
            raise BadInputError(f"watch({module!r}): an epoch is committed; watch all modules before the first")
        axes = tuple(axes.split()) if isinstance(axes, str) else tuple(axes)
        if array == ATTENTION and "modality" not in axes:
            raise BadInputError(f"watch({module!r}): {ATTENTION!r} is attention across modalities; name that axis")
        if array in self._watches:
            raise BadInputError(f"watch({module!r}): {array!r} is watched already; give another array name")
        names = (module,) if isinstance(module, str) else tuple(module)
        self._watches[array] = Watch(model, names, array, axes, softmax, stack, output)

    @contextmanager
    def batch(self, index: Sequence[int] | np.ndarray | Tensor) -> Iterator[None]:
        """While it lasts, what the watched modules give belongs to these samples, places in ``samples``.

        Batches come in any size and order; of a sample recorded twice in an epoch the last counts. Keep it around the
        forward pass alone. An index on the host costs no wait for the device.

        Raises
        ------
        BadInputError
            If a place is none of a sample, or a module was not called as declared.
        """
        places = self._places(index)
        for watch in self._watches.values():
            watch.listen()
        try:
            yield
            self._keep(places)
        finally:
            for watch in self._watches.values():
                watch.forget()

    def _places(self, index: Sequence[int] | np.ndarray | Tensor) -> np.ndarray:
        places = np.asarray(index.cpu() if isinstance(index, Tensor) else index)
        if places.ndim != 1 or not np.issubdtype(places.dtype, np.integer):
            raise BadInputError(f"batch: the index is {places.dtype} {places.shape}; give whole numbers, one a sample")
        if places.size and not 0 <= places.min() <= places.max() < len(self._samples):
            wrong = next(place for place in places if not 0 <= place < len(self._samples))
            raise BadInputError(f"batch: no sample has the index {wrong}; it must be in 0 to {len(self._samples) - 1}")
        return places

    def _keep(self, places: np.ndarray) -> None:
        sizes = {"modality": len(self._header.modalities), "category": len(self._header.categories)}
        # Outside of inference mode, so that these tensors can be written in any mode.
        with torch.inference_mode(False), torch.no_grad():
            parts = {name: watch.collect(len(places), sizes) for name, watch in self._watches.items()}
            for name, part in parts.items():
                kept = self._kept.get(name)
                if kept is None:
                    kept = self._kept[name] = part.new_empty(len(self._samples), *part.shape[1:])
                if kept.shape[1:] != part.shape[1:]:
                    raise BadInputError(
                        f"{name!r} is {tuple(part.shape[1:])} a sample here, {tuple(kept.shape[1:])} in batches before;"
                        " pad them to one shape"
                    )
                kept[torch.from_numpy(places).to(kept.device, non_blocking=True)] = part.to(kept.device)
        self._seen[places] = True

    def losses(self, samples: int = 1, kind: str = "optimised", /, **values: Tensor | float) -> None:
        """Add a step's losses, in nats, to the epoch's means; nothing waits for the device.

        Parameters
        ----------
        samples
            How many samples they are means over: what the step weighs.
        kind
            ``optimised``; or ``hard``, against labels without smoothing; or ``floor``, the entropy of the labels.
        values
            By modality, and as ``joint`` the loss they share.

        Raises
        ------
        BadInputError
            If a name is none of these, or a value is not a single number.
        """
        if kind not in ("optimised", "hard", "floor"):
            raise BadInputError(f"losses: no kind {kind!r}; take optimised, hard or floor")
        for name, value in values.items():
            if name not in (*self._header.modalities, JOINT):
                known = ", ".join(self._header.modalities)
                raise BadInputError(f"losses: {name!r} is neither a modality ({known}) nor {JOINT!r}")
            if isinstance(value, Tensor) and value.numel() != 1:
                raise BadInputError(f"losses: {name!r} is of shape {tuple(value.shape)}; give its mean")
            mean = self._losses.setdefault((name, kind), _Mean())
            mean.add(value, samples)

    def commit_epoch(
        self,
        *,
        best: bool = False,
        scores: Mapping[str, Mapping[str, Mapping[str, float]]] | None = None,
        learning_rate: float | None = None,
    ) -> Commit:
        """Commit what was recorded since the last commit as an epoch, whole or not at all.

        Parameters
        ----------
        best, scores, learning_rate
            As `mbias.records.commits.Commit` has them.

        Raises
        ------
        BadInputError
            If samples are missing, nothing was recorded, or a number is not finite.
        """
        if not self._kept and not self._losses:
            raise BadInputError("commit_epoch: nothing was recorded since the last one; call batch() or losses()")
        if self._kept and not self._seen.all():
            missing = np.flatnonzero(~self._seen)
            raise BadInputError(
                f"commit_epoch: {len(missing)} of {len(self._samples)} samples are not recorded, the first "
                f"{self._samples.iloc[missing[0], 0]!r}; run all of them in batch()"
            )
        losses: dict[str, dict[str, float]] = {}
        for (name, kind), mean in self._losses.items():
            losses.setdefault(name, {})[kind] = mean.value()
        arrays = {name: kept.cpu().numpy() for name, kept in self._kept.items()}
        self._writer = self._writer or self._open(losses, arrays)
        commit = self._writer.commit(losses, arrays, scores, best, learning_rate, time.perf_counter() - self._start)
        self._begin_epoch()
        return commit

    def _open(self, losses: Mapping[str, Mapping[str, float]], arrays: Mapping[str, np.ndarray]) -> RunWriter:
        order = [name for name in self._header.modalities if name in losses]
        axes = {
            name: tuple(self._header.sample if axis == "sample" else axis for axis in watch.dimensions)
            for name, watch in self._watches.items()
        }
        header = dataclasses.replace(self._header, losses=(*order, JOINT), arrays=axes)
        if self._resumed:
            held = self._resumed.header
            if held.arrays != axes or not set(header.losses) <= set(held.losses):
                raise BadInputError(
                    f"{self.path}: resumed with the arrays {_said(axes)} and losses {', '.join(header.losses)}, it was "
                    f"recorded with {_said(held.arrays)} and {', '.join(held.losses)}; watch and record the same"
                )
            return RunWriter.reopen(self.path)
        # A first epoch that is refused leaves no run behind.
        RunWriter(self.path, header, self._truth, len(self._samples)).check(losses, arrays)
        self._warn_of_other_weights(arrays)
        return RunWriter.create(self.path, header, self._samples, self._truth)

    def _warn_of_other_weights(self, arrays: Mapping[str, np.ndarray]) -> None:
        if ATTENTION in arrays:
            sums = arrays[ATTENTION].sum(axis=self._watches[ATTENTION].dimensions.index("modality"))
            if not np.allclose(sums, 1, atol=0.01):
                warnings.warn(
                    f"{ATTENTION!r} does not sum to 1 over the modalities: is softmax='modality' missing, or was it "
                    "recorded behind a dropout in training mode?",
                    stacklevel=4,
                )

    def _begin_epoch(self) -> None:
        self._kept: dict[str, Tensor] = {}
        self._losses: dict[tuple[str, str], _Mean] = {}
        self._seen = np.zeros(len(self._samples), dtype=bool)
        self._start = time.perf_counter()

    def close(self) -> None:
        """Take the hooks off the model and drop what is not committed."""
        for watch in self._watches.values():
            watch.remove()
        self._watches = {}
        self._begin_epoch()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and (self._kept or self._losses):
            warnings.warn("what was recorded since the last commit_epoch() is not in the record", stacklevel=2)
        self.close()


def _said(arrays: Mapping[str, tuple[str, ...]]) -> str:
    return ", ".join(f"{name} ({', '.join(axes)})" for name, axes in arrays.items()) or "none"


class _Mean:
    """A weighted mean, kept where its values are."""

    def __init__(self) -> None:
        self._sum: Tensor | float = 0.0
        self._weight = 0

    def add(self, value: Tensor | float, weight: int) -> None:
        self._weight += weight
        if not isinstance(value, Tensor):
            self._sum = self._sum + float(value) * weight
            return
        with torch.inference_mode(False), torch.no_grad():
            if not isinstance(self._sum, Tensor):
                # Apple's GPUs have no float64.
                dtype = torch.float32 if value.device.type == "mps" else torch.float64
                self._sum = torch.tensor(self._sum, dtype=dtype, device=value.device)
            self._sum.add_(value.detach().reshape(()).to(self._sum.device), alpha=weight)

    def value(self) -> float:
        return float(self._sum) / self._weight
