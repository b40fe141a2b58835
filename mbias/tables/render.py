"""Tables as text for a terminal, JSON, CSV, LaTeX and HTML."""

from __future__ import annotations

import html
import itertools
import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

_LINE = "\n"

LONG = 25
"""A table of more rows is folded on a page, rather than cut by a box that scrolls."""

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "†": r"\textdagger{}",
    "<": r"$<$",
    ">": r"$>$",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def as_csv(table: pd.DataFrame) -> str:
    """A table as CSV, with every column and row, and with numbers to the last bit, as in Python's ``repr``."""
    return str(table.to_csv(index=False, lineterminator="\n"))


def as_json(table: pd.DataFrame) -> str:
    """A table as a JSON list of rows; an unknown number is null.

    Examples
    --------
    >>> import pandas as pd
    >>> print(as_json(pd.DataFrame({"modality": ["audio"], "mean": [float("nan")]})))
    [
     {
      "modality": "audio",
      "mean": null
     }
    ]
    """
    columns = {
        name: [None if pd.isna(value) or value in (float("inf"), float("-inf")) else value for value in values.tolist()]
        for name, values in table.items()
    }
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False)


def as_text(wide: pd.DataFrame, constant: Mapping[str, str], notes: Sequence[str], width: int) -> str:
    """A laid-out table as text, in lines of at most ``width`` characters where the columns allow it.

    Columns that do not fit follow below, in parts that repeat the columns that name the rows. Where these alone leave
    no room, there is one table for each value of the first of them.

    Parameters
    ----------
    wide, constant
        As returned by `mbias.tables.layout.lay_out`.
    notes
        Sentences to print below the table.
    width
        The number of characters per line.

    Returns
    -------
    str
        The text, without a newline at its end.
    """
    names = _name_columns(wide)
    texts = _unrepeated(wide, names)
    size = {column: max(map(len, [*_stacked(column), *texts[column]])) for column in wide.columns}
    room = width - sum(size[column] + 2 for column in wide.columns[:names])
    if names > 1 and room < max(size[column] for column in wide.columns[names:]):
        parts = [as_text(part, {str(wide.columns[0]): value}, (), width) for value, part in _by_first_name(wide)]
    else:
        shown = _parts(list(wide.columns[names:]), size, room)
        parts = ["\n".join(_lines(texts[[*wide.columns[:names], *columns]], size, names)) for columns in shown]
    head = ", ".join(f"{name} {text}" for name, text in constant.items())
    around = [textwrap.fill(text, max(width, 20)) for text in (head, " ".join(notes))]
    return "\n\n".join(part for part in (around[0], *parts, around[1]) if part)


def as_latex(wide: pd.DataFrame, constant: Mapping[str, str], notes: Sequence[str]) -> str:
    """A laid-out table in LaTeX, for the booktabs package; a name that rows in succession share is set once.

    Parameters
    ----------
    wide, constant
        As returned by `mbias.tables.layout.lay_out`.
    notes
        Sentences for a comment above the table.

    Returns
    -------
    str
        The LaTeX source.
    """
    names = _name_columns(wide)
    lines = [
        f"% {' '.join([*(f'{name} {text};' for name, text in constant.items()), *notes])}".rstrip().replace("\n", " "),
        rf"\begin{{tabular}}{{{'l' * names}{'r' * (len(wide.columns) - names)}}}",
        r"\toprule",
        *_latex_heads(list(wide.columns)),
        r"\midrule",
    ]
    texts = _unrepeated(wide, names)
    for row in texts.itertuples(index=False):
        cells = [
            _typeset(text) if column == "variant" or index >= names else _escaped(text)
            for index, (column, text) in enumerate(zip(wide.columns, row, strict=True))
        ]
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def as_html(wide: pd.DataFrame, caption: str, folded_as: str | None = None) -> str:
    """A laid-out table as HTML, in which the columns that name a row are its headers; a long one is folded.

    Parameters
    ----------
    wide
        As returned by `mbias.tables.layout.lay_out`. Its texts are escaped.
    caption
        The caption, as HTML.
    folded_as
        What a reader clicks to open the table; by default, a table of more than `LONG` rows is folded as these rows.

    Returns
    -------
    str
        The HTML.
    """
    names = _name_columns(wide)
    head = "".join(
        f'<th scope="col"{" class=name" * (index < names)}>{with_subscripts(column).replace(_LINE, "<br>")}</th>'
        for index, column in enumerate(wide.columns)
    )
    label = html.escape(html.unescape(re.sub(r"<[^>]*>", "", caption)))
    rows = []
    for row in wide.itertuples(index=False):
        headers = "".join(f'<th scope="row">{with_subscripts(text)}</th>' for text in row[:names])
        cells = "".join(f"<td>{with_subscripts(text)}</td>" for text in row[names:])
        rows.append(f"<tr>{headers}{cells}</tr>")
    table = (
        f'<div class="table" role="region" tabindex="0" aria-label="{label}"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
    summary = folded_as or (f"The table, {len(wide)} rows" if len(wide) > LONG else None)
    if summary:
        table = f"<details><summary>{html.escape(summary)}</summary>{table}</details>"
    return f'<p class="caption">{caption}</p>{table}'


def with_subscripts(text: str) -> str:
    """Text as escaped HTML, with symbols (``L_wsl``, ``A_cross``) and powers of ten (``1.7e-04``) set as in print.

    Examples
    --------
    >>> with_subscripts("L_wsl < 1")
    'L<sub>wsl</sub> &lt; 1'
    """
    # A name or a number is not broken over two lines.
    whole = re.sub(r"\b(A_\w+) \+ (V_\w+)", "\\1\N{NO-BREAK SPACE}+\N{NO-BREAK SPACE}\\2", html.escape(text))
    marked = re.sub(r"\b(MSE|phi|[ALVWp])_(cross|self|\w+,\w+|\w+)", r"\1<sub>\2</sub>", whole)
    powers = re.sub(
        r"\b(\d(?:\.\d+)?)e([+-]\d+)\b",
        lambda m: f"{m[1]}\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10<sup>{int(m[2])}</sup>".replace("-", "−"),
        marked,
    )
    return powers.replace("phi<sub>", "φ<sub>")


def _name_columns(wide: pd.DataFrame) -> int:
    return int(wide.attrs["names"])


def _by_first_name(wide: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """For each value of the first column, its rows without that column."""
    for value in wide.iloc[:, 0].unique():
        part = wide[wide.iloc[:, 0] == value].iloc[:, 1:]
        part.attrs["names"] = _name_columns(wide) - 1
        yield str(value), part


def _unrepeated(wide: pd.DataFrame, names: int) -> pd.DataFrame:
    """The texts, with the leading names of a row blank where they are the same as in the row above."""
    texts = wide.copy()
    same = pd.Series(True, index=wide.index)
    for column in wide.columns[: names - 1]:
        same &= wide[column] == wide[column].shift()
        texts.loc[same, column] = ""
    return texts


def _parts(columns: list[str], size: Mapping[str, int], width: int) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for column in columns:
        if parts[-1] and sum(size[c] + 2 for c in [*parts[-1], column]) - 2 > width:
            parts.append([])
        parts[-1].append(column)
    return parts


def _lines(texts: pd.DataFrame, size: Mapping[str, int], names: int) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        padded = [
            text.ljust(size[column]) if index < names else text.rjust(size[column])
            for index, (column, text) in enumerate(zip(texts.columns, cells, strict=True))
        ]
        return "  ".join(padded).rstrip()

    stacks = [_stacked(column) for column in texts.columns]
    height = max(map(len, stacks))
    heads = zip(*([""] * (height - len(stack)) + stack for stack in stacks), strict=True)
    return [*map(line, heads), *(line(row) for row in texts.itertuples(index=False))]


def _stacked(header: str) -> list[str]:
    return header.replace(" + ", "\n+ ").split("\n")


def _latex_heads(columns: Sequence[str]) -> list[str]:
    """The header rows, in which a header that neighbouring columns share is set once, above a rule."""
    stacks = [column.split("\n") for column in columns]
    height = max(map(len, stacks))
    stacks = [[""] * (height - len(stack)) + stack for stack in stacks]
    lines = []
    for level in range(height - 1):
        cells, rules, first = [], [], 1
        for above, group in itertools.groupby(tuple(stack[: level + 1]) for stack in stacks):
            span = len(list(group))
            cells.append(rf"\multicolumn{{{span}}}{{c}}{{{_typeset(above[-1])}}}")
            rules += [rf"\cmidrule(lr){{{first}-{first + span - 1}}}"] if above[-1] else []
            first += span
        lines += [" & ".join(cells) + r" \\", " ".join(rules)]
    return [*lines, " & ".join(_typeset(stack[-1]) for stack in stacks) + r" \\"]


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def _typeset(text: str) -> str:
    """A text in LaTeX: a symbol such as ``L_wsl`` with its subscript, ``1.7e-04`` as a power of ten."""
    power = re.fullmatch(r"(-?[\d.]+)e([+-]\d+)", text)
    if power:
        return rf"${power[1]} \times 10^{{{int(power[2])}}}$"
    escaped = _escaped(text)
    escaped = re.sub(r"\bphi\\_", r"$\\phi$\\_", escaped)
    return re.sub(
        r"(\$\\phi\$|\b[A-Z]+)\\_(\w+(?:,\w+)?)", lambda m: f"${m[1].strip('$')}_\\mathrm{{{m[2]}}}$", escaped
    )
