"""A study's estimates, in a file of the report that is being built: its notebooks share what takes longest."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from mbias.analysis.measures.catalogue import MEASURES, Estimates, estimates
from mbias.analysis.settings import settings
from mbias.records.shards import read_arrays, write_arrays
from mbias.records.study import Study
from mbias.stats.estimates import Estimate

_FIELDS = [field.name for field in fields(Estimate)]


def shared_estimates(study: Study, path: Path) -> Estimates:
    """The study's `mbias.analysis.measures.catalogue.estimates`: read from the file where it is there, else put there.

    Raises
    ------
    BadInputError
        As `mbias.analysis.measures.catalogue.estimates`.
    """
    if path.exists():
        return _read(study, path)
    found = estimates(study)
    write_arrays(
        path,
        {
            f"{place} {MEASURES.index(measure)} {name}": getattr(of, name)
            for place, (_, measures) in enumerate(found)
            for measure, of in measures.items()
            for name in _FIELDS
        },
    )
    return found


def _read(study: Study, path: Path) -> Estimates:
    arrays = read_arrays(path)
    return [
        (
            setting,
            {
                measure: Estimate(*(arrays[f"{place} {number} {name}"] for name in _FIELDS))
                for number, measure in enumerate(MEASURES)
                if f"{place} {number} {_FIELDS[0]}" in arrays
            },
        )
        for place, setting in enumerate(settings(study))
    ]
