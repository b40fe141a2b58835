"""Rates that the machine reaches (matrix products, memory, disk), and its description."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

SIZE = 2048


def description() -> dict[str, str | int]:
    """Processor, cores, memory, system and versions."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "threads": torch.get_num_threads(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
    }


def product_rate(dtype: torch.dtype) -> float:
    """Floating-point operations per second of one large matrix product."""
    a, b = torch.randn(2, SIZE, SIZE).to(dtype)
    return 2 * SIZE**3 / seconds(lambda: a @ b)


def memory_bandwidth() -> float:
    """Bytes per second that a large copy reads and writes."""
    source = torch.randn(2**26)
    target = torch.empty_like(source)
    return 2 * source.nbytes / seconds(lambda: target.copy_(source))


def disk_read_rate(path: Path) -> float:
    """Bytes per second when reading a file that is not in the page cache."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        start = time.perf_counter()
        size = 0
        while block := file.read(2**24):
            size += len(block)
        return size / (time.perf_counter() - start)


def seconds(action: Callable[[], object]) -> float:
    """Seconds that an action takes, after one warm-up."""
    action()
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in path.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()
