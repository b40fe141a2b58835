"""What an import will write: arrays with their axes, losses, names and epochs."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np

from mbias.arguments import checked_groups, with_groups
from mbias.errors import BadInputError
from mbias.exchange.axes import NAME_AXES, check_axes, guess_axes, record_order, sums_to_one, to_record_order
from mbias.exchange.import_passes import (
    Outputs,
    as_outputs,
    check_outputs,
    lines_of_passes,
    modalities_of,
    outputs_of_passes,
)
from mbias.exchange.named_array import TRUTH_PREFIX, NamedArray
from mbias.passes import WHOLE, Pass
from mbias.records.header import Header
from mbias.records.probes import write_probe
from mbias.records.summary import ATTENTION
from mbias.records.writer import RunWriter, checked_truth
from mbias.records.writing.checks import JOINT_OUTPUT
from mbias.tasks import Task, checked_task


@dataclass(frozen=True)
class ImportedArray:
    """An array to import.

    Parameters
    ----------
    name
        Its name in the run.
    axes
        The axes of one epoch.
    guessed
        Whether the axes were guessed from the shape.
    epochs
        One array per epoch.
    """

    name: str
    axes: tuple[str, ...]
    guessed: bool
    epochs: tuple[np.ndarray, ...]

    @property
    def suspicious(self) -> bool:
        """Whether it is named as attention weights but does not sum to 1 over modality."""
        return self.name == ATTENTION and "modality" in self.axes and not sums_to_one(self.epochs[-1], self.axes)


@dataclass(frozen=True)
class ImportPlan:
    """What an import will write. Nothing is written before `write` is called.

    Parameters
    ----------
    header
        The constants of the run.
    samples
        The names of its samples.
    arrays
        Its arrays.
    truth
        The arrays of the ground truth by name.
    losses
        By loss, its value at every epoch.
    epochs
        The number of epochs. Arrays with fewer epochs belong to the last ones.
    groups
        The group of each sample; None if the samples have no groups.
    passes
        The outputs with modalities replaced, which become the run's probe, of its last epoch.
    notes
        What else `lines` says.
    """

    header: Header
    samples: tuple[str, ...]
    arrays: tuple[ImportedArray, ...]
    truth: dict[str, np.ndarray]
    losses: dict[str, list[float]]
    epochs: int
    groups: tuple[str, ...] | None = None
    passes: Outputs = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def guessed(self) -> bool:
        """Whether the axes of any array were guessed."""
        return any(array.guessed for array in self.arrays)

    def lines(self) -> list[str]:
        """Describe the plan.

        Returns
        -------
        list of str
            Lines of text.
        """
        header = self.header
        named = {"task": header.task, "setting": header.setting, "seed": header.seed}
        lines = [
            *(f"{name + ':':11} {value}" for name, value in named.items() if value not in (None, Task.MULTILABEL)),
            f"modalities: {', '.join(header.modalities)}",
            f"categories: {_abbreviated(header.categories)}",
            f"samples:    {_abbreviated(self.samples)}",
            *([f"groups:     {_abbreviated(tuple(dict.fromkeys(self.groups)))}"] if self.groups else []),
            f"epochs:     {self.epochs}",
        ]
        for array in self.arrays:
            shape = " x ".join(f"{axis} {size}" for axis, size in zip(array.axes, array.epochs[0].shape, strict=True))
            source = "guessed from the sizes" if array.guessed else "as named"
            epochs = (
                "every epoch"
                if len(array.epochs) == self.epochs
                else f"the last {len(array.epochs)} of {self.epochs} epochs"
            )
            lines.append(f"array {array.name}: {shape} ({source}), {epochs}")
        lines += [
            f"note: {array.name} does not sum to 1 over modality; are these its axes?"
            for array in self.arrays
            if array.suspicious
        ]
        lines += [f"truth {name}: {' x '.join(map(str, array.shape))}" for name, array in self.truth.items()]
        lines += [f"loss {name}: {values[0]:.4g} to {values[-1]:.4g}" for name, values in self.losses.items()]
        return [*lines, *self.notes, *(lines_of_passes(header.modalities, self.passes) if self.passes else [])]

    def write(self, out: Path) -> None:
        """Write the run; if anything fails, nothing is left behind.

        Parameters
        ----------
        out
            Folder of the new run.

        Raises
        ------
        BadInputError
            If ``out`` holds something already.
        """
        if out.exists() and any(out.iterdir()):
            raise BadInputError(f"{out}: is not empty; give a new folder")
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as temporary:
            self._write(Path(temporary) / "run")
            (Path(temporary) / "run").replace(out)

    def _write(self, path: Path) -> None:
        import pandas as pd

        samples = with_groups(pd.DataFrame({self.header.sample: list(self.samples)}), self.groups)
        writer = RunWriter.create(path, self.header, samples, self.truth)
        for epoch in range(self.epochs):
            arrays = {
                array.name: to_record_order(array.epochs[epoch - self.epochs], array.axes)
                for array in self.arrays
                if epoch >= self.epochs - len(array.epochs)
            }
            writer.commit({name: {"optimised": values[epoch]} for name, values in self.losses.items()}, arrays)
        if self.passes:
            write_probe(path, "last", {WHOLE: {JOINT_OUTPUT: arrays[JOINT_OUTPUT]}, **self.passes})


def make_plan(
    arrays: Mapping[str, Sequence[NamedArray]],
    axes: Mapping[str, Sequence[str]],
    losses: Mapping[str, list[float]],
    modalities: Sequence[str] | None = None,
    categories: Sequence[str] | None = None,
    samples: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    joint: str = "joint",
    split: str = "test",
    task: str = Task.MULTILABEL.value,
    setting: str | None = None,
    seed: int | None = None,
    passes: Mapping[Pass, Sequence[str]] | None = None,
    of_passes: Mapping[str, Sequence[NamedArray]] | None = None,
) -> ImportPlan:
    """Plan an import of arrays and losses.

    Parameters
    ----------
    arrays
        By name in the run, the array, or one array per epoch in order. Names that begin with ``truth_`` belong to the
        ground truth.
    axes
        By name of the array, its axes. Other arrays keep the axes that their file names, or get guessed ones.
    losses
        By loss, its value at every epoch.
    modalities, categories, samples
        Names. By default, the names in the files, or numbers.
    groups
        The group of each sample.
    joint
        The loss that all modalities share.
    split
        Name of the split that the samples belong to.
    task, setting, seed
        What the model is asked for, and the names of its setting and seed, as in `mbias.Header`.
    passes, of_passes
        By pass, the names of its outputs and donors; and by name, these arrays.

    Returns
    -------
    ImportPlan
        The plan.

    Raises
    ------
    BadInputError
        If axes cannot be identified, or arrays, losses and names do not fit together.

    Examples
    --------
    >>> wav = np.full((8, 2, 5), 0.5)
    >>> plan = make_plan({"wav": [NamedArray(wav)]}, {}, {"joint": [0.7, 0.4]})
    >>> print(plan.lines()[-2])
    array wav: sample 8 x modality 2 x category 5 (guessed from the sizes), the last 1 of 2 epochs
    """
    truth = {name: given[0].values for name, given in arrays.items() if name.startswith(TRUTH_PREFIX)}
    recorded = {name: given for name, given in arrays.items() if name not in truth}
    if not recorded and not losses:
        raise BadInputError("nothing to import: give files of arrays, or of losses (--losses, or losses= in Python)")
    keys = dict(passes or {})
    known = {"modality": modalities, "category": categories}
    sizes = {axis: len(given) for axis, given in known.items() if given is not None}
    checked_task(task, sizes.get("category"))
    if JOINT_OUTPUT in recorded and JOINT_OUTPUT not in axes:
        columns = 1 if task == Task.BINARY else sizes.get("category", 1)
        recorded[JOINT_OUTPUT] = [as_outputs(Task(task), a, columns, bool(keys)) for a in recorded[JOINT_OUTPUT]]
    imported = tuple(_imported(name, given, axes.get(name), sizes) for name, given in recorded.items())
    if modalities is None and len(modalities_of(keys)) > 1 and not any("modality" in array.axes for array in imported):
        modalities = modalities_of(keys)
    coordinates = [array.coordinates or {} for given in recorded.values() for array in given]
    names = {
        axis: tuple(given) if given is not None else _names(axis, imported, coordinates)
        for axis, given in (("modality", modalities), ("category", categories), ("sample", samples))
    }
    if joint not in losses and losses:
        raise BadInputError(
            f"the joint loss {joint!r} is not among the losses {', '.join(losses)}; "
            "name it (--joint, or joint= in Python)"
        )
    epochs = _epochs(imported, losses)
    header = Header(
        modalities=names["modality"],
        categories=names["category"],
        losses=tuple(losses) or (joint,),
        joint_loss=joint,
        split=split,
        arrays={array.name: record_order(array.axes) for array in imported},
        software={"mbias": version("mbias")},
        task=task,
        setting=setting,
        seed=seed,
    )
    _check_sizes(imported, names)
    by_name = {array.name: (array.axes, array.epochs) for array in imported}
    check_outputs(header, *by_name.get(JOINT_OUTPUT, ((), ())), with_passes=bool(keys))
    truth = {name.removeprefix(TRUTH_PREFIX): array for name, array in truth.items()}
    checked = checked_truth(truth, header, len(names["sample"]))
    of_groups = None if groups is None else tuple(checked_groups(groups, len(names["sample"])))
    outputs = outputs_of_passes(header, len(names["sample"]), keys, of_passes or {})
    return ImportPlan(header, names["sample"], imported, checked, dict(losses), epochs, of_groups, outputs)


def _imported(
    name: str, given: Sequence[NamedArray], axes: Sequence[str] | None, sizes: Mapping[str, int]
) -> ImportedArray:
    first = given[0].values
    if any(array.values.shape != first.shape for array in given):
        raise BadInputError(f"array {name!r}: its files differ in shape; give the same shape for every epoch")
    named = tuple(axes or given[0].axes or ())
    known = named or guess_axes(name, first.shape, sizes, attention=name == ATTENTION)
    check_axes(name, known, first.shape)
    if len(given) > 1 and "epoch" in known:
        raise BadInputError(
            f"array {name!r} is in several files, each with an axis epoch; give one file with all epochs, "
            "or files with one epoch each"
        )
    one_epoch = tuple(axis for axis in known if axis != "epoch")
    epochs = tuple(array.values for array in given)
    if "epoch" in known:
        epochs = tuple(np.moveaxis(first, known.index("epoch"), 0))
    if not epochs:
        raise BadInputError(f"array {name!r} has shape {first.shape}, so it holds no epoch; {NAME_AXES}")
    array = ImportedArray(name, one_epoch, not named, epochs)
    if array.guessed and array.suspicious:
        raise BadInputError(
            f"array {name!r} has shape {first.shape}: with axes guessed as {', '.join(known)} it does not sum to 1 "
            f"over modality; {NAME_AXES}"
        )
    return array


def _names(
    axis: str, arrays: Sequence[ImportedArray], coordinates: Sequence[Mapping[str, tuple[str, ...]]]
) -> tuple[str, ...]:
    """The names along an axis: those of the files, or numbers."""
    for named in coordinates:
        if axis in named:
            return named[axis]
    sizes = {array.epochs[0].shape[array.axes.index(axis)] for array in arrays if axis in array.axes}
    if len(sizes) > 1:
        raise BadInputError(f"arrays differ in their size along {axis}: {', '.join(map(str, sorted(sizes)))}")
    if axis == "modality" and (not sizes or sizes == {2}):
        return ("audio", "visual")
    if axis == "sample" and not sizes:
        return ()
    # A model that does not distinguish categories has a single one.
    return tuple(f"{axis} {i + 1}" for i in range(next(iter(sizes), 1)))


def _epochs(arrays: Sequence[ImportedArray], losses: Mapping[str, list[float]]) -> int:
    """The number of epochs."""
    hint = "check the logged steps per epoch (--steps-per-epoch, or steps_per_epoch= in Python)"
    lengths = {len(values) for values in losses.values()}
    if len(lengths) > 1:
        each = ", ".join(f"{name} {len(values)}" for name, values in losses.items())
        raise BadInputError(f"the losses differ in their number of epochs: {each}; {hint}")
    most = max([*lengths, *(len(array.epochs) for array in arrays)])
    if lengths and most not in lengths:
        raise BadInputError(f"the arrays have {most} epochs, the losses {lengths.pop()}; {hint}")
    return most


def _check_sizes(arrays: Sequence[ImportedArray], names: Mapping[str, tuple[str, ...]]) -> None:
    """Raise if an axis differs in size from the names along it."""
    for array in arrays:
        for axis, size in zip(array.axes, array.epochs[0].shape, strict=True):
            if axis in names and len(names[axis]) != size:
                raise BadInputError(
                    f"array {array.name!r}: its axis {axis} has size {size}, not {len(names[axis])}; {NAME_AXES}"
                )


def _abbreviated(names: Sequence[str]) -> str:
    return f"{len(names)} ({', '.join(names[:4])}{', ...' if len(names) > 4 else ''})"
