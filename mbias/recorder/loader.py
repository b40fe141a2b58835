"""The inputs of a model from a data loader, indexed by sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from mbias.arguments import require_mapping, shown
from mbias.errors import BadInputError
from mbias.probing.any_model import probe
from mbias.records.probes import Probe
from mbias.records.run import Run

Key = str | int
"""Where a batch holds an input: a key of a dict, or a position in a tuple."""

_EXAMPLE = "give for example {'audio': 'audio', 'visual': ('frames', 'motion')}"


class ByPosition:
    """A module called with its inputs by position, in place of by name."""

    def __init__(self, module: nn.Module) -> None:
        # As a bound method has it, so that the module is found and put in evaluation mode.
        self.__self__ = module

    def __call__(self, **inputs: Any) -> Any:
        """Call the module with the inputs in the order of their positions."""
        return self.__self__(*(inputs[name] for name in sorted(inputs, key=int)))


def probe_loader(
    run: Run,
    model: Callable[..., Any],
    loader: Iterable[Any],
    inputs: Mapping[str, Key | Sequence[Key]],
    *,
    index: Key | None = None,
    **options: Any,
) -> Probe:
    """Probe a model on the samples of a loader, as `mbias.probe` does on arrays.

    Parameters
    ----------
    run
        The run that recorded the model.
    model
        The model, which returns the outputs of the task: a module, or a function that calls it.
    loader
        Yields the recorded samples in batches, dicts or tuples. All inputs are kept in memory.
    inputs
        By modality, where a batch holds its input, or its inputs: keys, by which the model is called, or positions in a
        tuple, in the order of which a module is called.
    index
        Where a batch holds the indices of its samples, if the loader does not yield them in order.
    **options
        Options of `mbias.probe`, such as ``draws``, ``stand_ins`` and ``epoch``.

    Returns
    -------
    Probe
        The recorded probe.

    Raises
    ------
    BadInputError
        As `mbias.probe`; also if the loader does not yield every recorded sample once.
    """
    collected = inputs_from_loader(loader, inputs, index, len(run.samples))
    positions = all(name.isdecimal() for of_modality in collected.values() for name in of_modality)
    return probe(run, ByPosition(model) if positions and isinstance(model, nn.Module) else model, collected, **options)


def inputs_from_loader(
    loader: Iterable[Any], inputs: Mapping[str, Key | Sequence[Key]], index: Key | None, samples: int
) -> dict[str, dict[str, Any]]:
    """Collect the inputs of a model from all batches of a loader, in the order of the samples.

    Parameters
    ----------
    loader
        Yields batches: dicts, or tuples.
    inputs
        By modality, where a batch holds its input, or its inputs.
    index
        Where a batch holds the indices of its samples; without it, batches are in the order of the samples.
    samples
        The number of samples.

    Returns
    -------
    dict of str to dict
        By modality and by input, a tensor, an array or a list.

    Raises
    ------
    BadInputError
        If a batch lacks an input, or the loader does not yield every sample once.

    Examples
    --------
    >>> import torch
    >>> batches = [(torch.tensor([[1.0], [2.0]]), ["a", "b"]), (torch.tensor([[3.0]]), ["c"])]
    >>> inputs_from_loader(batches, {"audio": 0, "text": 1}, None, 3)["text"]
    {'1': ['a', 'b', 'c']}
    """
    require_mapping("inputs", inputs, _EXAMPLE)
    keys = {modality: _keys(modality, of_modality) for modality, of_modality in inputs.items()}
    wanted = [key for of_modality in keys.values() for key in of_modality]
    if not isinstance(loader, Iterable):
        raise BadInputError(f"loader: {shown(loader)} does not yield batches; give a DataLoader, or a list of batches")
    batches = list(loader)
    parts = {key: [_value(batch, key) for batch in batches] for key in wanted}
    rows = (
        None if index is None else np.concatenate([np.asarray(_value(batch, index)).reshape(-1) for batch in batches])
    )
    number = sum(len(part) for part in parts[wanted[0]]) if rows is None else len(rows)
    order = np.arange(samples) if rows is None else np.argsort(rows, kind="stable")
    if number != samples or (rows is not None and not np.array_equal(rows[order], np.arange(samples))):
        raise BadInputError(
            f"loader: yields {number} samples, not each of the {samples} recorded ones once; "
            f"do not repeat or drop any, and name their index if it shuffles them (index=)"
        )
    return {
        modality: {str(key): _in_order(key, parts[key], order) for key in of_modality}
        for modality, of_modality in keys.items()
    }


def _keys(modality: str, keys: object) -> list[Key]:
    given = [keys] if isinstance(keys, str | int) else list(keys) if isinstance(keys, Sequence) else []
    if not given or not all(isinstance(key, str | int) for key in given):
        raise BadInputError(f"inputs: {modality!r}: {shown(keys)} is not where a batch holds an input; {_EXAMPLE}")
    return given


def _value(batch: Any, key: Key) -> Any:
    """What a batch holds under a key or at a position, on the host."""
    try:
        value = batch[key]
    except (KeyError, IndexError, TypeError):
        held = ", ".join(map(str, batch)) if isinstance(batch, Mapping) else shown(type(batch).__name__)
        raise BadInputError(f"loader: a batch does not hold {key!r}; it holds {held}") from None
    return value.detach().cpu() if isinstance(value, torch.Tensor) else value


def _in_order(key: Key, parts: Sequence[Any], order: np.ndarray) -> Any:
    """The parts of an input together, in the order of the samples."""
    try:
        if isinstance(parts[0], torch.Tensor):
            return torch.cat(list(parts))[torch.from_numpy(order)]
        if isinstance(parts[0], np.ndarray):
            return np.concatenate(parts)[order]
    except (RuntimeError, ValueError):
        raise BadInputError(f"loader: batches differ in the shape of {key!r}; pad all samples to one shape") from None
    together = [value for part in parts for value in part]
    return [together[row] for row in order]
