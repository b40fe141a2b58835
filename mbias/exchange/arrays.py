"""Arrays in files of any common format, by name; nothing in a file is executed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

from mbias.errors import BadInputError
from mbias.exchange.named import HINT, Named
from mbias.exchange.sandbox import read_in_sandbox
from mbias.untrusted import read_npy, read_npz


def read_arrays(path: Path) -> dict[str, Named]:
    """The arrays of a file (.npy, .npz, .safetensors, .pt, .pth, .nc) or a folder (.zarr), by name.

    Raises
    ------
    BadInputError
        If it is missing, of another format, damaged, or holds what would be executed or fill the memory.
    """
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise BadInputError(f"{path}: no format that is read; take {', '.join(READERS)}")
    if not path.exists():
        raise BadInputError(f"{path}: there is no such file")
    if suffix != ".zarr" and not path.is_file():
        raise BadInputError(f"{path}: no regular file; {HINT}")
    arrays = READERS[suffix](path)
    if not arrays:
        raise BadInputError(f"{path}: no array of numbers in it; {HINT}")
    return arrays


def _npy(path: Path) -> dict[str, Named]:
    return {path.stem: Named(read_npy(path, HINT))}


def _npz(path: Path) -> dict[str, Named]:
    # Texts too: names of categories or samples may lie beside the arrays.
    arrays = read_npz(path, HINT, "fiubU")
    return {name: Named(array) for name, array in arrays.items()}


def _safetensors(path: Path) -> dict[str, Named]:
    from mbias.records import shards

    return {name: Named(array) for name, array in shards.read_arrays(path).items()}


def _torch(path: Path) -> dict[str, Named]:
    if importlib.util.find_spec("torch") is None:
        raise BadInputError(f"{path}: reading it needs PyTorch, which is not installed: pip install 'mbias[train]'")
    return read_in_sandbox("mbias.exchange.torch_file", path)


def _netcdf(path: Path) -> dict[str, Named]:
    _need("h5py", path)
    return read_in_sandbox("mbias.exchange.netcdf_file", path)


def _zarr(path: Path) -> dict[str, Named]:
    _need("zarr", path)
    return read_in_sandbox("mbias.exchange.zarr_folder", path)


def _need(module: str, path: Path) -> None:
    if importlib.util.find_spec(module) is None:
        raise BadInputError(f"{path}: reading it needs {module}, which is not installed: pip install 'mbias[import]'")


READERS: dict[str, Callable[[Path], dict[str, Named]]] = {
    ".npz": _npz,
    ".npy": _npy,
    ".safetensors": _safetensors,
    ".pt": _torch,
    ".pth": _torch,
    ".nc": _netcdf,
    ".zarr": _zarr,
}
"""By the end of the file's name."""
