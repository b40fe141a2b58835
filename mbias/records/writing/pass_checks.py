"""Checks of the outputs of a probe's passes, before they are written and when they are read."""

from __future__ import annotations

from collections.abc import Mapping

from mbias.errors import BadInputError
from mbias.passes import Pass, description
from mbias.records.run import Run
from mbias.records.shards import Held
from mbias.tasks import Task, extremes_fault


def check_pass(run: Run, of_pass: Pass, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise BadInputError unless a pass and the shapes of its outputs are those of a run."""
    modalities = run.header.modalities
    if unknown := set(of_pass.replaced) - set(modalities):
        raise BadInputError(f"{run.path}: unknown modality {min(unknown)!r}; take {', '.join(modalities)}")
    if of_pass.replaced != tuple(name for name in modalities if name in of_pass.replaced):
        raise BadInputError(
            f"{run.path}: the pass {description(of_pass)}: name each once, in the order {', '.join(modalities)}"
        )
    for name, shape in shapes.items():
        if wrong := shape_fault(run, of_pass, name, shape):
            raise BadInputError(f"{run.path}: the pass {description(of_pass)}: {wrong}")
    if "p_joint" not in shapes:
        raise BadInputError(f"{run.path}: the pass {description(of_pass)} lacks 'p_joint'; add it")


def shape_fault(run: Run, of_pass: Pass, name: str, shape: tuple[int, ...]) -> str | None:
    """What is wrong with the name or shape of an output of a pass."""
    samples, modalities, categories = len(run.samples), len(run.header.modalities), len(run.header.categories)
    shapes: dict[str, tuple[int | None, ...]] = {
        "donors": (samples, len(of_pass.replaced)) if len(of_pass.replaced) > 1 else (samples,),
        "p_joint": (samples, categories),
        "p": (samples, None, modalities, categories),
    }
    if name not in shapes:
        return f"unknown output {name!r}; take {', '.join(shapes)}"
    wanted = shapes[name]
    if len(shape) != len(wanted) or any(n not in (None, m) for n, m in zip(wanted, shape, strict=True)):
        sizes = " x ".join("segments" if n is None else str(n) for n in wanted)
        return f"{name!r} has the shape {shape}; for this run it must be {sizes}"
    return None


def output_fault(run: Run, of_pass: Pass, name: str, held: Held) -> str | None:
    """What is wrong with an output of a pass."""
    if wrong := shape_fault(run, of_pass, name, held.shape):
        return wrong
    if held.kind.kind not in "fiub":
        return f"{name!r} holds {held.kind}, not numbers"
    if name == "donors":
        within = held.extremes.low >= -1 and held.extremes.high < len(run.samples)
        return None if within else "'donors' holds a value that is neither the row of a sample nor -1"
    # Segments may hold several categories, whatever the task of the whole sample.
    task = run.task if name == "p_joint" or run.task == Task.REGRESSION else Task.MULTILABEL
    what = extremes_fault(task, held.extremes, len(run.header.modalities) if name == "p_joint" else 1)
    return f"{name!r} {what}" if what else None
