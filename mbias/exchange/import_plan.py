"""What an import makes: the axes of its arrays, named or guessed; its epochs; and the run, written from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from mbias.errors import BadInputError
from mbias.exchange.named import Named
from mbias.records.header import Header
from mbias.records.writer import ATTENTION, RunWriter, checked_truth

TRUTH = "truth_"
"""What the names of arrays of the truth begin with: ``truth_weak``, ``truth_audio``."""

NAMED_AXES = ("epoch", "sample", "segment", "modality", "category")
"""The axes that are known, in the order in which they are guessed to be."""


@dataclass(frozen=True)
class Part:
    """An array to import.

    Parameters
    ----------
    name
        Its name in the run.
    axes
        Of its dimensions; ``epoch`` among them where it holds all epochs.
    guessed
        Whether the axes were guessed from the sizes.
    epochs
        An array an epoch.
    """

    name: str
    axes: tuple[str, ...]
    guessed: bool
    epochs: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Plan:
    """What an import will make; `write` makes it.

    Parameters
    ----------
    header, samples
        The run's constants, and the names of its samples.
    parts, truth
        Its arrays, and those of the truth.
    losses
        By loss, its value at every epoch.
    epochs
        How many there are. Arrays of fewer epochs belong to the last ones.
    """

    header: Header
    samples: tuple[str, ...]
    parts: tuple[Part, ...]
    truth: dict[str, np.ndarray]
    losses: dict[str, list[float]]
    epochs: int

    @property
    def guessed(self) -> bool:
        """Whether the axes of an array were guessed."""
        return any(part.guessed for part in self.parts)

    def lines(self) -> list[str]:
        """The plan in words, a line each."""
        header = self.header
        found = [
            f"modalities: {', '.join(header.modalities)}",
            f"categories: {len(header.categories)} ({', '.join(header.categories[:4])}"
            f"{', ...' if len(header.categories) > 4 else ''})",
            f"samples:    {len(self.samples)} ({', '.join(self.samples[:4])}"
            f"{', ...' if len(self.samples) > 4 else ''})",
            f"epochs:     {self.epochs}",
        ]
        for part in self.parts:
            shape = " x ".join(f"{axis} {size}" for axis, size in zip(_own(part), part.epochs[0].shape, strict=True))
            how = "guessed from the sizes" if part.guessed else "as named"
            when = "every epoch" if len(part.epochs) == self.epochs else f"the last {len(part.epochs)} of them"
            found.append(f"array {part.name}: {shape} ({how}), {when}")
        found += [
            f"note: {part.name} does not sum to 1 over modality; are these its axes?"
            for part in self.parts
            if not _is_attention(part)
        ]
        found += [f"truth {name}: {' x '.join(map(str, array.shape))}" for name, array in self.truth.items()]
        found += [f"loss {name}: {values[0]:.4g} to {values[-1]:.4g}" for name, values in self.losses.items()]
        return found

    def write(self, path: Path) -> None:
        """Write the run."""
        import pandas as pd

        samples = pd.DataFrame({self.header.sample: list(self.samples)})
        writer = RunWriter.create(path, self.header, samples, self.truth)
        for epoch in range(self.epochs):
            arrays = {
                part.name: _ordered(part, epoch - self.epochs)
                for part in self.parts
                if epoch >= self.epochs - len(part.epochs)
            }
            writer.commit({name: {"optimised": values[epoch]} for name, values in self.losses.items()}, arrays)


def make_plan(
    arrays: Mapping[str, Sequence[Named]],
    axes: Mapping[str, tuple[str, ...]],
    losses: Mapping[str, list[float]],
    modalities: Sequence[str] | None = None,
    categories: Sequence[str] | None = None,
    samples: Sequence[str] | None = None,
    joint: str = "joint",
    split: str = "test",
) -> Plan:
    """Plan of an import.

    Parameters
    ----------
    arrays
        By name in the run, what the files hold under it, in order: several are an epoch each. Names that begin with
        ``truth_`` are of the truth.
    axes
        Of an array's dimensions, by its name; those of the file, or guessed ones, where there are none.
    losses
        By loss, its value at every epoch.
    modalities, categories, samples
        Names; those of the file, or numbers, where there are none.
    joint
        The loss all modalities share.

    Raises
    ------
    BadInputError
        If axes cannot be told, or arrays, losses and names do not fit together.
    """
    truth = {name: parts[0] for name, parts in arrays.items() if name.startswith(TRUTH)}
    given = {name: parts for name, parts in arrays.items() if name not in truth}
    if not given and not losses:
        raise BadInputError("nothing to import: give files of arrays, or of losses with --losses")
    sizes = {"modality": _count(modalities), "category": _count(categories), "sample": _count(samples)}
    parts = tuple(_part(name, named, axes.get(name), sizes) for name, named in given.items())
    names = {
        "modality": _names("modality", modalities, parts, given),
        "category": _names("category", categories, parts, given),
        "sample": _names("sample", samples, parts, given),
    }
    if joint not in losses and losses:
        raise BadInputError(f"the joint loss {joint!r} is not among the losses {', '.join(losses)}; name it by --joint")
    epochs = _epochs(parts, losses)
    header = Header(
        modalities=names["modality"],
        categories=names["category"],
        losses=tuple(losses) or (joint,),
        joint_loss=joint,
        split=split,
        arrays={part.name: _canonical(_own(part)) for part in parts},
        software={"mbias": version("mbias")},
    )
    facts = {name.removeprefix(TRUTH): np.asarray(named.values) for name, named in truth.items()}
    for name, array in facts.items():
        if not np.isin(array, (0, 1)).all():
            raise BadInputError(f"truth {name!r}: holds other values than 0 and 1; make it boolean")
    _check_sizes(parts, header, len(names["sample"]))
    for part in parts:
        if part.guessed and not _is_attention(part):
            raise BadInputError(
                f"array {part.name!r} has shape {given[part.name][0].values.shape}: with axes guessed as "
                f"{', '.join(part.axes)} it does not sum to 1 over modality; name them by --axes"
            )
    return Plan(
        header, names["sample"], parts, checked_truth(facts, header, len(names["sample"])), dict(losses), epochs
    )


def _part(name: str, named: Sequence[Named], axes: tuple[str, ...] | None, sizes: Mapping[str, int | None]) -> Part:
    first = named[0].values
    if any(one.values.shape != first.shape for one in named):
        raise BadInputError(f"array {name!r}: its files differ in shape; give one shape an epoch")
    known = axes or named[0].axes
    if known and len(known) != first.ndim:
        raise BadInputError(f"array {name!r} has shape {first.shape}: {len(known)} axes are named, {', '.join(known)}")
    dimensions = known or _guess(name, first.shape, sizes)
    if len(set(dimensions)) < len(dimensions) or "sample" not in dimensions:
        raise BadInputError(f"array {name!r}: axes {', '.join(dimensions)}; name each once, sample among them")
    if "epoch" not in dimensions:
        return Part(name, dimensions, known is None, tuple(one.values for one in named))
    if len(named) > 1:
        raise BadInputError(f"array {name!r}: in several files, each with an axis of epochs; give one or the other")
    return Part(name, dimensions, known is None, tuple(np.moveaxis(first, dimensions.index("epoch"), 0)))


def _guess(name: str, shape: tuple[int, ...], sizes: Mapping[str, int | None]) -> tuple[str, ...]:
    """Axes from an array's shape: the usual order of that many, modality and category where their sizes are."""
    usual = {
        2: ("sample", "modality" if name == ATTENTION else "category"),
        3: ("sample", "modality", "category"),
        4: ("sample", "segment", "modality", "category"),
        5: ("epoch", "sample", "segment", "modality", "category"),
    }.get(len(shape))
    if usual is None:
        raise BadInputError(f"array {name!r} has shape {shape}, whose axes are not guessed; name them by --axes")
    fixed = {axis: size for axis in ("modality", "category") if axis in usual and (size := sizes[axis]) is not None}
    if all(shape[usual.index(axis)] == size for axis, size in fixed.items()):
        return usual
    places = {axis: [place for place, n in enumerate(shape) if n == size] for axis, size in fixed.items()}
    free = [place for place in range(len(shape)) if [place] not in places.values()]
    rest = [axis for axis in usual if axis not in fixed]
    if any(len(found) != 1 for found in places.values()) or len(free) != len(rest):
        raise BadInputError(f"array {name!r} has shape {shape}, whose axes cannot be told; name them by --axes")
    axes = {**{found[0]: axis for axis, found in places.items()}, **dict(zip(free, rest, strict=True))}
    return tuple(axes[place] for place in range(len(shape)))


def _names(
    axis: str, given: Sequence[str] | None, parts: Sequence[Part], arrays: Mapping[str, Sequence[Named]]
) -> tuple[str, ...]:
    if given is not None:
        return tuple(given)
    for named in (one for several in arrays.values() for one in several):
        if named.labels and axis in named.labels:
            return named.labels[axis]
    sizes = {part.epochs[0].shape[_own(part).index(axis)] for part in parts if axis in part.axes}
    if len(sizes) > 1:
        raise BadInputError(f"arrays differ in their number along {axis}: {', '.join(map(str, sorted(sizes)))}")
    if axis == "modality" and (not sizes or sizes == {2}):
        return ("audio", "visual")
    if axis == "sample" and not sizes:
        return ()
    # One category: a model that tells no categories apart has a single one.
    return tuple(f"{axis} {i + 1}" for i in range(next(iter(sizes), 1)))


def _epochs(parts: Sequence[Part], losses: Mapping[str, list[float]]) -> int:
    lengths = {len(values) for values in losses.values()}
    if len(lengths) > 1:
        known = ", ".join(f"{name} {len(values)}" for name, values in losses.items())
        raise BadInputError(f"the losses differ in their number of epochs: {known}; see --steps-per-epoch")
    most = max([*lengths, *(len(part.epochs) for part in parts)])
    if lengths and most not in lengths:
        raise BadInputError(f"the arrays are of {most} epochs, the losses of {lengths.pop()}; see --steps-per-epoch")
    return most


def _check_sizes(parts: Sequence[Part], header: Header, samples: int) -> None:
    sizes = {"sample": samples, "modality": len(header.modalities), "category": len(header.categories)}
    for part in parts:
        for axis, found in zip(_own(part), part.epochs[0].shape, strict=True):
            if sizes.get(axis, found) != found:
                raise BadInputError(
                    f"array {part.name!r}: its axis {axis} has {found}, not {sizes[axis]}; name its axes by --axes"
                )


def _is_attention(part: Part) -> bool:
    """Whether an array is what its name says: attention sums to 1 over modalities. True of other names."""
    if part.name != ATTENTION or "modality" not in part.axes:
        return True
    return np.allclose(part.epochs[-1].sum(axis=_own(part).index("modality")), 1, atol=0.01)


def _count(names: Sequence[str] | None) -> int | None:
    return None if names is None else len(names)


def _own(part: Part) -> tuple[str, ...]:
    """The axes of one epoch of it."""
    return tuple(axis for axis in part.axes if axis != "epoch")


def _canonical(axes: Sequence[str]) -> tuple[str, ...]:
    """Axes as records have them: sample first, modality and category last."""
    last = [axis for axis in ("modality", "category") if axis in axes]
    return ("sample", *(axis for axis in axes if axis not in ("sample", *last)), *last)


def _ordered(part: Part, epoch: int) -> np.ndarray:
    own = _own(part)
    return np.transpose(part.epochs[epoch], [own.index(axis) for axis in _canonical(own)]).astype(np.float32)
