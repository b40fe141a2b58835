"""How a long table is laid out for people: names on screen, values side by side, rounded numbers, and notes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from mbias.tables.names import display_name, name_list, subscript
from mbias.tables.words import words_of
from mbias.terms import DELTA, PRESETS, recorded_smoothing

Cell = Callable[[Any], str]
"""From a row of the long table to the text of a cell."""

RUN = ("variant", "smoothing", "mitigation", "control", "seed")
"""The columns that name a run trained here; an external run goes by the name of its folder."""

SHARED = ("variant", "smoothing", "mitigation", "control")
"""The columns that name a setting."""

_LEFT_OUT, _REMARKS = "left_out", "remarks"

_DELTAS = f"A number in the name of a smoothing is its delta; without one, delta is {DELTA:g}."


@dataclass(frozen=True)
class Layout:
    """How a long table is laid out.

    Parameters
    ----------
    rows
        The columns whose values name a row.
    columns
        The columns whose values are set side by side.
    cells
        The text of each cell, by header. ``{}`` in a header stands for the values that are set side by side, one line
        per column; a header without it appears once. ``{joint}`` and ``{weight}`` stand for these words of the table
        (`mbias.tables.words.Words`).
    optional
        The headers that are left out where no row has a text.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: dict[str, Cell]
    optional: tuple[str, ...] = ()


def number(column: str, spec: str) -> Cell:
    """A cell with the number of a column; empty where it is unknown or there is no such column."""
    return lambda row: format(value, spec) if math.isfinite(value := float(getattr(row, column, math.nan))) else ""


def with_interval(column: str, spec: str) -> Cell:
    """A cell with the number of a column and, where it is known, its interval (columns ``_low`` and ``_high``)."""
    ends = number(f"{column}_low", spec), number(f"{column}_high", spec)

    def cell(row: Any) -> str:
        low, high = (end(row) for end in ends)
        return f"{number(column, spec)(row)} [{low}, {high}]" if low and high else number(column, spec)(row)

    return cell


def lay_out(table: pd.DataFrame, layout: Layout) -> tuple[pd.DataFrame, dict[str, str]]:
    """Lay a table out as texts.

    Returns
    -------
    wide : pandas.DataFrame
        One row per distinct value of the layout's rows, in the order of the table. The first ``wide.attrs["names"]``
        columns name the row; a name that is the same in all rows is left out.
    constant : dict
        The names that are the same in all rows, by column.
    """
    layout = _in_words(layout, table)
    names = _row_names(table, layout.rows)
    constant = {name: display_name(name, table[name].iloc[0]) for name in names if len(set(table[name].map(str))) == 1}
    varying = [name for name in names if name not in constant]
    names = varying or [name for name in names if constant[name]][-1:] or names[-1:]
    constant = {name: text for name, text in constant.items() if name not in names and text}
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for row in table.itertuples(index=False):
        key = tuple(display_name(name, getattr(row, name)) for name in names)
        aside = tuple(_header_text(name, getattr(row, name)) for name in layout.columns)
        cells = rows.setdefault(key, {})
        for header, cell in layout.cells.items():
            cells[header.replace("{}", "\n".join(aside))] = cell(row)
    headers = _headers(table, layout)
    texts = [[*key, *(cells.get(header, "") for header in headers)] for key, cells in rows.items()]
    wide = pd.DataFrame(texts, columns=[*names, *headers])
    wide = wide.drop(columns=[header for header in layout.optional if not wide[header].any()])
    wide.attrs["names"] = len(names)
    return wide, constant


def with_left_out(table: pd.DataFrame, reasons: Mapping[str, str]) -> pd.DataFrame:
    """The table with a note on what was left out of it, and why; `left_out` returns the notes.

    Parameters
    ----------
    reasons
        Why each part was left out, by its name.
    """
    table.attrs[_LEFT_OUT] = dict(reasons)
    return table


def with_remarks(table: pd.DataFrame, sentences: Iterable[str]) -> pd.DataFrame:
    """The table with sentences that a reader of its numbers must know; `remarks` returns them."""
    table.attrs[_REMARKS] = list(sentences)
    return table


def concatenated(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Concatenate tables, and what was left out of them."""
    parts = list(tables)
    reasons: dict[str, str] = {}
    for part in parts:
        reasons = {**part.attrs.get(_LEFT_OUT, {}), **reasons}
    return with_left_out(pd.concat(parts, ignore_index=True), reasons)


def left_out(table: pd.DataFrame) -> list[str]:
    """What was left out of a table, one sentence per reason.

    Examples
    --------
    >>> import pandas as pd
    >>> left_out(with_left_out(pd.DataFrame(), {"gradient": "no gradient norms are recorded"}))
    ['Left out: gradient (no gradient norms are recorded).']
    """
    by_reason: dict[str, list[str]] = {}
    for name, reason in table.attrs.get(_LEFT_OUT, {}).items():
        by_reason.setdefault(reason, []).append(name)
    return [f"Left out: {name_list(names)} ({reason})." for reason, names in by_reason.items()]


def remarks(table: pd.DataFrame) -> list[str]:
    """The sentences that `with_remarks` gave the table."""
    return list(table.attrs.get(_REMARKS, []))


def notes(table: pd.DataFrame) -> list[str]:
    """What a reader of the table must know: simulated data, a single seed, deltas, remarks, and what was left out."""
    sentences = []
    if "simulated" in table and table["simulated"].any():
        published = "source" in table and table["source"].str.startswith("published").any()
        sentences.append("Measured rows: simulated data." if published else "Simulated data.")
    if _single_seed(table):
        sentences.append("One seed per setting: a difference may be due to chance.")
    if "smoothing" in table and any(map(_states_delta, table["smoothing"].unique())):
        sentences.append(_DELTAS)
    return sentences + remarks(table) + left_out(table)


def _states_delta(smoothing: str | None) -> bool:
    known = recorded_smoothing(smoothing)
    return known is not None and known != PRESETS[known.kind]


def _single_seed(table: pd.DataFrame) -> bool:
    if "seeds" in table:
        known = table["seeds"].dropna()
        return not known.empty and bool(known.max() < 2)
    if "seed" in table and table["seed"].notna().any():
        return bool(table.groupby(["variant", "smoothing"], dropna=False)["seed"].nunique().max() < 2)
    return False


def _in_words(layout: Layout, table: pd.DataFrame) -> Layout:
    words = words_of(table)
    named = {
        header.replace("{joint}", words.joint).replace("{weight}", words.weight): cell
        for header, cell in layout.cells.items()
    }
    return replace(layout, cells=named)


def _row_names(table: pd.DataFrame, rows: tuple[str, ...]) -> list[str]:
    external = "run" in table and table["variant"].isna().any()
    named = ["run", *(name for name in rows if name not in RUN)] if external else list(rows)
    return [name for name in named if name in table]


def _header_text(column: str, value: object) -> str:
    return subscript(str(value)) if column == "modality" else display_name(column, value)


def _headers(table: pd.DataFrame, layout: Layout) -> list[str]:
    """Headers by cell, then by the columns set side by side, each in the order in which its values first appear."""
    names = list(layout.columns)
    if not names:
        return list(layout.cells)
    seen = table[names].drop_duplicates()
    seen = seen.sort_values(names, key=lambda column: column.map(list(column.unique()).index), kind="stable")
    asides = ["\n".join(map(_header_text, names, row)) for row in seen.itertuples(index=False)]
    return [
        header.replace("{}", aside) for header in layout.cells for aside in (asides if "{}" in header else asides[:1])
    ]
