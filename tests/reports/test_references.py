from __future__ import annotations

import ast
import re
from importlib import resources

import nbformat
import pytest

from mbias.reports import notebooks
from mbias.reports.references import entries
from mbias.reports.report import COMPARISON, SECTIONS


def keys():
    """All keys of the file."""
    text = resources.files("mbias.reports").joinpath("references.bib").read_text(encoding="utf-8")
    return re.findall(r"^@\w+\{(\w+),$", text, re.M)


def test_entries_come_in_the_order_of_their_keys():
    first, second = keys()[:2]

    assert re.findall(r"^@\w+\{(\w+),$", entries([second, first]), re.M) == [second, first]
    assert all(entries([key]).count("{") == entries([key]).count("}") for key in keys())
    with pytest.raises(KeyError):
        entries(["nobody2026"])


@pytest.mark.parametrize("name", [*SECTIONS, *COMPARISON])
def test_what_a_notebook_cites_has_an_entry(name):
    notebook = nbformat.read(notebooks.notebook_path(name), as_version=4)
    calls = [
        node
        for cell in notebook.cells
        if cell.cell_type == "code"
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "cited"
    ]

    assert len(calls) == 1
    assert {argument.value for argument in calls[0].args} <= set(keys())
