"""Stand-ins of one's own: what takes the place of a modality, by value or by function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mbias.arguments import require_mapping, shown
from mbias.errors import BadInputError
from mbias.passes import BASELINES, checked_stand_in
from mbias.probing.inputs import Inputs, is_tensor

_EXAMPLE = "give for example {'blank': {'image': black_image}}"


def checked_own(own: object, inputs: Inputs) -> dict[str, dict[str, dict[str, Any]]]:
    """Check stand-ins of one's own against the inputs of a model.

    Parameters
    ----------
    own
        By name of the stand-in and by modality, a value for one sample or a function of a batch; of a modality with
        several inputs, by their names. None for none.
    inputs
        The inputs of the model.

    Returns
    -------
    dict
        By name of the stand-in, by modality and by input, the value or function.

    Raises
    ------
    BadInputError
        If a name is one of `mbias.passes.BASELINES` or a modality or an input is unknown or missing, or if the value
        for an array or tensor does not have the shape of one sample.
    """
    if own is None:
        return {}
    require_mapping("own", own, _EXAMPLE)
    assert isinstance(own, Mapping)
    checked: dict[str, dict[str, dict[str, Any]]] = {}
    for name, by_modality in own.items():
        stand_in = checked_stand_in("own", name)
        if stand_in in BASELINES:
            raise BadInputError(f"own: {stand_in!r} is a stand-in that mbias makes itself; choose another name")
        require_mapping(f"own[{stand_in!r}]", by_modality, _EXAMPLE)
        if not by_modality or set(by_modality) - set(inputs.values):
            given = ", ".join(map(str, by_modality)) or "nothing"
            raise BadInputError(f"own[{stand_in!r}]: {given} given; name modalities, {', '.join(inputs.values)}")
        checked[stand_in] = {
            modality: _by_input(stand_in, modality, by_modality[modality], inputs.values[modality])
            for modality in inputs.values
            if modality in by_modality
        }
    return checked


def _by_input(stand_in: str, modality: str, value: Any, of_modality: Mapping[str, Any]) -> dict[str, Any]:
    """What replaces each input of a modality."""
    several = isinstance(value, Mapping)
    by_input = dict(value) if several else {next(iter(of_modality)): value}
    what = f"own[{stand_in!r}]"
    if set(by_input) != set(of_modality):
        names = ", ".join(of_modality)
        raise BadInputError(f"{what}: {modality!r} has the inputs {names}; give a value for each by its name")
    return {name: _fitting(f"{what}: {name!r}", value, of_modality[name]) for name, value in by_input.items()}


def _fitting(what: str, value: Any, values: Any) -> Any:
    """A value for one sample, as an array or tensor where the input is one; a function as it is."""
    if callable(value) or not (isinstance(values, np.ndarray) or is_tensor(values)):
        return value
    try:
        made = np.asarray(value, dtype=values.dtype) if isinstance(values, np.ndarray) else values.new_tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise BadInputError(f"{what}: {shown(value)} is not like one sample of the input ({error})") from None
    shape = tuple(values.shape[1:])
    if tuple(made.shape) not in ((), shape):
        raise BadInputError(f"{what}: has the shape {tuple(made.shape)}; one sample of the input has {shape}")
    return np.broadcast_to(made, shape) if isinstance(made, np.ndarray) else made.expand(shape)
