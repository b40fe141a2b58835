"""Reading a file in a process of its own: what a format's library does with a hostile one stays there.

The process has a bounded memory, and a file that makes the library crash ends the process and not the command.
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
from mbias.exchange.named import Named
from mbias.untrusted import LARGEST_RATIO, NUMBERS, UNPACKED_FREELY, read_npy

SECONDS = 600
_ERROR = "error.txt"
_INDEX = "arrays.json"


def read_in_sandbox(reader: str, path: Path) -> dict[str, Named]:
    """What the function ``read`` of the module ``reader`` gives for a path, read in a process of its own.

    Raises
    ------
    BadInputError
        If it raises one, crashes, or takes too much memory or time.
    """
    with tempfile.TemporaryDirectory(prefix="mbias-") as name:
        folder = Path(name)
        command = [sys.executable, "-m", "mbias.exchange.sandbox", reader, str(path), str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise BadInputError(f"{path}: not read within {SECONDS} s; save it in another format") from None
        if (folder / _ERROR).exists():
            raise BadInputError((folder / _ERROR).read_text(encoding="utf-8"))
        if done.returncode or not (folder / _INDEX).exists():
            raise BadInputError(f"{path}: reading it failed (exit {done.returncode}); it is damaged, save it again")
        arrays = {}
        for entry in json.loads((folder / _INDEX).read_text(encoding="utf-8")):
            # The map keeps the file's content when its name is gone.
            values = read_npy(folder / entry["file"], "read it again", NUMBERS + "U")
            labels = {axis: tuple(names) for axis, names in entry["labels"].items()}
            arrays[entry["name"]] = Named(values, tuple(entry["axes"]) if entry["axes"] else None, labels)
        return arrays


def _read(reader: str, path: Path, folder: Path) -> None:
    module = importlib.import_module(reader)
    _bound_memory(UNPACKED_FREELY + LARGEST_RATIO * _weight(path))
    try:
        index = []
        for number, (name, array) in enumerate(module.read(path).items()):
            np.save(folder / f"{number}.npy", np.ascontiguousarray(array.values), allow_pickle=False)
            index.append({"file": f"{number}.npy", "name": name, "axes": array.axes, "labels": array.labels or {}})
        (folder / _INDEX).write_text(json.dumps(index), encoding="utf-8")
    except BadInputError as error:
        (folder / _ERROR).write_text(str(error), encoding="utf-8")
    except MemoryError:
        (folder / _ERROR).write_text(f"{path}: it takes far more memory than it weighs; save it again", "utf-8")


def _weight(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _bound_memory(more: int) -> None:
    """Let this process take so many bytes more than it has, where the system can do that."""
    if sys.platform != "linux":
        return
    import resource

    status = Path("/proc/self/status").read_text(encoding="ascii")
    held = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmData:"))
    # Twice: an array is there once as it is read and once as it is converted.
    bound = held + 2 * more + 2**28
    resource.setrlimit(resource.RLIMIT_DATA, (bound, bound))


if __name__ == "__main__":
    _read(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
