"""mbias: does a multimodal model ignore one of its modalities, why, and how sure can one be?"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "Run": "mbias.records.run",
    "Recorder": "mbias.recorder.recorder",
    "RunWriter": "mbias.records.writer",
    "Header": "mbias.records.header",
    "Study": "mbias.records.study",
    "open_study": "mbias.records.study",
    "explore": "mbias.explorer",
}
__all__ = list(_HOMES)
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Lazily (PEP 562), so that `import mbias` costs nothing.
    if name not in _HOMES:
        raise AttributeError(f"module 'mbias' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
