"""Passes of an import: saved outputs of the model with modalities replaced, and what a verdict lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mbias.analysis.measures.replaced import PERMUTED, stand_in_of_verdict
from mbias.arguments import counted, require_mapping, shown
from mbias.errors import BadInputError
from mbias.exchange.axes import to_record_order
from mbias.exchange.named_array import NamedArray
from mbias.passes import WHOLE, Pass, description
from mbias.records.header import Header
from mbias.tasks import Task, output_columns, output_fault, output_hint

Outputs = dict[Pass, dict[str, np.ndarray]]
"""By pass, its ``p_joint`` and, where they are known, its ``donors``, as `mbias.write_probe` takes them."""

AXES = ("sample", "category")


def checked_passes(passes: Mapping[Pass, str | Sequence[str]] | None) -> dict[Pass, tuple[str, ...]]:
    """By pass, the name of its outputs in the files and, where it is given, that of its donors.

    Raises
    ------
    BadInputError
        If a key is not a `Pass`, replaces nothing, or has something else than one or two names.

    Examples
    --------
    >>> checked_passes({Pass("permuted", ("image",)): "no_image"})
    {Pass(baseline='permuted', replaced=('image',), draw=0): ('no_image',)}
    """
    if passes is None:
        return {}
    require_mapping("passes", passes, "give names in the files by mbias.Pass")
    keys: dict[Pass, tuple[str, ...]] = {}
    for of_pass, named in passes.items():
        if not isinstance(of_pass, Pass):
            raise BadInputError(f"passes: {shown(of_pass)} is not a Pass; give names in the files by mbias.Pass")
        if of_pass == WHOLE:
            raise BadInputError("passes: Pass() replaces nothing; its outputs are the array p_joint")
        names = (named,) if isinstance(named, str) else named
        if not isinstance(names, Sequence) or len(names) not in (1, 2) or not all(isinstance(n, str) for n in names):
            raise BadInputError(
                f"passes: the pass {description(of_pass)}: {shown(named)} given; give the name of its outputs in the "
                f"files, or a pair, its outputs and its donors"
            )
        keys[of_pass] = tuple(names)
    return keys


def modalities_of(passes: Mapping[Pass, Any]) -> tuple[str, ...]:
    """The modalities that passes replace, in the order in which they are mentioned."""
    return tuple(dict.fromkeys(name for of_pass in passes for name in of_pass.replaced))


def as_outputs(task: Task, array: NamedArray, categories: int, with_passes: bool) -> NamedArray:
    """Outputs with an axis of their one category, and with their axes where these are certain.

    Examples
    --------
    >>> as_outputs(Task.BINARY, NamedArray(np.zeros(8)), 1, with_passes=False).axes
    ('sample', 'category')
    """
    if array.axes is not None:
        return array
    values = output_columns(task, array.values, categories)
    # Beside passes, which have no other axes, outputs have none either.
    certain = values.ndim == 2 and (with_passes or values is not array.values)
    return NamedArray(values, AXES if certain else None)


def check_outputs(header: Header, axes: Sequence[str], epochs: Sequence[np.ndarray], with_passes: bool) -> None:
    """Raise unless outputs, one array per epoch, are those of the task and, beside passes, have their axes."""
    if with_passes and set(axes) != set(AXES):
        raise BadInputError(
            "passes need the outputs with nothing replaced, by sample and category; give them as p_joint "
            "(--array p_joint=KEY, or arrays= in Python)"
        )
    task = Task(header.task)
    for epoch in epochs if "category" in axes else ():
        values = np.moveaxis(epoch, list(axes).index("category"), -1)
        if fault := output_fault(task, values, len(header.modalities)):
            raise BadInputError(f"array 'p_joint' {fault}; {output_hint(task)}")


def outputs_of_passes(
    header: Header, samples: int, keys: Mapping[Pass, Sequence[str]], arrays: Mapping[str, Sequence[NamedArray]]
) -> Outputs:
    """The outputs of passes, checked.

    Parameters
    ----------
    header
        The constants of the run.
    samples
        The number of its samples.
    keys
        By pass, the names of its outputs and of its donors in the files.
    arrays
        By name in the files, the array of every file that holds it.

    Raises
    ------
    BadInputError
        If a modality is unknown, or an array has the wrong shape, or holds something else than the task's outputs.
    """
    outputs: Outputs = {}
    for of_pass, names in keys.items():
        what = f"the pass {description(of_pass)}"
        if unknown := set(of_pass.replaced) - set(header.modalities):
            raise BadInputError(
                f"{what}: unknown modality {min(unknown)!r}; take {', '.join(header.modalities)}, or name the "
                f"modalities (--modalities, or modalities= in Python)"
            )
        if of_pass.replaced != tuple(name for name in header.modalities if name in of_pass.replaced):
            raise BadInputError(f"{what}: name each modality once, in the order {', '.join(header.modalities)}")
        for name in names:
            if len(arrays[name]) > 1:
                raise BadInputError(f"{what}: array {name!r} is in {len(arrays[name])} files; give one of them")
        outputs[of_pass] = {"p_joint": _outputs(what, header, samples, names[0], arrays[names[0]][0])}
        if len(names) > 1:
            shape = (samples, len(of_pass.replaced)) if len(of_pass.replaced) > 1 else (samples,)
            outputs[of_pass]["donors"] = _donors(what, samples, shape, names[1], arrays[names[1]][0].values)
    return outputs


def _outputs(what: str, header: Header, samples: int, name: str, array: NamedArray) -> np.ndarray:
    task, shape = Task(header.task), (samples, len(header.categories))
    given = array.values
    if array.axes is not None and set(array.axes) == set(AXES):
        given = to_record_order(given, array.axes)
    values = output_columns(task, given, shape[1])
    if values.shape != shape:
        raise BadInputError(
            f"{what}: array {name!r} has the shape {given.shape}; as p_joint, it must be sample x category, {shape}"
        )
    if fault := output_fault(task, values, len(header.modalities)):
        raise BadInputError(f"{what}: array {name!r} {fault}; {output_hint(task)}")
    return values.astype(np.float32)


def _donors(what: str, samples: int, shape: tuple[int, ...], name: str, values: np.ndarray) -> np.ndarray:
    if values.shape != shape:
        raise BadInputError(
            f"{what}: array {name!r} of donors has the shape {values.shape}; give one row per sample and replaced "
            f"modality, {shape}"
        )
    whole = np.equal(np.mod(values, 1), 0).all() if values.dtype.kind in "fiu" else False
    if not whole or (values.size and (values.min() < -1 or values.max() >= samples)):
        raise BadInputError(
            f"{what}: array {name!r} of donors holds something else than rows of samples; give 0 to {samples - 1}, or "
            f"-1 where a sample has no donor"
        )
    return values.astype(np.int64)


def lines_of_passes(modalities: tuple[str, ...], outputs: Outputs) -> list[str]:
    """Describe passes, and name those that a verdict lacks.

    Examples
    --------
    >>> outputs = {Pass("no input", (name,)): {"p_joint": np.zeros((2, 1))} for name in ("image", "text")}
    >>> for line in lines_of_passes(("image", "text"), outputs):
    ...     print(line)
    pass with image replaced by 'no input': 1 draw
    pass with text replaced by 'no input': 1 draw
    note: a verdict rests on 'no input' inputs, which the model may not know; permuted ones would be better
    note: no pass with image and text replaced by 'no input', so changes and shares are known, not interaction and size
    """
    draws: dict[tuple[str, tuple[str, ...]], list[Pass]] = {}
    for of_pass in outputs:
        draws.setdefault((of_pass.baseline, of_pass.replaced), []).append(of_pass)
    lines = [
        f"pass with {' and '.join(replaced)} replaced by {name!r}: {counted(len(passes), 'draw')}"
        + ", with donors" * all("donors" in outputs[of_pass] for of_pass in passes)
        for (name, replaced), passes in draws.items()
    ]
    stand_in = stand_in_of_verdict(modalities, [list(outputs)])
    lacking = [modality for modality in modalities if (stand_in, (modality,)) not in draws]
    lines += [f"note: no pass with {name} replaced by {stand_in!r}, so there is no verdict" for name in lacking]
    if not lacking and stand_in != PERMUTED:
        lines.append(
            f"note: a verdict rests on {stand_in!r} inputs, which the model may not know; permuted ones would be better"
        )
    if not lacking and (stand_in, modalities) not in draws:
        lines.append(
            f"note: no pass with {' and '.join(modalities)} replaced by {stand_in!r}, so changes and shares are known, "
            f"not interaction and size"
        )
    return lines
