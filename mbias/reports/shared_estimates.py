"""The estimates of a study in a file of the report that is being built, so that its notebooks share them."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from mbias.analysis.measures.catalogue import MEASURES, Estimated, Estimates, estimates
from mbias.analysis.measures.use import use
from mbias.analysis.settings import settings
from mbias.files import read_json, write_json
from mbias.records.shards import read_arrays, write_arrays
from mbias.records.study import StudyLike, open_study
from mbias.stats.estimates import Estimate

_FIELDS = [field.name for field in fields(Estimate)]


def shared_estimates(study: StudyLike, path: Path) -> Estimates:
    """The estimates of a study (`mbias.analysis.measures.catalogue.estimates`), computed once.

    Parameters
    ----------
    study
        The study.
    path
        The file that holds them; it is written where it does not exist.

    Raises
    ------
    BadInputError
        As `mbias.analysis.measures.catalogue.estimates`.
    """
    reasons = path.with_suffix(".json")
    if path.exists():
        return _read(study, path, reasons)
    estimated = estimates(study)
    texts = {name: list(texts) for name, texts in estimated.reasons.items()}
    write_json(reasons, {"used": [of_setting.use is not None for of_setting in estimated], "reasons": texts})
    write_arrays(
        path,
        {
            f"{index} {MEASURES.index(measure)} {name}": getattr(estimate, name)
            for index, of_setting in enumerate(estimated)
            for measure, estimate in of_setting.by_measure.items()
            for name in _FIELDS
        },
    )
    return estimated


def _read(study: StudyLike, path: Path, reasons: Path) -> Estimates:
    arrays = read_arrays(path)
    recorded = read_json(reasons, "list of measures left out", "run the report again")
    by_setting = tuple(
        Estimated(
            setting,
            use(setting) if recorded["used"][index] else None,
            {
                measure: Estimate(*(arrays[f"{index} {number} {name}"] for name in _FIELDS))
                for number, measure in enumerate(MEASURES)
                if f"{index} {number} {_FIELDS[0]}" in arrays
            },
        )
        for index, setting in enumerate(settings(open_study(study)))
    )
    return Estimates(by_setting, {name: tuple(texts) for name, texts in recorded["reasons"].items()})
