"""Arrays from files of any common format, by name. Nothing in a file is executed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

from mbias.errors import BadInputError
from mbias.exchange.named_array import HINT, NamedArray
from mbias.exchange.sandbox import read_in_sandbox
from mbias.untrusted import read_npy, read_npz


def read_arrays(path: Path) -> dict[str, NamedArray]:
    """Read the arrays of a file (.npy, .npz, .safetensors, .pt, .pth, .nc) or a folder (.zarr).

    Parameters
    ----------
    path
        The file or folder. Its suffix selects the format.

    Returns
    -------
    dict of str to NamedArray
        The arrays by name. The array of an .npy file has the name of the file without its suffix.

    Raises
    ------
    BadInputError
        If the file is missing, has another format, is damaged or holds no array of numbers, or if reading it would
        execute code or exhaust the memory.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/attention.npz", wav=np.full((3, 2, 4), 0.5))
    ...     arrays = read_arrays(Path(folder, "attention.npz"))
    >>> arrays["wav"].values.shape
    (3, 2, 4)
    """
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise BadInputError(f"{path}: this format cannot be read; give one of {', '.join(READERS)}")
    if not path.exists():
        raise BadInputError(f"{path}: there is no such file")
    if suffix != ".zarr" and not path.is_file():
        raise BadInputError(f"{path}: not a regular file; {HINT}")
    arrays = READERS[suffix](path)
    if not arrays:
        raise BadInputError(f"{path}: the file holds no array of numbers; {HINT}")
    return arrays


def _npy(path: Path) -> dict[str, NamedArray]:
    return {path.stem: NamedArray(read_npy(path, HINT))}


def _npz(path: Path) -> dict[str, NamedArray]:
    # Text is read too: the archive may hold the names of categories or samples.
    arrays = read_npz(path, HINT, "fiubU")
    return {name: NamedArray(array) for name, array in arrays.items()}


def _safetensors(path: Path) -> dict[str, NamedArray]:
    from mbias.records import shards

    return {name: NamedArray(array) for name, array in shards.read_arrays(path).items()}


def _torch(path: Path) -> dict[str, NamedArray]:
    _require("torch", "PyTorch", "train", path)
    return read_in_sandbox("mbias.exchange.readers.torch_file", path)


def _netcdf(path: Path) -> dict[str, NamedArray]:
    _require("h5py", "h5py", "import", path)
    return read_in_sandbox("mbias.exchange.readers.netcdf_file", path)


def _zarr(path: Path) -> dict[str, NamedArray]:
    _require("zarr", "zarr", "import", path)
    return read_in_sandbox("mbias.exchange.readers.zarr_folder", path)


def _require(module: str, display_name: str, extra: str, path: Path) -> None:
    if importlib.util.find_spec(module) is None:
        raise BadInputError(
            f"{path}: reading it needs {display_name}, which is not installed: pip install 'mbias[{extra}]'"
        )


READERS: dict[str, Callable[[Path], dict[str, NamedArray]]] = {
    ".npz": _npz,
    ".npy": _npy,
    ".safetensors": _safetensors,
    ".pt": _torch,
    ".pth": _torch,
    ".nc": _netcdf,
    ".zarr": _zarr,
}
"""The reader of each format, by file suffix."""
