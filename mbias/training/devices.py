"""Where a run is trained, and in which precision."""

from __future__ import annotations

import os

import torch

from mbias.errors import BadInputError


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def choose_device(name: str) -> torch.device:
    """The device of a name; ``auto`` is the first GPU where there is one, else the CPU.

    Raises
    ------
    BadInputError
        If there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise BadInputError(f"device {name!r} is not to be had here ({reason}); take 'cpu' or 'auto'") from None
    return device


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """The type of a precision; ``auto`` is bfloat16 where the device multiplies it natively."""
    if name == "auto":
        name = "bfloat16" if multiplies_bfloat16(device) else "float32"
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[name]


def name_of(precision: torch.dtype) -> str:
    """The name of a precision, as settings and records have it."""
    return str(precision).removeprefix("torch.")


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for products in bfloat16."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return False
