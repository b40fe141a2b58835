"""Time and memory of a whole Python process."""

from __future__ import annotations

import os
import subprocess
import sys
import time


def whole_process(arguments: list[str]) -> tuple[float, float]:
    """Seconds and peak MiB of a Python process.

    The peak is at least the memory that this process used when it started the other one.

    Raises
    ------
    RuntimeError
        If the process fails.
    """
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{' '.join(arguments)}: status {status}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024
