"""Watched modules: their output, taken by forward hooks while a batch is open."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mbias.errors import BadInputError

Output = Callable[[Any], Tensor]

_WRAPPERS = {"module", "_orig_mod"}
"""The names under which DataParallel and torch.compile keep the model they wrap."""


class _Tap:
    """What one module gives while it is open."""

    def __init__(self, module: nn.Module, output: Output | None) -> None:
        self.open = False
        self.calls: list[Tensor | type] = []
        self._output = output
        self.hook = module.register_forward_hook(self._take)

    def _take(self, module: nn.Module, arguments: Any, output: Any) -> None:
        # No more than a copy and an append: torch.compile traces this into its graph, without a break.
        if self.open:
            tensor = output.detach().float() if isinstance(output, Tensor) else output
            taken = tensor if self._output is None else self._output(tensor)
            # A copy: what follows may work in place, and a CUDA graph will.
            copy = taken.detach().to(torch.float32, copy=True) if isinstance(taken, Tensor) else type(taken)
            self.calls.append(copy)


class Watch:
    """The output of one module, or of one a modality, as an array of the record.

    Parameters
    ----------
    model, names
        The modules are ``names`` within ``model``, as `find_module` finds them.
    array
        Name of the array.
    axes
        What each dimension of the output is, ``sample`` among them.
    softmax
        The axis over which a softmax is taken, or None.
    stack
        The axis along which the outputs of successive calls, or of several modules, lie; None for one call of one.
    output
        Makes a tensor of what the module gives, where that is none, or not the one to record.
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
        # What was compiled before would run on without the hook.
        if "torch._dynamo" in sys.modules:
            torch.compiler.reset()
        self._taps = [_Tap(module, output) for module in modules]

    @property
    def name(self) -> str:
        """The names on screen."""
        return ", ".join(self.names)

    def _check(self) -> None:
        where = f"watch({self.name!r})"
        if len(self.names) != 1 and self._stack is None:
            raise BadInputError(f"{where}: {len(self.names)} modules; name the axis along which they lie by stack")
        if "sample" not in self.axes or len(set(self.axes)) < len(self.axes):
            raise BadInputError(f"{where}: axes are {', '.join(self.axes)}; name each once, 'sample' among them")
        for what, axis in (("softmax", self._softmax), ("stack", self._stack)):
            if axis is not None and axis not in self.axes:
                raise BadInputError(f"{where}: {what} is over {axis!r}, none of the axes {', '.join(self.axes)}")

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The axes in the order of the record: sample, others, modality, category."""
        last = ("modality", "category")
        others = [axis for axis in self.axes if axis not in ("sample", *last)]
        return ("sample", *others, *(axis for axis in last if axis in self.axes))

    def remove(self) -> None:
        """Take the hooks off the modules."""
        self.forget()
        for tap in self._taps:
            tap.hook.remove()

    def listen(self) -> None:
        """Take what the modules give, until `forget`."""
        for tap in self._taps:
            tap.open = True

    def forget(self) -> None:
        """Drop what was taken of a batch."""
        for tap in self._taps:
            tap.open = False
            tap.calls.clear()

    def collect(self, samples: int, sizes: Mapping[str, int]) -> Tensor:
        """What was taken of a batch of so many samples, float32 with the axes `dimensions`.

        Parameters
        ----------
        sizes
            Sizes of the axes that are known, by name.

        Raises
        ------
        BadInputError
            If the module was not called as declared, or gave other sizes.
        """
        value = self._joined(sizes)
        found = dict(zip(self.axes, value.shape, strict=False))
        for axis, size in {**sizes, "sample": samples}.items():
            if value.ndim != len(self.axes) or found.get(axis, size) != size:
                raise BadInputError(
                    f"module {self.name!r} gave {tuple(value.shape)} for {self.array!r}, which does not fit the axes "
                    f"{', '.join(self.axes)}: {axis} must be {size}; {self._hint()}"
                )
        if self._softmax is not None:
            value = torch.softmax(value, dim=self.axes.index(self._softmax))
        return value.permute([self.axes.index(axis) for axis in self.dimensions])

    def _hint(self) -> str:
        times = len(self._taps[0].calls)
        if self._stack is None and times > 1:
            return f"it was called {times} times: if each is of a modality, give stack='modality'"
        return "declare its axes as they are"

    def _joined(self, sizes: Mapping[str, int]) -> Tensor:
        """The outputs of all calls as one tensor, with the axes as declared."""
        taken = [self._taken(name, tap) for name, tap in zip(self.names, self._taps, strict=True)]
        if self._stack is None:
            return _together(taken[0], self.axes.index("sample"))
        if len(taken) == 1:
            (calls,) = taken
            number = sizes.get(self._stack, len(calls))
            if len(calls) % number:
                raise BadInputError(
                    f"module {self.name!r} was called {len(calls)} times, where {self._stack} is {number}: each call "
                    "must be of one, in their order"
                )
            taken = [calls[place::number] for place in range(number)]
        sample = [axis for axis in self.axes if axis != self._stack].index("sample")
        whole = [_together(calls, sample) for calls in taken]
        if len({tensor.shape for tensor in whole}) > 1:
            found = " and ".join(str(tuple(tensor.shape)) for tensor in whole)
            raise BadInputError(f"module {self.name!r} gave {found}, which cannot lie side by side along {self._stack}")
        return torch.stack([tensor.to(whole[0].device) for tensor in whole], dim=self.axes.index(self._stack))

    def _taken(self, name: str, tap: _Tap) -> list[Tensor]:
        if not tap.calls:
            raise BadInputError(
                f"module {name!r} was not called while the batch was open; run the model in it, and watch a "
                "module its forward calls (an exported or scripted model calls none)"
            )
        tensors = [call for call in tap.calls if isinstance(call, Tensor)]
        if len(tensors) < len(tap.calls):
            other = next(call for call in tap.calls if not isinstance(call, Tensor))
            raise BadInputError(
                f"module {name!r} gave a {other.__name__} for {self.array!r}; make a tensor of it by output="
            )
        # DataParallel calls it once a device, with parts of the batch, in the order of the devices.
        return sorted(tensors, key=lambda part: part.device.index or 0)


def _together(parts: Sequence[Tensor], axis: int) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat([part.to(parts[0].device) for part in parts], dim=axis)


def find_module(model: nn.Module, name: str) -> nn.Module:
    """The module ``name`` of ``model``; the model itself where the name is empty.

    Wrapping (DataParallel's ``module.``, torch.compile's ``_orig_mod.``) may be named or left out; below another
    wrapper a name is found where only one module's ends in it.

    Raises
    ------
    BadInputError
        If there is none of that name, or several.
    """
    modules = dict(model.named_modules(remove_duplicate=False))
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
        f"the model has {'several modules' if ending else 'no module'} {name!r}; take one of {', '.join(near)}"
    )


def _bare(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)
