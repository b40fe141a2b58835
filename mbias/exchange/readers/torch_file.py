"""Tensors of PyTorch files, read with ``weights_only=True``. It runs in the sandbox (`mbias.exchange.sandbox`)."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from mbias.errors import BadInputError
from mbias.exchange.named_array import HINT, NamedArray
from mbias.untrusted import check_stored


def read(path: Path) -> dict[str, NamedArray]:
    """Read the tensors of a file that holds one tensor or a dictionary of tensors.

    Parameters
    ----------
    path
        A file that ``torch.save`` wrote.

    Returns
    -------
    dict of str to NamedArray
        The tensors by name. Other values of the dictionary are ignored.

    Raises
    ------
    BadInputError
        If the file holds code, is damaged, or declares more data than it holds.
    """
    import torch

    check_stored(path, HINT)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    # torch.load raises the errors of its parts: zip, pickle, runtime, Unicode and attribute errors among them.
    except Exception as error:
        # PyTorch's own message about a pickle ends with the advice to execute it.
        refused = isinstance(error, pickle.UnpicklingError)
        reason = "it holds other objects, which are not read" if refused else _line(error)
        raise BadInputError(f"{path}: not a file that holds only tensors ({reason}); {HINT}") from None
    tensors = content if isinstance(content, dict) else {path.stem: content}
    size = path.stat().st_size
    return {
        str(name): NamedArray(_numbers(path, str(name), value, size))
        for name, value in tensors.items()
        if isinstance(value, torch.Tensor)
    }


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _numbers(path: Path, name: str, tensor: Any, size: int) -> Any:
    import torch

    plain = type(tensor) in (torch.Tensor, torch.nn.Parameter) and tensor.layout == torch.strided
    if not plain or tensor.device.type != "cpu" or tensor.is_quantized or tensor.is_complex():
        raise BadInputError(f"{path}: {name!r} is not a plain tensor of numbers; {HINT}")
    # With strides of zero, a single number can be declared as terabytes.
    if tensor.numel() * tensor.element_size() > size:
        raise BadInputError(f"{path}: {name!r} has shape {tuple(tensor.shape)}, more than the file holds; {HINT}")
    tensor = tensor.detach()
    return (tensor.float() if tensor.dtype.is_floating_point else tensor).numpy()
