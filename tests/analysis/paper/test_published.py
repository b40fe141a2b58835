"""The paper's published tables, and what is misprinted in them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from mbias.analysis.paper import published

PAPER = Path(__file__).resolve().parents[2].parent / "shared" / "paper"


def test_the_misprinted_cell_is_found_with_its_value():
    misprinted = published.misprints(published.table2())

    assert misprinted.to_dict("records") == [
        {
            "variant": "across_vself",
            "smoothing": "ls_av",
            "level": level,
            "metric": "visual",
            "printed": printed,
            "implied": implied,
        }
        for level, printed, implied in (("segment", 49.3, 53.7), ("event", 42.8, 49.3))
    ]
    assert published.misprints(published.table1()).empty


@pytest.mark.parametrize(
    ("name", "read"), [("table1_variants.csv", published.table1), ("table2_smoothing.csv", published.table2)]
)
def test_shipped_tables_are_the_papers(name, read):
    if not (PAPER / name).exists():
        pytest.skip("the paper's tables are not beside this checkout")
    with (PAPER / name).open() as file:
        rows = [(*list(row.values())[:4], float(row["f_score"])) for row in csv.DictReader(file)]

    table = read()[["variant", "smoothing", "metric", "level", "f_score"]]
    assert [tuple(row) for row in table.itertuples(index=False)] == rows
