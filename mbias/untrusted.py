"""Files from anyone: no object is unpickled, and no more memory is taken than the file accounts for."""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from mbias.errors import BadInputError

NUMBERS = "fiub"
"""Kinds of NumPy types that are numbers: float, signed, unsigned, boolean."""

UNPACKED_FREELY = 2**26
"""Bytes that any compressed file may unpack to."""

LARGEST_RATIO = 100
"""How many times its own size a compressed file may unpack to beyond that. Measured attention compresses by 1.2."""


def read_npy(path: Path, hint: str, kinds: str = NUMBERS) -> np.ndarray:
    """The array of a .npy file, memory-mapped and read-only.

    Parameters
    ----------
    hint
        What to do where it is not readable, for the error.
    kinds
        The kinds of NumPy types that it may have.

    Raises
    ------
    BadInputError
        If the file is missing, holds objects or another kind, or less than its header promises.
    """
    try:
        if path.exists() and not path.is_file():
            raise BadInputError(f"{path}: no regular file; {hint}")
        with path.open("rb") as file:
            shape, fortran, dtype = _header(file)
            start, size = file.tell(), path.stat().st_size
    except FileNotFoundError:
        raise BadInputError(f"{path}: there is no such file; {hint}") from None
    except _UNREADABLE as error:
        raise BadInputError(f"{path}: cut short or no .npy array ({_line(error)}); {hint}") from None
    fault = _fault(shape, dtype, kinds, size - start, exact=False)
    if fault:
        raise BadInputError(f"{path}: {fault}; {hint}")
    if 0 in shape:
        return np.empty(shape, dtype)
    return np.memmap(path, dtype, "r", start, shape, "F" if fortran else "C")


def read_npz(path: Path, hint: str, kinds: str = NUMBERS) -> dict[str, np.ndarray]:
    """The arrays of a .npz file, by name.

    Raises
    ------
    BadInputError
        As `read_npy` does, of any of its arrays, or if it unpacks to far more than it weighs.
    """
    try:
        if path.exists() and not path.is_file():
            raise BadInputError(f"{path}: no regular file; {hint}")
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
            check_unpacked(path, sum(member.file_size for member in members), path.stat().st_size)
            return {member.filename[:-4]: _member(path, archive, member, kinds, hint) for member in members}
    except FileNotFoundError:
        raise BadInputError(f"{path}: there is no such file; {hint}") from None
    except (*_UNREADABLE, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise BadInputError(f"{path}: no readable .npz archive ({_line(error)}); {hint}") from None


def check_unpacked(path: Path, unpacked: int, packed: int) -> None:
    """Raise where a compressed file of ``packed`` bytes holds so many more that it is made to fill the memory."""
    if unpacked > max(UNPACKED_FREELY, LARGEST_RATIO * packed):
        raise BadInputError(
            f"{path}: {packed:,} bytes that unpack to {unpacked:,}, more than {LARGEST_RATIO} times as many; "
            "save the arrays uncompressed"
        )


def check_stored(path: Path, hint: str) -> None:
    """Raise where a file of PyTorch's is a compressed archive: PyTorch does not compress, and unpacks at once.

    Raises
    ------
    BadInputError
        If it is one, or a damaged one.
    """
    try:
        if not zipfile.is_zipfile(path):
            return
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except (*_UNREADABLE, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise BadInputError(f"{path}: a damaged file ({_line(error)}); {hint}") from None
    if unpacked > path.stat().st_size:
        raise BadInputError(f"{path}: a compressed archive, which PyTorch does not write; {hint}")


def _member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, kinds: str, hint: str) -> np.ndarray:
    with archive.open(member) as file:
        shape, fortran, dtype = _header(file)
        fault = _fault(shape, dtype, kinds, member.file_size - file.tell(), exact=True)
        if fault:
            raise BadInputError(f"{path}: array {member.filename[:-4]!r}: {fault}; {hint}")
        content = file.read()
    array = np.frombuffer(content, dtype, math.prod(shape)) if math.prod(shape) else np.empty(0, dtype)
    return array.reshape(shape, order="F" if fortran else "C")


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = npy.read_magic(file)
    if version == (1, 0):
        return npy.read_array_header_1_0(file)
    if version == (2, 0):
        return npy.read_array_header_2_0(file)
    raise ValueError(f"version {version[0]}.{version[1]} of the format")


def _fault(shape: tuple[int, ...], dtype: np.dtype, kinds: str, held: int, exact: bool) -> str | None:
    if dtype.kind not in kinds or not dtype.itemsize:
        what = "Python objects, which are not read" if dtype.hasobject else f"{dtype}, no numbers"
        return f"it holds {what}"
    promised = math.prod(shape) * dtype.itemsize
    if any(size < 0 or size >= 2**62 for size in shape) or len(shape) > 32:
        return f"its header gives the shape {shape}"
    if promised > held or (exact and promised != held):
        return f"it is cut short or damaged: its header promises {promised:,} bytes, it holds {held:,}"
    return None


_UNREADABLE = (ValueError, TypeError, KeyError, OSError, EOFError, SyntaxError, tokenize.TokenError, OverflowError,
               RecursionError, MemoryError)  # fmt: skip


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
