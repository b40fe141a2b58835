from __future__ import annotations

import html
import json
import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbias.tables.render import LONG, as_csv, as_html, as_json, as_latex, as_text, with_subscripts

WIDE = pd.DataFrame({"variant": ["A_cross + V_self"] * 2, "kind": ["x", "y"], "MSE_wsl,a": ["1.7e-04", "2"]})
WIDE.attrs["names"] = 2


def test_text_sets_a_repeated_name_once_and_aligns():
    assert as_text(WIDE, {"seed": "0"}, ["Note."], 80).splitlines() == [
        "seed 0",
        "",
        "variant           kind  MSE_wsl,a",
        "A_cross + V_self  x       1.7e-04",
        "                  y             2",
        "",
        "Note.",
    ]


def test_latex_sets_our_labels_and_powers():
    lines = as_latex(WIDE, {}, []).splitlines()

    assert lines[3] == r"variant & kind & $MSE_\mathrm{wsl,a}$ \\"
    assert lines[5] == r"$A_\mathrm{cross}$ + $V_\mathrm{self}$ & x & $1.7 \times 10^{-4}$ \\"


def test_latex_groups_columns_under_what_they_share():
    wide = pd.DataFrame({"metric": ["Audio"], "measured\nsegment": ["1"], "measured\nevent": ["2"]})
    wide.attrs["names"] = 1

    latex = as_latex(wide, {}, [])
    assert r"\multicolumn{2}{c}{measured}" in latex
    assert r"\cmidrule(lr){2-3}" in latex


@given(st.text(max_size=20))
def test_html_holds_no_markup_of_a_name(name):
    wide = pd.DataFrame({"category": [name], "value": [name]})
    wide.attrs["names"] = 1
    tags = as_html(wide, "caption").count("<") - 2 * with_subscripts(name).count("<")
    empty = pd.DataFrame({"category": [""], "value": [""]})
    empty.attrs["names"] = 1

    assert tags == as_html(empty, "caption").count("<")


def test_a_long_table_is_folded_and_whole():
    short, long = (WIDE.iloc[[0] * rows] for rows in (LONG, LONG + 1))

    assert "<details>" not in as_html(short, "caption")
    assert f"<details><summary>The table, {LONG + 1} rows</summary>" in as_html(long, "caption")
    assert as_html(long, "caption").count("<tr>") == LONG + 2
    assert "<details><summary>All a &amp; b</summary>" in as_html(short, "caption", folded_as="All a & b")


@pytest.mark.parametrize("name", ["<b>", "a<b>c", "x < y > z", '"q" & r', "L_wsl &lt;b&gt;"])
def test_the_label_of_a_table_holds_its_caption_as_text(name):
    label = re.search(r'aria-label="(.*?)"', as_html(WIDE, f"<em>Runs</em> of {with_subscripts(name)}"))[1]

    assert "<" not in label
    assert html.unescape(label) == f"Runs of {name.replace('L_wsl', 'Lwsl')}"


def test_html_escapes():
    assert with_subscripts("<img src=x onerror=alert(1)>") == "&lt;img src=x onerror=alert(1)&gt;"
    assert with_subscripts("MSE_total,text") == "MSE<sub>total,text</sub>"
    assert with_subscripts("MSE_wsl,a = 1.7e-04") == "MSE<sub>wsl,a</sub> = 1.7\xa0×\xa010<sup>−4</sup>"
    assert with_subscripts("A_cross + V_self") == "A<sub>cross</sub>\xa0+\xa0V<sub>self</sub>"


@given(st.lists(st.floats(), min_size=1, max_size=5))
def test_numbers_are_exact(numbers):
    table = pd.DataFrame({"name": ["n"] * len(numbers), "value": numbers})
    rows = json.loads(as_json(table), parse_constant=lambda text: 1 / 0)

    for number, row, line in zip(numbers, rows, as_csv(table).splitlines()[1:], strict=True):
        finite = abs(number) < float("inf")
        assert row["value"] == (number if finite else None)
        if finite:
            assert float(line.split(",")[1]) == number
