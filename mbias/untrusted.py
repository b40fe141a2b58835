"""Reading array files from untrusted sources: without unpickling objects, and in bounded memory."""

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
"""NumPy dtype kinds that are numbers: float, signed integer, unsigned integer, boolean."""

UNPACKED_FREELY = 2**26
"""Number of bytes to which every compressed file may unpack, whatever its own size."""

LARGEST_RATIO = 100
"""Largest ratio of unpacked to packed size above that limit. Measured attention weights compress by a factor of 1.2."""


def read_npy(path: Path, hint: str, kinds: str = NUMBERS) -> np.ndarray:
    """Open the array of a .npy file as a read-only memory map.

    Parameters
    ----------
    path
        The file to read.
    hint
        What to do if the file is not readable. It is part of the error message.
    kinds
        The NumPy dtype kinds that are accepted.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    BadInputError
        If the file is missing, contains Python objects or a dtype kind that is not accepted, or is shorter than its
        header states.
    """
    try:
        if path.exists() and not path.is_file():
            raise BadInputError(f"{path}: not a regular file; {hint}")
        with path.open("rb") as file:
            shape, fortran, dtype = _header(file)
            start, size = file.tell(), path.stat().st_size
    except FileNotFoundError:
        raise BadInputError(f"{path}: there is no such file; {hint}") from None
    except _UNREADABLE as error:
        raise BadInputError(f"{path}: cut short or not a .npy array ({_line(error)}); {hint}") from None
    fault = _fault(shape, dtype, kinds, size - start, exact=False)
    if fault:
        raise BadInputError(f"{path}: {fault}; {hint}")
    if 0 in shape:
        return np.empty(shape, dtype)
    return np.memmap(path, dtype, "r", start, shape, "F" if fortran else "C")


def read_npz(path: Path, hint: str, kinds: str = NUMBERS) -> dict[str, np.ndarray]:
    """Read the arrays of a .npz file.

    Parameters
    ----------
    path, hint, kinds
        As for `read_npy`.

    Returns
    -------
    dict of str to numpy.ndarray
        The arrays by name.

    Raises
    ------
    BadInputError
        If `read_npy` would refuse one of the arrays, or if the file unpacks to far more than its own size.
    """
    try:
        if path.exists() and not path.is_file():
            raise BadInputError(f"{path}: not a regular file; {hint}")
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
            check_unpacked(path, sum(member.file_size for member in members), path.stat().st_size)
            return {member.filename[:-4]: _member(path, archive, member, kinds, hint) for member in members}
    except FileNotFoundError:
        raise BadInputError(f"{path}: there is no such file; {hint}") from None
    except (*_UNREADABLE, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        raise BadInputError(f"{path}: not a readable .npz archive ({_line(error)}); {hint}") from None


def check_unpacked(path: Path, unpacked: int, packed: int) -> None:
    """Refuse a compressed file that would fill the memory.

    Parameters
    ----------
    path
        The file, for the error message.
    unpacked, packed
        The size of its content and its own size, in bytes.

    Raises
    ------
    BadInputError
        If ``unpacked`` exceeds both `UNPACKED_FREELY` and `LARGEST_RATIO` times ``packed``.
    """
    if unpacked > max(UNPACKED_FREELY, LARGEST_RATIO * packed):
        raise BadInputError(
            f"{path}: {packed:,} bytes that unpack to {unpacked:,}, more than {LARGEST_RATIO} times as many; "
            "save the arrays uncompressed"
        )


def check_stored(path: Path, hint: str) -> None:
    """Refuse a PyTorch file that is a compressed archive.

    PyTorch never compresses its files, but it unpacks such an archive completely into memory.

    Parameters
    ----------
    path
        The file to check. A file that is not an archive is accepted.
    hint
        What to do if the file is refused. It is part of the error message.

    Raises
    ------
    BadInputError
        If the archive is compressed or damaged.
    """
    try:
        if not zipfile.is_zipfile(path):
            return
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except (*_UNREADABLE, zipfile.BadZipFile, RuntimeError) as error:
        raise BadInputError(f"{path}: the file is damaged ({_line(error)}); {hint}") from None
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
    raise ValueError(f"unknown format version {version[0]}.{version[1]}")


def _fault(shape: tuple[int, ...], dtype: np.dtype, kinds: str, held: int, exact: bool) -> str | None:
    if dtype.kind not in kinds or not dtype.itemsize:
        what = "Python objects, which are not read" if dtype.hasobject else f"{dtype}, which is not a number"
        return f"it holds {what}"
    promised = math.prod(shape) * dtype.itemsize
    if any(size < 0 or size >= 2**62 for size in shape) or len(shape) > 32:
        return f"its header states the impossible shape {shape}"
    if promised > held or (exact and promised != held):
        return f"it is cut short or damaged: its header states {promised:,} bytes, it holds {held:,}"
    return None


_UNREADABLE = (ValueError, TypeError, KeyError, OSError, EOFError, SyntaxError, tokenize.TokenError, OverflowError,
               RecursionError, MemoryError)  # fmt: skip


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
