"""Calling a model of any kind: a function on arrays, or a PyTorch module. PyTorch is not imported here."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from mbias.arguments import shown
from mbias.errors import BadInputError
from mbias.probing.inputs import is_tensor

Call = Callable[[Mapping[str, Any]], np.ndarray]
"""Takes a batch of inputs by name and returns the output as an array."""


def require_callable(predict: object, names: list[str]) -> None:
    """Check that a model can be called with inputs by name.

    Parameters
    ----------
    predict
        The model.
    names
        The names of its inputs.

    Raises
    ------
    BadInputError
        If it is not callable, or its parameters do not have these names.
    """
    if not callable(predict):
        raise BadInputError(
            f"predict: {shown(predict)} cannot be called; give a function or a module, "
            f"such as lambda **inputs: model.predict_proba(...)"
        )
    called = predict.forward if predict is _module(predict) else predict
    try:
        signature = inspect.signature(called)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(**dict.fromkeys(names))
    except TypeError as error:
        arguments = ", ".join(f"{name}=..." for name in names)
        raise BadInputError(
            f"predict: it is called as predict({arguments}), which fails ({error}); rename the inputs, or give a "
            f"function of these inputs that calls the model"
        ) from None


@contextmanager
def inference(
    predict: Callable[..., Any], autocast: bool = False, output: Callable[[Any], Any] | None = None
) -> Iterator[Call]:
    """Prepare a model for inference, and restore it afterwards.

    A PyTorch module, or a method of one, is called in evaluation mode and without gradients. A module gets tensors on
    its own device, and numbers with a fraction in its own type, whether its inputs are arrays or tensors.

    Parameters
    ----------
    predict
        The model.
    autocast
        Whether PyTorch computes in mixed precision where it is safe.
    output
        Turns what the model returns into its output; by default, it is its output.

    Yields
    ------
    callable
        It takes a batch of inputs by name, and returns the output as an array.
    """
    torch = sys.modules.get("torch")
    module = _module(predict)
    if output is not None and not callable(output):
        raise BadInputError(f"output: {shown(output)} cannot be called; give a function of what predict returns")
    if torch is None and autocast:
        raise BadInputError("autocast: the model does not use PyTorch; leave it out")

    def called(batch: Mapping[str, Any]) -> np.ndarray:
        returned = predict(**batch)
        return _array(returned if output is None else output(returned))

    if torch is None:
        yield called
        return
    weights = None if module is None else next(module.parameters(), None)
    device = torch.get_default_device().type if weights is None else weights.device.type
    mixed = torch.autocast(device, enabled=autocast)
    if module is None:
        with torch.no_grad(), mixed:
            yield called
        return
    # Parts of a model may be in evaluation mode while the rest is trained.
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        with torch.inference_mode(), mixed:
            yield lambda batch: called({name: _for_module(module, v) for name, v in batch.items()})
    finally:
        for part, mode in modes.items():
            part.training = mode


def _module(predict: object) -> Any:
    """The PyTorch module that is called, directly or by one of its methods; None otherwise."""
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    candidates = (predict, getattr(predict, "__self__", None))
    return next((value for value in candidates if isinstance(value, torch.nn.Module)), None)


def _for_module(module: Any, values: Any) -> Any:
    """Numbers as a tensor on the device of a module; anything else as it is."""
    torch = sys.modules["torch"]
    numbers = isinstance(values, np.ndarray) and values.dtype.kind in "fiub"
    if not numbers and not is_tensor(values):
        return values
    tensor = torch.as_tensor(values)
    weights = next((w for w in module.parameters() if w.is_floating_point()), None)
    if weights is None:
        return tensor
    return tensor.to(weights.device, weights.dtype if tensor.is_floating_point() else tensor.dtype)


def _array(returned: Any) -> np.ndarray:
    """What a model returned, as an array of numbers."""
    if is_tensor(returned):
        returned = returned.detach().cpu()
        # NumPy does not have bfloat16.
        return np.asarray(returned.float().numpy() if returned.is_floating_point() else returned.numpy())
    hint = "return one array of probabilities (sample, category), or make one of it by output="
    if returned is None or isinstance(returned, tuple | str | Mapping):
        raise BadInputError(f"predict returned {shown(returned)}; {hint}")
    try:
        values = np.asarray(returned)
    except (TypeError, ValueError, RuntimeError) as error:
        raise BadInputError(f"predict returned a value that is not an array ({error}); {hint}") from None
    if values.dtype.kind not in "fiub":
        raise BadInputError(f"predict returned {shown(returned)}, which does not hold numbers; {hint}")
    return values
