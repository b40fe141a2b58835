from __future__ import annotations

import pandas as pd
import pytest

import mbias
from mbias.reports.every_category import every_category
from mbias.reports.page import Page
from tests.drawn_runs import draw_run, draw_study


def test_categories_are_sorted_by_their_mean_over_settings(tmp_path):
    study = draw_study(tmp_path, [("across_vcross", "ls_a"), ("across_vcross", "ls_v")], seeds=(0, 1))
    table = mbias.attention(study, table="categories").query("scope == 'all'")
    means = table[table["modality"] == "audio"].pivot_table(index="category", columns="smoothing", values="mean")
    expected = means.loc[means.mean(axis=1).sort_values(ascending=False).index]
    wide = every_category(table, "mean")

    assert list(wide["category"]) == list(expected.index)
    assert list(wide.columns[1:]) == ["A_cross + V_cross, LS-A", "A_cross + V_cross, LS-V"]
    assert wide.iloc[:, 1:].astype(float).to_numpy() == pytest.approx(expected.to_numpy(), abs=0.00501)


def test_of_more_than_two_modalities_each_has_a_column(tmp_path):
    run = draw_run(tmp_path / "mine", external=True, modalities=("audio", "visual", "text"))
    wide = every_category(mbias.attention(run, table="categories").query("scope == 'all'"), "mean")

    assert list(wide.columns) == ["category", "mine\naudio", "mine\nvisual", "mine\ntext"]


def test_a_category_that_a_setting_lacks_is_empty():
    columns = dict.fromkeys(("variant", "smoothing", "mitigation", "control"))
    table = pd.DataFrame({"run": ["a", "a", "b"], **columns, "category": ["Dog", "Cat", "Cat"], "balance": [1, 0, 0]})

    assert every_category(table, "balance").to_numpy().tolist() == [["Dog", "1.00", ""], ["Cat", "0.00", "0.00"]]


def test_the_page_shows_it_where_a_figure_does_not_draw_all(tmp_path):
    columns = dict.fromkeys(("variant", "smoothing", "mitigation", "control"))
    rows = [{"run": "mine", **columns, "category": f"c{index}", "balance": 0.0} for index in range(41)]
    shown = [Page("diagnosis").every_category(pd.DataFrame(rows[:n]), "balance", "All.").content for n in (40, 41)]

    assert shown[0] == ""
    assert "All 41 categories, sorted" in shown[1]
    assert shown[1].count("<tr>") == 42
