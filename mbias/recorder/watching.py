"""A watched module: its output, taken by a forward hook while a batch is open."""

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


class Watch:
    """The output of one module, as an array of the record.

    Parameters
    ----------
    model, name
        The module is ``name`` within ``model``, as `find_module` finds it.
    array
        Name of the array.
    axes
        What each dimension of the output is, ``sample`` among them.
    softmax
        The axis over which a softmax is taken, or None.
    stack
        The axis along which the outputs of successive calls of the module lie, or None where it is called once.
    output
        Makes a tensor of what the module gives, where that is none, or not the one to record.
    """

    def __init__(
        self,
        model: nn.Module,
        name: str,
        array: str,
        axes: Sequence[str],
        softmax: str | None,
        stack: str | None,
        output: Output | None,
    ) -> None:
        self.name = name
        self.array = array
        self.axes = tuple(axes)
        self._softmax = softmax
        self._stack = stack
        self._output = output
        self._check()
        self._calls: list[Tensor] = []
        self.open = False
        module = find_module(model, name)
        # What was compiled before would run on without the hook.
        if "torch._dynamo" in sys.modules:
            torch.compiler.reset()
        self._hook = module.register_forward_hook(self._take)

    def _check(self) -> None:
        where = f"watch({self.name!r})"
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
        """Take the hook off the module."""
        self._hook.remove()
        self._calls.clear()

    def forget(self) -> None:
        """Drop what was taken of a batch."""
        self.open = False
        self._calls.clear()

    def _take(self, module: nn.Module, arguments: Any, output: Any) -> None:
        # No more than a copy and an append: torch.compile traces this into its graph, without a break.
        if self.open:
            tensor = output.detach().float() if isinstance(output, Tensor) else output
            taken = tensor if self._output is None else self._output(tensor)
            # A copy: what follows may work in place, and a CUDA graph will.
            self._calls.append(taken.detach().to(torch.float32, copy=True))

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
        value = self._joined()
        found = dict(zip(self.axes, value.shape, strict=False))
        for axis, size in {**sizes, "sample": samples}.items():
            if value.ndim != len(self.axes) or found.get(axis, size) != size:
                raise BadInputError(
                    f"module {self.name!r} gave {tuple(value.shape)} for {self.array!r}, which does not fit the axes "
                    f"{', '.join(self.axes)}: {axis} must be {size}; declare its axes as they are"
                )
        if self._softmax is not None:
            value = torch.softmax(value, dim=self.axes.index(self._softmax))
        return value.permute([self.axes.index(axis) for axis in self.dimensions])

    def _joined(self) -> Tensor:
        if not self._calls:
            raise BadInputError(
                f"module {self.name!r} was not called while the batch was open; run the model in it, and watch a "
                "module its forward calls (an exported or scripted model calls none)"
            )
        if self._stack is not None:
            return torch.stack(self._calls, dim=self.axes.index(self._stack))
        # DataParallel calls it once a device, with parts of the batch, in the order of the devices.
        parts = sorted(self._calls, key=lambda part: part.device.index or 0)
        if len(parts) == 1:
            return parts[0]
        return torch.cat([part.to(parts[0].device) for part in parts], dim=self.axes.index("sample"))


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
