"""mbias: does a multimodal model ignore one of its modalities, why, and how sure can one be?

``mbias.open_study`` opens recorded runs. Each question is a name: ``mbias.attention(study)`` returns its table, and
``mbias.plot_attention(study)`` draws it. `QUESTIONS` lists the names and what they ask.

>>> import mbias
>>> mbias.QUESTIONS["attention"]
'which modality does W_av favour, category by category?'
>>> study = mbias.load_example().select(variant="across_vcross", smoothing="ls_v")
>>> mbias.attention(study).round(2)[["scope", "modality", "attention"]].head(2)
  scope modality  attention
0   all    audio        0.8
1   all   visual        0.2
>>> figure = mbias.plot_attention(study)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mbias.analysis.questions import QUESTIONS

if TYPE_CHECKING:
    from mbias.analysis.per_run.mapping import workers
    from mbias.diagnosed import diagnose
    from mbias.errors import BadInputError, MbiasError, NotApplicableError
    from mbias.exchange.evaluation import evaluate
    from mbias.exchange.export import export_run
    from mbias.exchange.import_run import import_run
    from mbias.explorer.widget import explore
    from mbias.passes import Pass
    from mbias.probing.any_model import probe
    from mbias.recorder.recorder import Recorder
    from mbias.records.header import Header
    from mbias.records.probes import write_probe
    from mbias.records.run import Run
    from mbias.records.study import Study, load_example, open_study
    from mbias.records.validate import validate
    from mbias.records.writer import RunWriter
    from mbias.reports.report import write_report

__version__ = "0.2.0"

_HOMES = {
    "BadInputError": "mbias.errors",
    "Header": "mbias.records.header",
    "MbiasError": "mbias.errors",
    "NotApplicableError": "mbias.errors",
    "Pass": "mbias.passes",
    "Recorder": "mbias.recorder.recorder",
    "Run": "mbias.records.run",
    "RunWriter": "mbias.records.writer",
    "Study": "mbias.records.study",
    "diagnose": "mbias.diagnosed",
    "evaluate": "mbias.exchange.evaluation",
    "explore": "mbias.explorer.widget",
    "export_run": "mbias.exchange.export",
    "import_run": "mbias.exchange.import_run",
    "load_example": "mbias.records.study",
    "open_study": "mbias.records.study",
    "probe": "mbias.probing.any_model",
    "validate": "mbias.records.validate",
    "workers": "mbias.analysis.per_run.mapping",
    "write_probe": "mbias.records.probes",
    "write_report": "mbias.reports.report",
}
"""The module that defines each public name; it is imported when the name is first used (PEP 562)."""

__all__ = ["QUESTIONS", *_HOMES, *QUESTIONS, *(f"plot_{name}" for name in QUESTIONS)]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in QUESTIONS:
        return importlib.import_module("mbias.analysis.questions").question(name)
    if name.startswith("plot_") and name.removeprefix("plot_") in QUESTIONS:
        return getattr(importlib.import_module(f"mbias.plots.{name.removeprefix('plot_')}"), name)
    raise AttributeError(f"module 'mbias' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
