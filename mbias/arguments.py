"""Checks of what a caller passes: paths, names, mappings and groups of samples."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mbias.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd

GROUP = "group"
"""The column that names the group of each sample."""

_LONGEST = 80
"""The number of characters of a wrong argument that an error message quotes."""


def shown(value: object) -> str:
    """A wrong argument as an error message quotes it: its repr in one line, cut where it is long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def counted(number: int, noun: str) -> str:
    """A number with its noun, such as ``1 run`` or ``2 runs``."""
    return f"{number} {noun}{'s' * (number != 1)}"


def as_url(value: object) -> str | None:
    """The address in remote storage that an argument is, such as ``s3://bucket/run``; None for a local path.

    Examples
    --------
    >>> as_url("s3://bucket/run/"), as_url(Path("s3://bucket/run")), as_url("models/demo")
    ('s3://bucket/run', 's3://bucket/run', None)
    >>> as_url(Path("file:///data/run"))
    'file:///data/run'
    """
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    # pathlib makes one slash of two, or of the three of a local file. One letter is a drive of Windows.
    match = re.fullmatch(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)", text, re.DOTALL) if isinstance(text, str) else None
    if text is None or match is None or Path(f"{match[1]}:").exists():
        return None
    slashes = "///" if match[1] in ("file", "local") else "//"
    return text.rstrip("/") if "://" in text else f"{match[1]}:{slashes}{match[2]}"


def checked_path(value: object, what: str, hint: str) -> Path:
    """Convert an argument to a path.

    Parameters
    ----------
    value
        The argument.
    what, hint
        What it should be and what to do, for the error message.

    Returns
    -------
    pathlib.Path
        The path.

    Raises
    ------
    BadInputError
        If the argument is not a path, is empty, or cannot be the path of a file.
    """
    if url := as_url(value):
        raise BadInputError(f"{url}: only records are read from remote storage, and nothing is written there; {hint}")
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(text, str) or not text:
        raise BadInputError(f"{shown(value)} is not {what}; {hint}")
    path = Path(text)
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BadInputError(f"{shown(text)} is not {what} ({reason}); {hint}") from None
    return path


def checked_new_folder(value: object) -> Path:
    """The path of the folder of a new run, which may exist.

    Raises
    ------
    BadInputError
        If the argument is not a path, or a file is in the way.
    """
    path = checked_path(value, "a path of a run", "give the folder of the new run")
    for folder in (path, *path.parents):
        if folder.exists():
            if not folder.is_dir():
                raise BadInputError(f"{folder}: is a file, so no run can be written there; give another folder")
            break
    return path


def checked_names(field: str, value: object) -> tuple[str, ...]:
    """Convert a sequence of names to a tuple.

    Raises
    ------
    BadInputError
        If the argument is a string or not a sequence, or an element is not a string.
    """
    if isinstance(value, str):
        raise BadInputError(f"{field}: {value!r} is a string; give a sequence of names, such as ({value!r},)")
    if not isinstance(value, Sequence | np.ndarray):
        raise BadInputError(f"{field}: {shown(value)} is not a sequence of names; give a tuple of strings")
    for name in value:
        if not isinstance(name, str):
            raise BadInputError(f"{field}: {shown(name)} is not a name; give strings")
    return tuple(map(str, value))


def require_mapping(what: str, value: object, hint: str) -> None:
    """Raise BadInputError unless an argument is a mapping, such as a dict."""
    if not isinstance(value, Mapping):
        raise BadInputError(f"{what}: {shown(value)} is not a dict; {hint}")


def with_groups(samples: pd.DataFrame, groups: object) -> pd.DataFrame:
    """Add the column ``group`` to a table of samples, and check it.

    Parameters
    ----------
    samples
        One row per sample; the first column identifies the sample.
    groups
        The group of each sample: strings or whole numbers, in the order of the samples. None adds no column.

    Returns
    -------
    pandas.DataFrame
        The table with its groups.

    Raises
    ------
    BadInputError
        If the table has groups already, ``groups`` is not a sequence of names, or there is not one group per sample.

    Examples
    --------
    >>> import pandas as pd
    >>> with_groups(pd.DataFrame({"sample": ["a", "b", "c"]}), ["x", "y", "x"])["group"].tolist()
    ['x', 'y', 'x']
    """
    if groups is not None:
        if GROUP in samples:
            raise BadInputError("groups: the table of samples has a column 'group' already; give one of the two")
        samples = samples.assign(**{GROUP: checked_groups(groups, len(samples))})
    check_column("samples", samples)
    return samples


def checked_groups(groups: object, samples: int) -> list[str]:
    """The groups of samples as strings.

    Parameters
    ----------
    groups
        Strings or whole numbers, in the order of the samples.
    samples
        The number of samples.

    Returns
    -------
    list of str
        The group of each sample.

    Raises
    ------
    BadInputError
        If these are not names, or not one per sample, or one is empty.

    Examples
    --------
    >>> checked_groups([7, 7, 12], 3)
    ['7', '7', '12']
    """
    if isinstance(groups, str | bytes | Mapping | Set) or not isinstance(groups, Iterable):
        raise BadInputError(f"groups: {shown(groups)} is not a sequence of names; give the group of each sample")
    names = list(groups)
    if len(names) != samples:
        given = counted(len(names), "group")
        raise BadInputError(f"groups: {given} for {counted(samples, 'sample')}; give the group of every sample")
    for index, name in enumerate(names):
        if _is_empty(name):
            raise BadInputError(f"groups: entry {index} is empty; give the group of every sample")
        if not isinstance(name, str | Integral):
            raise BadInputError(f"groups: {shown(name)} is not a name; give strings or whole numbers")
    return [str(name) for name in names]


def check_column(what: object, samples: pd.DataFrame) -> None:
    """Raise BadInputError if a table of samples has a column ``group`` with an empty value.

    Parameters
    ----------
    what
        The table, for the error message.
    samples
        The table; the first column identifies the sample.
    """
    if GROUP not in samples:
        return
    if list(samples.columns).count(GROUP) > 1:
        raise BadInputError(f"{what}: several columns are called 'group'; keep one of them")
    empty = np.array([_is_empty(value) for value in samples[GROUP].tolist()], dtype=bool)
    if empty.any():
        sample = samples.iloc[int(empty.argmax()), 0]
        raise BadInputError(f"{what}: the group of sample {sample!r} is empty; give the group of every sample")
    if len(samples) > 1 and len(set(samples[GROUP])) == 1:
        raise BadInputError(f"{what}: all samples are in one group; intervals need several, so leave 'group' out")


def _is_empty(value: object) -> bool:
    """Whether a value is missing (None, NaN or pandas.NA), or is text without a character."""
    import pandas as pd

    missing = value is None or value is pd.NA or value is pd.NaT or (isinstance(value, Real) and value != value)
    return missing or not str(value).strip()
