"""Arrays in a safetensors file: bytes out, all of them or one in, no pickle."""

from __future__ import annotations

import json
import math
import operator
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from mbias.errors import BadInputError
from mbias.files import write_bytes

_PREFIX = 8
"""Bytes before the header, which hold its length."""

_LARGEST_HEADER = 2**24
_TYPES = {"BOOL": "?", "U8": "u1", "I8": "i1", "F16": "<f2", "F32": "<f4", "F64": "<f8"} | {
    f"{kind.upper()}{8 * size}": f"<{kind}{size}" for kind in "ui" for size in (2, 4, 8)
}


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> bytes:
    """Write arrays whole or not at all; give the bytes written."""
    # Not safetensors' own save_file: it does not sync, and makes files that only their owner can read.
    content: bytes = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    write_bytes(path, content)
    return content


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a file.

    Raises
    ------
    BadInputError
        If the file is missing or cut short.
    """
    with _said_of(path), safe_open(path, framework="numpy") as file:
        return {name: file.get_tensor(name) for name in sorted(file.keys())}


def read_array(path: Path, name: str) -> np.ndarray:
    """One array of a file; nothing else of it is read.

    Not by safetensors, whose memory map makes the system read ahead: up to the whole file, for a hundredth of it.

    Raises
    ------
    BadInputError
        If the file is missing or cut short, or holds no array of that name.
    """
    with _said_of(path), path.open("rb", buffering=0) as file:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        size = os.fstat(file.fileno()).st_size
        start = _PREFIX + int.from_bytes(file.read(_PREFIX), "little")
        if not _PREFIX < start <= min(size, _LARGEST_HEADER):
            raise ValueError("no header")
        arrays = json.loads(file.read(start - _PREFIX))
        held = sorted(set(arrays) - {"__metadata__"})
        if name not in held:
            raise BadInputError(f"{path}: no array {name!r} in it; it holds {', '.join(held)}")
        if start + max(arrays[one]["data_offsets"][1] for one in held) != size:
            raise ValueError("arrays and file differ in size")
        dtype, shape, (begin, end) = (arrays[name][key] for key in ("dtype", "shape", "data_offsets"))
        number, kind = math.prod(map(operator.index, shape)), np.dtype(_TYPES[dtype])
        if begin < 0 or min(shape, default=0) < 0 or number * kind.itemsize != end - begin:
            raise ValueError(f"{name!r} is not of its shape")
        file.seek(start + begin)
        return np.fromfile(file, kind, number).reshape(shape)


@contextmanager
def _said_of(path: Path) -> Iterator[None]:
    """Whatever is wrong with a file, said in one line."""
    try:
        yield
    except FileNotFoundError:
        raise BadInputError(f"{path}: the file is missing; record the run again") from None
    except (SafetensorError, OSError, ArithmeticError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise BadInputError(f"{path}: cut short or damaged ({error}); record the run again") from None
    except RecursionError:
        raise BadInputError(f"{path}: damaged (its header is nested too deep); record the run again") from None
