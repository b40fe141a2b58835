"""A study's definition: a TOML file that lists runs by variant, smoothing, control and seed."""

from __future__ import annotations

import dataclasses
import itertools
import os
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mbias.errors import BadInputError
from mbias.terms import DELTA, Control, Smoothing, Split, Variant
from mbias.training.config import TrainingConfig
from mbias.training.mitigation_choice import MitigationChoice

_GRID = ("variants", "smoothing", "seeds", "mitigation", "controls")
_TRAINING = tuple(
    field.name
    for field in dataclasses.fields(TrainingConfig)
    if field.name not in ("variant", "smoothing", "seed", "mitigation", "control", "init")
)


@dataclass(frozen=True)
class StudyDefinition:
    """The content of a study's definition.

    Parameters
    ----------
    data
        The data directory, or None if the file names none.
    runs
        The configuration of every run, without duplicates.
    """

    data: Path | None
    runs: tuple[TrainingConfig, ...]


def read_definition(path: str | Path) -> StudyDefinition:
    """Read a study's definition.

    ``[data] path`` is relative to the file. ``[training]`` holds fields of `TrainingConfig` for all runs, and
    ``delta``, that of the smoothings ``ls_a``, ``ls_v`` and ``ls_av`` in this file (by default `mbias.terms.DELTA`).
    Each ``[[grid]]`` holds the lists ``variants``, ``smoothing`` and ``seeds``; every combination of them is a run. Two
    lists are optional: ``controls``, of ``none`` and names of `Control`, and ``mitigation``, of ``none`` and texts that
    `MitigationChoice.parse` takes. Every combination is then trained once for each of their entries.

    Parameters
    ----------
    path
        The TOML file.

    Returns
    -------
    StudyDefinition
        The data directory and the runs.

    Raises
    ------
    BadInputError
        If the file is missing or not TOML, or if a table or field is unknown, missing or of the wrong type.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "study.toml"
    >>> _ = path.write_text('''
    ... [training]
    ... epochs = 3
    ... delta = 0.2
    ... [[grid]]
    ... variants = ["across_vself"]
    ... smoothing = ["no_ls", "ls_v"]
    ... seeds = [0]
    ... ''')
    >>> [run.name for run in read_definition(path).runs]
    ['across_vself-no_ls-seed0', 'across_vself-ls_v0.2-seed0']
    """
    path = Path(path)
    content = _read(path)
    _require_known(path, "file", content, ("data", "training", "grid"))
    data = _table(path, content, "data")
    _require_known(path, "[data]", data, ("path",))
    training = _table(path, content, "training")
    _require_known(path, "[training]", training, (*_TRAINING, "delta"))
    training = dict(training)
    delta = _delta(path, training.pop("delta", DELTA))
    grids = content.get("grid")
    if not isinstance(grids, list) or not grids:
        raise BadInputError(f"{path}: no [[grid]]; add one with variants, smoothing and seeds")
    try:
        runs = [TrainingConfig(**cell, **_converted(training)) for grid in grids for cell in _cells(path, grid, delta)]
    except (BadInputError, TypeError, ValueError) as error:
        raise BadInputError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
    directory = Path(os.path.normpath(path.parent / data["path"])) if "path" in data else None
    return StudyDefinition(directory, tuple(dict.fromkeys(runs)))


def runs_folder(definition: Path) -> Path:
    """Return the folder of a study's runs: the path of its definition without ``.toml``."""
    return definition.with_suffix("")


def definition_beside(folder: Path) -> Path:
    """Return the path of the definition that belongs to a folder of runs; the file need not exist."""
    folder = folder.absolute() if not folder.name else folder
    return folder.with_name(f"{folder.name}.toml") if folder.name else folder / ".toml"


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInputError(f"{path}: there is no such study definition; give the path of a TOML file") from None
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path}: not a readable TOML file ({error})") from None


def _table(path: Path, content: dict[str, Any], name: str) -> dict[str, Any]:
    table = content.get(name, {})
    if not isinstance(table, dict):
        raise BadInputError(f"{path}: {name!r} must be a table, [{name}]")
    return table


def _require_known(path: Path, where: str, content: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in content:
        if name not in names:
            raise BadInputError(f"{path}: unknown {name!r} in the {where}; known names are {', '.join(names)}")


def _delta(path: Path, delta: Any) -> float:
    if type(delta) not in (int, float) or not 0 < delta < 1:
        raise BadInputError(f"{path}: [training] delta is {delta!r}; it must be a number between 0 and 1, such as 0.2")
    return float(delta)


def _cells(path: Path, grid: dict[str, Any], delta: float) -> Iterator[dict[str, Any]]:
    if not isinstance(grid, dict):
        raise BadInputError(f"{path}: 'grid' must be tables, [[grid]]")
    _require_known(path, "[[grid]]", grid, _GRID)
    grid = {"mitigation": ["none"], "controls": ["none"], **grid}
    for name in _GRID:
        if not isinstance(grid.get(name), list) or not grid[name]:
            raise BadInputError(f"{path}: a [[grid]] must have a list {name!r} with at least one entry")
    for seed in grid["seeds"]:
        if type(seed) is not int:
            raise BadInputError(f"{path}: seed {seed!r} is not a whole number")
    variants = [Variant.parse(str(text)) for text in grid["variants"]]
    smoothings = [Smoothing.parse(str(text), delta) for text in grid["smoothing"]]
    controls = [None if text == "none" else Control.parse(str(text)) for text in grid["controls"]]
    mitigations = [None if text == "none" else MitigationChoice.parse(str(text)) for text in grid["mitigation"]]
    names = ("variant", "smoothing", "mitigation", "control", "seed")
    for cell in itertools.product(variants, smoothings, mitigations, controls, grid["seeds"]):
        yield dict(zip(names, cell, strict=True))


def _converted(training: dict[str, Any]) -> dict[str, Any]:
    """Check the types of ``[training]``, and convert its values to those of `TrainingConfig`."""
    converters: dict[str, Callable[[Any], Any]] = {"record": Split}
    defaults = TrainingConfig()
    for name, value in training.items():
        default = getattr(defaults, name)
        expected = float if isinstance(default, float) else type(default)
        allowed = (int, float) if expected is float else (str,) if isinstance(default, str) else (expected,)
        if type(value) not in allowed:
            raise BadInputError(f"[training] {name} is {value!r}; it must be like {default!r}")
    return {name: converters.get(name, lambda value: value)(value) for name, value in training.items()}
