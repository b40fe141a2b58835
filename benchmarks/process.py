"""Time and memory of a whole Python process, alone or with those that it starts."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path


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


def with_children(arguments: list[str]) -> tuple[float, float]:
    """Seconds and peak MiB of a Python process and the processes it starts: the largest sum, sampled every 0.1 s.

    Raises
    ------
    RuntimeError
        If the process fails.
    """
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, sum(map(_memory, _family(process.pid))))
        time.sleep(0.1)
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: status {process.returncode}")
    return time.perf_counter() - start, peak


def _family(pid: int) -> list[int]:
    """A process and all that it started, directly or not."""
    try:
        children = " ".join(file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/children"))
    except OSError:
        return []
    return [pid, *(member for child in children.split() for member in _family(int(child)))]


def _memory(pid: int) -> float:
    """The proportional set size in MiB, in which memory that processes share counts once; 0 where it ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
