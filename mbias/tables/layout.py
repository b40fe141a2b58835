"""A long table laid out for people: labels in place of names, what is compared side by side, numbers rounded."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mbias.tables.names import display_name, subscript

Cell = Callable[[Any], str]
"""A row of the long table in, the text of its cell out."""

RUN = ("variant", "smoothing", "control", "seed")
"""What names a run trained here; an external one goes by its folder's name."""

SHARED = ("variant", "smoothing", "control")
"""What names a setting: runs that differ in their seed."""


@dataclass(frozen=True)
class Layout:
    """How a long table is laid out.

    Parameters
    ----------
    rows
        Columns whose values name a row.
    columns
        Columns whose values are set side by side.
    cells
        What stands in each, by header; ``{}`` in a header is the label of the side-by-side value, a line a column;
        a header without it stands once.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: dict[str, Cell]


def number(column: str, spec: str) -> Cell:
    """Cell that shows a column's number, or nothing where it is unknown."""
    return lambda row: format(value, spec) if math.isfinite(value := float(getattr(row, column))) else ""


def with_interval(column: str, spec: str) -> Cell:
    """Cell that shows a column's number and, where they are known, the ends of its interval, ``_low`` and ``_high``."""
    ends = number(f"{column}_low", spec), number(f"{column}_high", spec)

    def cell(row: Any) -> str:
        low, high = (end(row) for end in ends)
        return f"{number(column, spec)(row)} [{low}, {high}]" if low and high else number(column, spec)(row)

    return cell


def lay_out(table: pd.DataFrame, layout: Layout) -> tuple[pd.DataFrame, dict[str, str]]:
    """The table as texts, and what is the same in all of its rows.

    Returns
    -------
    wide
        A row a distinct value of the layout's rows, in the order of the table. The first ``wide.attrs["names"]``
        columns name the row; a name that is the same in all rows is left out.
    constant
        Those names, by column.
    """
    names = _row_names(table, layout.rows)
    constant = {name: display_name(name, table[name].iloc[0]) for name in names if len(set(table[name].map(str))) == 1}
    varying = [name for name in names if name not in constant]
    names = varying or [name for name in names if constant[name]][-1:] or names[-1:]
    constant = {name: text for name, text in constant.items() if name not in names and text}
    rows: dict[tuple, dict[str, str]] = {}
    for row in table.itertuples(index=False):
        key = tuple(display_name(name, getattr(row, name)) for name in names)
        aside = tuple(_aside(name, getattr(row, name)) for name in layout.columns)
        cells = rows.setdefault(key, {})
        for header, cell in layout.cells.items():
            cells[header.replace("{}", "\n".join(aside))] = cell(row)
    headers = _headers(table, layout)
    texts = [[*key, *(cells.get(header, "") for header in headers)] for key, cells in rows.items()]
    wide = pd.DataFrame(texts, columns=[*names, *headers])
    wide.attrs["names"] = len(names)
    return wide, constant


def notes(table: pd.DataFrame) -> list[str]:
    """What a reader of the table must know: whether the data are simulated, and whether one seed is all there is."""
    found = []
    if "simulated" in table and table["simulated"].any():
        found.append("Simulated data.")
    if _single_seed(table):
        found.append("One seed a setting: a difference may be chance.")
    return found


def _single_seed(table: pd.DataFrame) -> bool:
    if "seeds" in table:
        known = table["seeds"].dropna()
        return not known.empty and bool(known.max() < 2)
    if "seed" in table and table["seed"].notna().any():
        return bool(table.groupby(["variant", "smoothing"])["seed"].nunique().max() < 2)
    return False


def _row_names(table: pd.DataFrame, rows: tuple[str, ...]) -> list[str]:
    external = "run" in table and table["variant"].isna().any()
    named = ["run", *(name for name in rows if name not in RUN)] if external else list(rows)
    return [name for name in named if name in table]


def _aside(column: str, value: object) -> str:
    return subscript(str(value)) if column == "modality" else display_name(column, value)


def _headers(table: pd.DataFrame, layout: Layout) -> list[str]:
    """Headers by cell, then by the columns set side by side, each in the order in which its values first appear."""
    names = list(layout.columns)
    if not names:
        return list(layout.cells)
    seen = table[names].drop_duplicates()
    seen = seen.sort_values(names, key=lambda column: column.map(list(column.unique()).index), kind="stable")
    asides = ["\n".join(map(_aside, names, row)) for row in seen.itertuples(index=False)]
    return [
        header.replace("{}", aside) for header in layout.cells for aside in (asides if "{}" in header else asides[:1])
    ]
