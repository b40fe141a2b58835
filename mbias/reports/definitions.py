"""The definitions of tables and measures, taken from their docstrings: a definition stands where it is computed.

``python -m mbias.reports.definitions > docs/measures.md`` writes all of them.
"""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap
from collections.abc import Mapping

from mbias import stats
from mbias.analysis.questions import QUESTIONS, question
from mbias.stats import estimates, significance

STATISTICS = {
    "intervals": estimates.estimate,
    "test of no difference": significance.no_difference,
    "d_z": significance.standardised,
    "Cliff's delta": significance.cliffs_delta,
    "equivalence": significance.equivalence,
    "Holm": significance.holm,
}
"""The statistics that are defined for all questions, by heading."""

_PREFACE = """\
# Measures

Symbols: P, the probability of a category in a segment of a modality; W_tp, attention over segments; W_av, attention
over modalities; a is audio, v visual. p_wsl = sum over segments and modalities of W_tp W_av P is the probability of the
video (Eq. 3). It can exceed 1 where modalities attend to different segments, and is clamped in L_wsl. p_a and p_v = sum
over segments of W_tp P are those of one modality (Eq. 4, 5). L_wsl, L_a and L_v are their cross-entropies, in nats.
Equations, tables and figures are those of [the paper](https://arxiv.org/abs/2203.16860). `mbias-analyze QUESTION
--explain` prints the part of a question. This page is made from the code (`python -m mbias.reports.definitions >
docs/measures.md`).
"""


def explanation(name: str, width: int) -> str:
    """What a question asks, and the definitions of everything that it returns.

    Parameters
    ----------
    name
        A question, or ``statistics``.
    width
        The number of characters per line.

    Returns
    -------
    str
        Markdown.
    """
    if name == "statistics":
        return _page("statistics", "How sure can one be?", stats, STATISTICS, width)
    asked = question(name)
    paper = f" In the paper: {asked.paper}." if asked.paper else ""
    tables: dict[str, object] = {table.name: table.compute for table in asked.tables}
    module = importlib.import_module(f"mbias.analysis.{name}")
    return _page(name, asked.asks[0].upper() + asked.asks[1:] + paper, module, tables | dict(asked.definitions), width)


def _page(name: str, asks: str, module: object, documented: Mapping[str, object], width: int) -> str:
    parts = [f"## {name}", asks, *_paragraphs(module)[1:]]
    for heading, thing in documented.items():
        parts += [f"### {heading}", *_paragraphs(thing)]
    return "\n\n".join(_filled(part, width) for part in parts) + "\n"


def _paragraphs(thing: object) -> list[str]:
    """The text of a docstring and what its function returns, without parameters, types, errors and examples."""
    sections = re.split(r"^(\w+)\n-+\n", inspect.getdoc(thing) or "", flags=re.MULTILINE)
    returned = dict(zip(sections[1::2], sections[2::2], strict=True)).get("Returns", "")
    lines = returned.splitlines()[1:]
    text = f"{sections[0]}\n\n{textwrap.dedent(chr(10).join(lines))}"
    named = re.sub(r"`(?:(mbias[\w.]*)\.)?([A-Z_]{4,})`", lambda match: _value(match, thing), text)
    return [_listed(part) for part in re.split(r"\n\s*\n", named.strip()) if part]


def _listed(part: str) -> str:
    """A paragraph of terms, each with its indented definition below it, as a list; any other paragraph as it is."""
    if not re.match(r"\S.*\n {4}", part):
        return part
    terms = (entry.split("\n", 1) for entry in re.split(r"\n(?=\S)", part))
    return "\n".join(f"- *{term}*: {' '.join(text.split())}" for term, text in terms)


def _value(match: re.Match[str], thing: object) -> str:
    """A constant that a docstring names, as its value where that is a number or a tuple of names."""
    home = importlib.import_module(match[1]) if match[1] else inspect.getmodule(thing)
    value = getattr(home, match[2], None)
    if isinstance(value, int | float):
        return f"{value:g}"
    if isinstance(value, tuple) and all(isinstance(name, str) for name in value):
        return ", ".join(f"``{name}``" for name in value)
    return match[0]


def _filled(part: str, width: int) -> str:
    if part.startswith("#"):
        return part
    if part.startswith("    "):
        return "\n".join(_hanging(line, width) for line in part.split("\n"))
    if part.startswith("- "):
        items = (
            textwrap.fill(item, width, subsequent_indent="  ", break_on_hyphens=False) for item in part.split("\n")
        )
        return "\n".join(items)
    return textwrap.fill(part, width, break_on_hyphens=False)


def _hanging(line: str, width: int) -> str:
    """A line of preformatted text; what is too long goes on below its text, behind the term that it defines."""
    term = re.match(r" *(\S+ {2,})?", line)
    indent = " " * len(term[0] if term else "")
    return textwrap.fill(line, width, subsequent_indent=indent, break_on_hyphens=False) if len(line) > width else line


def main() -> None:
    """Print all definitions."""
    print("\n".join([_PREFACE, *(explanation(name, 120) for name in (*QUESTIONS, "statistics"))]), end="")


if __name__ == "__main__":
    main()
