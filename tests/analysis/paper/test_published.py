"""The paper's published tables, and what is misprinted in them."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
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


def test_the_numbers_of_fig2_are_the_papers():
    table = published.fig2().set_index("modality")["mse"]
    assert table.to_dict() == {"audio": 9e-8, "visual": 0.104}
    if not (PAPER / "paper.txt").exists():
        pytest.skip("the paper's text is not beside this checkout")
    text = " ".join((PAPER / "paper.txt").read_text(encoding="utf-8").split())
    assert "for 40 epochs denoted by MSEwsl,a is 9e-8." in text
    assert "denoted by MSEwsl,v is 0.104." in text


def test_both_checks_are_said_together():
    assert published.checks() == (
        "Table 2 misprints the visual F-scores of A_cross + V_self, LS-AV: Type@AV implies 53.7 (segment) and 49.3 "
        "(event), not 49.3 and 42.8.",
        "MSE_wsl,v = 0.104 (Fig. 2) implies delta = 0.198. The paper gives no delta; the original training code has "
        "0.1.",
    )


@pytest.mark.parametrize("name", ["ls_av", "ls_a0.2_v0.2", "ls_a0.2_v0.1"])
def test_published_rows_are_found_by_the_smoothed_modalities(name):
    measured = pd.DataFrame({"variant": ["across_vself"], "smoothing": [name]})
    rows = published.beside(measured, published.table2())

    paper = published.table2()
    expected = paper[(paper["variant"] == "across_vself") & (paper["smoothing"] == "ls_av")]
    assert list(rows["f_score"]) == list(expected["f_score"])
    assert set(rows["smoothing"]) == {name}
    assert list(rows.columns) == list(paper.columns)


def test_settings_that_the_paper_lacks_have_no_published_row():
    measured = pd.DataFrame({"variant": ["aself_vself", "across_vself"], "smoothing": ["ls_a0.2", "mixup"]})

    assert published.beside(measured, published.table2()).empty
