"""Arrays in a safetensors file: bytes out, a memory map in, no pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from mbias.errors import BadInputError
from mbias.files import write_bytes


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> bytes:
    """Write arrays whole or not at all; give the bytes written."""
    # Not safetensors' own save_file: it does not sync, and makes files that only their owner can read.
    content: bytes = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    write_bytes(path, content)
    return content


def read_arrays(path: Path, names: tuple[str, ...] | None = None) -> dict[str, np.ndarray]:
    """Arrays from a file, all or those named; only what is asked for is read.

    Raises
    ------
    BadInputError
        If the file is missing or cut short, or holds no array of a name.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            held = set(file.keys())
            for name in names or ():
                if name not in held:
                    raise BadInputError(f"{path}: no array {name!r} in it; it holds {', '.join(sorted(held))}")
            return {name: file.get_tensor(name) for name in names or sorted(held)}
    except FileNotFoundError:
        raise BadInputError(f"{path}: the file is missing; record the run again") from None
    except (SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        raise BadInputError(f"{path}: cut short or damaged ({error}); record the run again") from None
