"""Read a file in a separate process, so that a hostile file cannot harm the calling process.

The memory of the separate process is limited. If a file crashes the library that reads it, only that process ends.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from mbias.errors import BadInputError
from mbias.exchange.named_array import NamedArray
from mbias.untrusted import LARGEST_RATIO, NUMBERS, UNPACKED_FREELY, read_npy

TIME_LIMIT = 600
"""Seconds after which reading is abandoned."""

_ERROR = "error.txt"
_INDEX = "arrays.json"


def read_in_sandbox(reader: str, path: Path) -> dict[str, NamedArray]:
    """Call the function ``read`` of a module in a separate process.

    Parameters
    ----------
    reader
        Dotted name of the module, whose ``read`` takes a path and returns `NamedArray` objects by name.
    path
        The file or folder to read.

    Returns
    -------
    dict of str to NamedArray
        What ``read`` returned.

    Raises
    ------
    BadInputError
        If ``read`` raises it, crashes, or exceeds the limit of memory or time.
    """
    with tempfile.TemporaryDirectory(prefix="mbias-") as name:
        folder = Path(name)
        command = [sys.executable, "-m", "mbias.exchange.sandbox", reader, str(path), str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=TIME_LIMIT, check=False)
        except subprocess.TimeoutExpired:
            raise BadInputError(f"{path}: not read within {TIME_LIMIT} s; save it in another format") from None
        if (folder / _ERROR).exists():
            raise BadInputError((folder / _ERROR).read_text(encoding="utf-8"))
        if done.returncode or not (folder / _INDEX).exists():
            raise BadInputError(
                f"{path}: reading it failed (exit code {done.returncode}), so it is damaged; save it again"
            )
        arrays = {}
        for entry in json.loads((folder / _INDEX).read_text(encoding="utf-8")):
            # The memory map keeps the content after the temporary file is deleted.
            values = read_npy(folder / entry["file"], "read it again", NUMBERS + "U")
            coordinates = {axis: tuple(names) for axis, names in entry["coordinates"].items()}
            arrays[entry["name"]] = NamedArray(values, tuple(entry["axes"]) if entry["axes"] else None, coordinates)
        return arrays


def _read(reader: str, path: Path, folder: Path) -> None:
    """Read in this process, and write the arrays or the error to ``folder``."""
    module = importlib.import_module(reader)
    _limit_memory(UNPACKED_FREELY + LARGEST_RATIO * _size(path))
    try:
        index = []
        for number, (name, array) in enumerate(module.read(path).items()):
            np.save(folder / f"{number}.npy", np.asarray(array.values, order="C"), allow_pickle=False)
            entry = {"file": f"{number}.npy", "name": name, "axes": array.axes, "coordinates": array.coordinates or {}}
            index.append(entry)
        (folder / _INDEX).write_text(json.dumps(index), encoding="utf-8")
    except BadInputError as error:
        (folder / _ERROR).write_text(str(error), encoding="utf-8")
    except MemoryError:
        (folder / _ERROR).write_text(f"{path}: reading it takes far more memory than its size; save it again", "utf-8")


def _size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _limit_memory(additional: int) -> None:
    """Limit this process to ``additional`` bytes more than it uses now (on Linux only)."""
    if sys.platform != "linux":
        return
    import resource

    status = Path("/proc/self/status").read_text(encoding="ascii")
    used = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmData:"))
    # Twice, because an array exists once as it is read and once as it is converted.
    limit = used + 2 * additional + 2**28
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


if __name__ == "__main__":
    _read(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
