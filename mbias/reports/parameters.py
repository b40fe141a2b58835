"""What can be passed to the notebooks of a report, as ``NAME=VALUE`` on the command line."""

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
    raise BadInputError(f"epoch={text}: no epoch; take a number from 1, 'last' or 'best'")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise BadInputError(f"published={text}: take true or false")
    return text.lower() == "true"


KNOWN: dict[str, Callable[[str], Any]] = {"epoch": _epoch, "categories": _names, "published": _flag}
"""By name, how its value is read."""


def parse(texts: Iterable[str]) -> dict[str, Any]:
    """Values by name, of texts ``NAME=VALUE``.

    Raises
    ------
    BadInputError
        If a name is unknown, or a value is none.
    """
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name not in KNOWN:
            raise BadInputError(
                f"-p {text}: no parameter of a report; take {', '.join(f'{known}=...' for known in KNOWN)}"
            )
        values[name] = KNOWN[name](value)
    return values


def check(parameters: Mapping[str, Any], runs: Study) -> None:
    """Raise where the runs have no such epoch or category."""
    for run in runs:
        if "epoch" in parameters:
            run.commit(parameters["epoch"])
        for name in parameters.get("categories", ()):
            if name not in run.header.categories:
                raise BadInputError(
                    f"{run.path}: it has no category {name!r}; its categories are {', '.join(run.header.categories)}"
                )
