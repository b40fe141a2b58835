"""Checks of what a caller passes: paths, names and mappings."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mbias.errors import BadInputError

_LONGEST = 80
"""The number of characters of a wrong argument that an error message quotes."""


def shown(value: object) -> str:
    """A wrong argument as an error message quotes it: its repr in one line, cut where it is long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def counted(number: int, noun: str) -> str:
    """A number with its noun, such as ``1 run`` or ``2 runs``."""
    return f"{number} {noun}{'s' * (number != 1)}"


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
