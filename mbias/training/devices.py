"""The device a run is trained on, and the precision it is computed in."""

from __future__ import annotations

import os

import torch

from mbias.errors import BadInputError


def cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def choose_device(name: str) -> torch.device:
    """Return the device of a name.

    Parameters
    ----------
    name
        ``auto`` (the first GPU if there is one, otherwise the CPU), or a name that PyTorch knows, such as ``cpu`` or
        ``cuda:1``.

    Returns
    -------
    torch.device
        The device.

    Raises
    ------
    BadInputError
        If the device is not available.

    Examples
    --------
    >>> choose_device("cpu")
    device(type='cpu')
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise BadInputError(f"device {name!r} is not available ({reason}); choose 'cpu' or 'auto'") from None
    return device


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """Return the type in which a device computes.

    Parameters
    ----------
    name
        ``float32``, ``bfloat16``, or ``auto``: bfloat16 if the device multiplies it natively, otherwise float32.
    device
        The device.

    Returns
    -------
    torch.dtype
        The type.

    Examples
    --------
    >>> choose_precision("bfloat16", torch.device("cpu"))
    torch.bfloat16
    """
    if name == "auto":
        name = "bfloat16" if multiplies_bfloat16(device) else "float32"
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[name]


def name_of(precision: torch.dtype) -> str:
    """Return the name of a type as configurations and records have it.

    Examples
    --------
    >>> name_of(torch.float32)
    'float32'
    """
    return str(precision).removeprefix("torch.")


def multiplies_bfloat16(device: torch.device) -> bool:
    """Return whether the device has instructions for products in bfloat16."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return False
