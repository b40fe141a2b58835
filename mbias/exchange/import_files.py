"""Checks what an import is given, and reads it: paths, names, arrays and losses."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from numbers import Integral
from pathlib import Path
from typing import Any

from mbias.arguments import checked_names, checked_path, require_mapping, shown
from mbias.errors import BadInputError
from mbias.exchange.arrays import read_arrays
from mbias.exchange.curves import per_epoch, read_curves
from mbias.exchange.named_array import NamedArray

Paths = str | Path | Sequence[str | Path]
"""One path or several."""

Names = Sequence[str] | str | Path
"""Names, or the path of a file with one name per line."""

_LARGEST_LIST = 2**28
"""Bytes of the largest file of names that is read."""


def checked_paths(option: str, paths: Paths) -> list[Path]:
    """One path or several, as a list."""
    if isinstance(paths, str | os.PathLike):
        paths = [paths]
    if not isinstance(paths, Sequence) or isinstance(paths, bytes):
        raise BadInputError(f"{option}: {shown(paths)} is not a path or a list of paths; give the paths of files")
    return [checked_path(path, f"a path in {option}", "give the path of a file") for path in paths]


def by_name(option: str, given: Mapping[str, object] | None) -> Mapping[str, Any]:
    """What is given by names in the run; None is nothing."""
    if given is None:
        return {}
    require_mapping(option, given, "give names in the run as its keys")
    checked_names(option, tuple(given))
    return given


def checked_keys(option: str, given: Mapping[str, str] | None) -> Mapping[str, str]:
    """By name in the run, a name in the files."""
    for name, key in by_name(option, given).items():
        if not isinstance(key, str):
            raise BadInputError(f"{option}[{name!r}]: {shown(key)} is not a name in the files; give a string")
    return given or {}


def read_chosen(
    files: Sequence[Path], chosen: Mapping[str, str], of_passes: Collection[str]
) -> tuple[dict[str, list[NamedArray]], dict[str, list[NamedArray]]]:
    """Read the arrays of the run, and those of its passes.

    Parameters
    ----------
    files
        The files.
    chosen
        By name in the run, the name of an array in the files. Without names, all arrays keep theirs.
    of_passes
        The names in the files of the arrays that belong to passes.

    Returns
    -------
    arrays : dict
        By name in the run, the array of every file that holds it.
    passes : dict
        By name in the files, the array of every file that holds it.

    Raises
    ------
    BadInputError
        If a file cannot be read or holds none of these arrays, or no file holds one of them.
    """
    names = {key: name for name, key in chosen.items()}
    arrays: dict[str, list[NamedArray]] = {}
    passes: dict[str, list[NamedArray]] = {}
    held: dict[str, None] = {}
    for file in files:
        content = read_arrays(file)
        taken = [key for key in content if (key in names if names else key not in of_passes)]
        if not taken and not set(of_passes) & set(content):
            raise BadInputError(
                f"{file}: holds {', '.join(sorted(content))}; "
                "choose among them (--array NAME=KEY, or arrays= in Python)"
            )
        # Text holds names, and is not an array of the run.
        numbers = {key: array for key, array in content.items() if array.values.dtype.kind != "U"}
        held |= dict.fromkeys(numbers)
        for key, array in numbers.items():
            if key in taken:
                arrays.setdefault(names.get(key, key), []).append(array)
            if key in of_passes:
                passes.setdefault(key, []).append(array)
    if missing := set(chosen) - set(arrays):
        name = min(missing)
        raise BadInputError(f"array {name!r}: no file holds an array of numbers with the name {chosen[name]!r}")
    if absent := set(of_passes) - set(passes):
        known = ", ".join(held) or "none"
        raise BadInputError(
            f"passes: no file holds an array of numbers with the name {min(absent)!r}; they hold {known}"
        )
    return arrays, passes


def read_losses(files: Sequence[Path], chosen: Mapping[str, str], steps_per_epoch: int) -> dict[str, list[float]]:
    """By loss, its value at every epoch; ``chosen`` maps the losses to the curves in the files."""
    if not isinstance(steps_per_epoch, Integral) or steps_per_epoch < 1:
        raise BadInputError(
            f"steps_per_epoch (--steps-per-epoch) is {shown(steps_per_epoch)}; it must be 1 or more, a whole number"
        )
    curves: dict[str, dict[int, float]] = {}
    for file in files:
        for name, curve in read_curves(file).items():
            curves.setdefault(name, {}).update(curve)
    chosen = chosen or {name: name for name in curves}
    for name, key in chosen.items():
        if key not in curves:
            raise BadInputError(
                f"loss {name!r}: there is no curve {key!r}; the curves are {', '.join(sorted(curves)) or 'none'}"
            )
    return {name: per_epoch(curves[key], steps_per_epoch) for name, key in chosen.items()}


def read_names(option: str, names: Names | None) -> list[str] | None:
    """Names that are given, or read from a file with one per line; None where none are given."""
    if names is None:
        return None
    if not isinstance(names, str | os.PathLike):
        # A column of a table is no sequence, but holds names in order.
        ordered = isinstance(names, Iterable) and not isinstance(names, Mapping | Set | bytes)
        return list(checked_names(option, list(names) if ordered else names))
    path = checked_path(names, f"a file of names for {option}", "give names, or the path of a file with one per line")
    try:
        if path.exists() and (not path.is_file() or path.stat().st_size > _LARGEST_LIST):
            raise BadInputError(f"{path}: not a regular file of names below {_LARGEST_LIST:,} bytes")
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line]
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: not a readable list of names ({error}); write one name per line") from None
