"""The parameters that a report passes to its notebooks, and their texts ``NAME=VALUE`` on the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mbias.errors import BadInputError
from mbias.records.study import Study


def _epoch(text: str) -> int | str:
    if text in ("best", "last"):
        return text
    if text.isdecimal() and int(text):
        return int(text)
    raise BadInputError(f"epoch={text}: not an epoch; take a number from 1, 'last' or 'best'")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise BadInputError(f"published={text}: take true or false")
    return text.lower() == "true"


KNOWN: dict[str, Callable[[str], Any]] = {"epoch": _epoch, "categories": _names, "published": _flag}
"""The function that reads the value of each parameter, by name."""


def parse(texts: Iterable[str]) -> dict[str, Any]:
    """Parse texts ``NAME=VALUE``.

    Returns
    -------
    dict
        The values by name.

    Raises
    ------
    BadInputError
        If a name or a value is unknown.

    Examples
    --------
    >>> parse(["epoch=best", "categories=Dog,Cat"])
    {'epoch': 'best', 'categories': ['Dog', 'Cat']}
    """
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name not in KNOWN:
            raise BadInputError(
                f"-p {text}: not a parameter of a report; take {', '.join(f'{known}=...' for known in KNOWN)}"
            )
        values[name] = KNOWN[name](value)
    return values


def check(parameters: Mapping[str, Any], runs: Study) -> None:
    """Raise where a parameter is unknown, or the runs lack an epoch or a category.

    Raises
    ------
    BadInputError
        The message lists what is known.
    """
    for name in parameters:
        if name not in KNOWN:
            raise BadInputError(f"a report has no parameter {name!r}; take {', '.join(KNOWN)}")
    for run in runs:
        if "epoch" in parameters:
            run.commit(parameters["epoch"])
        for category in parameters.get("categories", ()):
            if category not in run.header.categories:
                raise BadInputError(
                    f"{run.path}: no category {category!r}; its categories are {', '.join(run.header.categories)}"
                )
