"""A study: runs over variants, smoothing and seeds, as a TOML file defines them."""

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
from mbias.terms import Control, Smoothing, Split, Variant
from mbias.training.config import Settings

_GRID = ("variants", "smoothing", "seeds", "controls")
_TRAINING = tuple(
    f.name for f in dataclasses.fields(Settings) if f.name not in ("variant", "smoothing", "seed", "control", "init")
)


@dataclass(frozen=True)
class StudyDefinition:
    """What a study consists of.

    Parameters
    ----------
    data
        Data directory, or None where the file names none.
    runs
        Settings of every run, each once.
    """

    data: Path | None
    runs: tuple[Settings, ...]


def read_definition(path: Path) -> StudyDefinition:
    """Study defined by a TOML file.

    ``[data] path`` is relative to the file; ``[training]`` holds fields of `Settings`; each ``[[grid]]`` holds lists
    ``variants``, ``smoothing`` and ``seeds``, all combinations of which are runs; with a list ``controls``, of names of
    `Control` and ``none``, each of them as often.

    Raises
    ------
    BadInputError
        If the file is missing or no TOML, or a table or field is unknown, missing or of the wrong kind.
    """
    content = _read(path)
    _known(path, "file", content, ("data", "training", "grid"))
    data = _table(path, content, "data")
    _known(path, "[data]", data, ("path",))
    training = _table(path, content, "training")
    _known(path, "[training]", training, _TRAINING)
    grids = content.get("grid")
    if not isinstance(grids, list) or not grids:
        raise BadInputError(f"{path}: no [[grid]]; add one with variants, smoothing and seeds")
    try:
        runs = [Settings(**cell, **_kinds(training)) for grid in grids for cell in _cells(path, grid)]
    except (BadInputError, TypeError, ValueError) as error:
        raise BadInputError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
    directory = Path(os.path.normpath(path.parent / data["path"])) if "path" in data else None
    return StudyDefinition(directory, tuple(dict.fromkeys(runs)))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInputError(f"{path}: there is no such study definition") from None
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path}: not a readable TOML file ({error})") from None


def _table(path: Path, content: dict[str, Any], name: str) -> dict[str, Any]:
    table = content.get(name, {})
    if not isinstance(table, dict):
        raise BadInputError(f"{path}: {name!r} must be a table, [{name}]")
    return table


def _known(path: Path, where: str, content: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in content:
        if name not in names:
            raise BadInputError(f"{path}: unknown {name!r} in the {where}; known are {', '.join(names)}")


def _cells(path: Path, grid: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if not isinstance(grid, dict):
        raise BadInputError(f"{path}: 'grid' must be tables, [[grid]]")
    _known(path, "[[grid]]", grid, _GRID)
    grid = {"controls": ["none"], **grid}
    for name in _GRID:
        if not isinstance(grid.get(name), list) or not grid[name]:
            raise BadInputError(f"{path}: a [[grid]] must have a list {name!r} with at least one entry")
    for seed in grid["seeds"]:
        if type(seed) is not int:
            raise BadInputError(f"{path}: seed {seed!r} is no whole number")
    variants = [Variant.parse(str(text)) for text in grid["variants"]]
    smoothings = [Smoothing.parse(str(text)) for text in grid["smoothing"]]
    controls = [None if text == "none" else Control.parse(str(text)) for text in grid["controls"]]
    for variant, smoothing, control, seed in itertools.product(variants, smoothings, controls, grid["seeds"]):
        yield {"variant": variant, "smoothing": smoothing, "control": control, "seed": seed}


def _kinds(training: dict[str, Any]) -> dict[str, Any]:
    kinds: dict[str, Callable[[Any], Any]] = {"record": Split}
    defaults = Settings()
    for name, value in training.items():
        default = getattr(defaults, name)
        kind = float if isinstance(default, float) else type(default)
        allowed = (int, float) if kind is float else (str,) if isinstance(default, str) else (kind,)
        if type(value) not in allowed:
            raise BadInputError(f"[training] {name} is {value!r}; it must be like {default!r}")
    return {name: kinds.get(name, lambda value: value)(value) for name, value in training.items()}
