"""Tensors in PyTorch's files, read with ``weights_only=True``; run apart (`mbias.exchange.sandbox`)."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from mbias.errors import BadInputError
from mbias.exchange.named import HINT, Named
from mbias.untrusted import check_stored


def read(path: Path) -> dict[str, Named]:
    """The tensors of a file that holds one, or a dictionary of them, by name.

    Raises
    ------
    BadInputError
        If the file holds code, is damaged, or promises more than it weighs.
    """
    import torch

    check_stored(path, HINT)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    # torch.load raises what it meets: zip, pickle, runtime, unicode and attribute errors among them.
    except Exception as error:
        # What PyTorch says of a pickle ends in the advice to execute it.
        refused = isinstance(error, pickle.UnpicklingError)
        reason = "it holds other objects, which are not read" if refused else _line(error)
        raise BadInputError(f"{path}: not a file of tensors alone ({reason}); {HINT}") from None
    named = content if isinstance(content, dict) else {path.stem: content}
    size = path.stat().st_size
    return {
        str(name): Named(_numbers(path, str(name), value, size))
        for name, value in named.items()
        if isinstance(value, torch.Tensor)
    }


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _numbers(path: Path, name: str, tensor: Any, size: int) -> Any:
    import torch

    plain = type(tensor) in (torch.Tensor, torch.nn.Parameter) and tensor.layout == torch.strided
    if not plain or tensor.device.type != "cpu" or tensor.is_quantized or tensor.is_complex():
        raise BadInputError(f"{path}: {name!r} is no plain tensor of numbers; {HINT}")
    # Strides of zero make terabytes of one number.
    if tensor.numel() * tensor.element_size() > size:
        raise BadInputError(f"{path}: {name!r} is {tuple(tensor.shape)}, more than the file holds; {HINT}")
    tensor = tensor.detach()
    return (tensor.float() if tensor.dtype.is_floating_point else tensor).numpy()
