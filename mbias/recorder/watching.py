"""Watched modules: forward hooks keep their outputs while a batch is open."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mbias.errors import BadInputError

Output = Callable[[Any], Tensor]
"""Extracts the tensor to record from a module's output."""

_WRAPPERS = {"module", "_orig_mod"}
"""Names under which DataParallel and torch.compile keep the model that they wrap."""


class _Tap:
    """The outputs of one module while it is open."""

    def __init__(self, module: nn.Module, output: Output | None) -> None:
        self.open = False
        self.calls: list[Tensor | type] = []
        self._output = output
        self.hook = module.register_forward_hook(self._take)

    def _take(self, module: nn.Module, arguments: Any, output: Any) -> None:
        # Only a copy and an append: torch.compile traces this into its graph without a break.
        if self.open:
            tensor = output.detach().float() if isinstance(output, Tensor) else output
            taken = tensor if self._output is None else self._output(tensor)
            # A copy, because later operations may work in place, and CUDA graphs reuse their memory.
            copy = taken.detach().to(torch.float32, copy=True) if isinstance(taken, Tensor) else type(taken)
            self.calls.append(copy)


class Watch:
    """The outputs of one module, or of one module per modality, as an array of the record.

    Parameters
    ----------
    model
        The model.
    names
        Names of the modules within ``model``, as `find_module` resolves them.
    array
        Name of the array.
    axes
        Names of the output's dimensions, which must include ``sample``.
    softmax
        Axis over which a softmax is taken, or None.
    stack
        Axis along which the outputs of successive calls, or of several modules, are stacked; None for a single call of
        a single module.
    output
        Function that extracts the tensor to record from the module's output; None if the output is that tensor.

    Raises
    ------
    BadInputError
        If the model has no such module, or the axes do not fit together.
    """

    def __init__(
        self,
        model: nn.Module,
        names: Sequence[str],
        array: str,
        axes: Sequence[str],
        softmax: str | None,
        stack: str | None,
        output: Output | None,
    ) -> None:
        self.names = tuple(names)
        self.array = array
        self.axes = tuple(axes)
        self._softmax = softmax
        self._stack = stack
        self._check()
        modules = [find_module(model, name) for name in self.names]
        # A model that was compiled before would ignore the new hook.
        if "torch._dynamo" in sys.modules:
            torch.compiler.reset()
        self._taps = [_Tap(module, output) for module in modules]

    @property
    def display_name(self) -> str:
        """Names of the modules on screen."""
        return ", ".join(self.names)

    def _check(self) -> None:
        prefix = f"watch({self.display_name!r})"
        if len(self.names) != 1 and self._stack is None:
            raise BadInputError(
                f"{prefix}: there are {len(self.names)} modules; name the axis to stack them along with stack="
            )
        if "sample" not in self.axes or len(set(self.axes)) < len(self.axes):
            raise BadInputError(
                f"{prefix}: the axes are {', '.join(self.axes)}; name each axis once, and include 'sample'"
            )
        for option, axis in (("softmax", self._softmax), ("stack", self._stack)):
            if axis is not None and axis not in self.axes:
                raise BadInputError(f"{prefix}: {option} names {axis!r}; choose one of the axes {', '.join(self.axes)}")

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The axes in the order of the record: sample, all others, modality, category."""
        last = ("modality", "category")
        others = [axis for axis in self.axes if axis not in ("sample", *last)]
        return ("sample", *others, *(axis for axis in last if axis in self.axes))

    def remove(self) -> None:
        """Remove the hooks from the modules."""
        self.forget()
        for tap in self._taps:
            tap.hook.remove()

    def listen(self) -> None:
        """Keep the outputs of the modules, until `forget`."""
        for tap in self._taps:
            tap.open = True

    def forget(self) -> None:
        """Drop the outputs of the batch, and keep no further ones."""
        for tap in self._taps:
            tap.open = False
            tap.calls.clear()

    def collect(self, samples: int, sizes: Mapping[str, int]) -> Tensor:
        """Collect the outputs of the modules for one batch.

        Parameters
        ----------
        samples
            Number of samples of the batch.
        sizes
            Known sizes of axes, by name.

        Returns
        -------
        torch.Tensor
            Values in float32, with the axes `dimensions`.

        Raises
        ------
        BadInputError
            If a module was not called as declared, or its output has other sizes.
        """
        value = self._joined(sizes)
        actual = dict(zip(self.axes, value.shape, strict=False))
        for axis, size in {**sizes, "sample": samples}.items():
            if value.ndim != len(self.axes) or actual.get(axis, size) != size:
                raise BadInputError(
                    f"module {self.display_name!r}: the output for {self.array!r} of shape {tuple(value.shape)} "
                    f"does not fit the axes {', '.join(self.axes)}: {axis} must be {size}; {self._hint()}"
                )
        if self._softmax is not None:
            value = torch.softmax(value, dim=self.axes.index(self._softmax))
        return value.permute([self.axes.index(axis) for axis in self.dimensions])

    def _hint(self) -> str:
        calls = len(self._taps[0].calls)
        if self._stack is None and calls > 1:
            return f"it was called {calls} times: if each call is for one modality, give stack='modality'"
        return "declare the axes of its output"

    def _joined(self, sizes: Mapping[str, int]) -> Tensor:
        """The outputs of all calls as one tensor, with the axes as declared."""
        outputs = [self._outputs(name, tap) for name, tap in zip(self.names, self._taps, strict=True)]
        if self._stack is None:
            return _concatenated(outputs[0], self.axes.index("sample"))
        if len(outputs) == 1:
            (calls,) = outputs
            size = sizes.get(self._stack, len(calls))
            if len(calls) % size:
                raise BadInputError(
                    f"module {self.display_name!r} was called {len(calls)} times, but {self._stack} has size {size}; "
                    f"call it once per {self._stack}, in order"
                )
            outputs = [calls[index::size] for index in range(size)]
        sample = [axis for axis in self.axes if axis != self._stack].index("sample")
        whole = [_concatenated(calls, sample) for calls in outputs]
        if len({tensor.shape for tensor in whole}) > 1:
            shapes = " and ".join(str(tuple(tensor.shape)) for tensor in whole)
            raise BadInputError(
                f"module {self.display_name!r}: outputs of shapes {shapes} cannot be stacked along {self._stack}; "
                "give them one shape with output="
            )
        return torch.stack([tensor.to(whole[0].device) for tensor in whole], dim=self.axes.index(self._stack))

    def _outputs(self, name: str, tap: _Tap) -> list[Tensor]:
        if not tap.calls:
            raise BadInputError(
                f"module {name!r} was not called while the batch was open; run the model inside batch(), and watch a "
                "module that its forward pass calls (an exported or scripted model calls none)"
            )
        tensors = [call for call in tap.calls if isinstance(call, Tensor)]
        if len(tensors) < len(tap.calls):
            kind = next(call for call in tap.calls if not isinstance(call, Tensor))
            raise BadInputError(
                f"module {name!r} returned a {kind.__name__} for {self.array!r}; extract a tensor with output="
            )
        # DataParallel calls the module once per device, with parts of the batch, in the order of the devices.
        return sorted(tensors, key=lambda part: part.device.index or 0)


def _concatenated(parts: Sequence[Tensor], axis: int) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat([part.to(parts[0].device) for part in parts], dim=axis)


def find_module(model: nn.Module, name: str) -> nn.Module:
    """Find a module of a model by its dotted name.

    The prefixes of wrappers (``module.`` of DataParallel, ``_orig_mod.`` of torch.compile) may be given or left out.
    Inside any other wrapper, the end of a name suffices if it is unique.

    Parameters
    ----------
    model
        The model.
    name
        Name as in ``model.named_modules()``; the empty name is the model itself.

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    BadInputError
        If no module, or more than one module, has this name.

    Examples
    --------
    >>> import torch
    >>> from mbias.recorder.watching import find_module
    >>> model = torch.nn.DataParallel(torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.Sigmoid()))
    >>> find_module(model, "1")
    Sigmoid()
    """
    modules: dict[str, nn.Module] = dict(model.named_modules(remove_duplicate=False))
    if name in modules:
        return modules[name]
    bare = {_bare(known): module for known, module in modules.items()}
    if _bare(name) in bare:
        return bare[_bare(name)]
    ending = {known: module for known, module in bare.items() if known.endswith(f".{_bare(name)}")}
    if len(ending) == 1:
        return next(iter(ending.values()))
    near = list(ending) or difflib.get_close_matches(name, bare, n=3) or sorted(bare)[1:6]
    raise BadInputError(
        f"the model has {'several modules' if ending else 'no module'} {name!r}; choose one of {', '.join(near)}"
    )


def _bare(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)
