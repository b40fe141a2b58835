from __future__ import annotations

import pandas as pd
import pytest

from mbias.tables.names import display_name, format_ratio, loss_name, setting_name, setting_names, subscript


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("variant", "across_vself", "A_cross + V_self"),
        ("variant", "late_fusion", "late_fusion"),
        ("smoothing", "ls_av", "LS-AV"),
        ("smoothing", "no_ls", "No-LS"),
        ("metric", "type_average", "Type@AV"),
        ("outcome", "log_loss", "log"),
        ("category", "Dog", "Dog"),
        ("seed", None, ""),
        ("seed", float("nan"), ""),
    ],
)
def test_cells_have_the_names_of_the_paper(column, value, text):
    assert display_name(column, value) == text


def test_modalities_other_than_the_papers_keep_their_names():
    assert [subscript(name) for name in ("audio", "visual", "text")] == ["a", "v", "text"]
    assert [loss_name(name) for name in ("visual", "wsl", "text")] == ["L_v", "L_wsl", "L_text"]


def test_an_external_run_goes_by_its_name():
    assert setting_name("mine", None, None, None, None) == "mine"
    assert setting_name("run", "across_vcross", "ls_v", None, "frozen") == "A_cross + V_cross, LS-V, frozen"


def test_within_a_variant_settings_go_by_smoothing_mitigation_and_control():
    table = pd.DataFrame(
        [
            ("a", "across_vself", "ls_v", "ogm_ge", None),
            ("b", "across_vself", "ls_v", None, "random"),
            ("mine", None, None, None, None),
            ("2 runs", "late fusion", None, None, None),
        ],
        columns=["run", "variant", "smoothing", "mitigation", "control"],
        index=[5, 7, 9, 11],
    )

    assert setting_names(table).to_dict() == {5: "LS-V, ogm_ge", 7: "LS-V, random", 9: "mine", 11: "late fusion"}


def test_ratios_have_three_digits():
    assert [format_ratio(ratio) for ratio in (1.0, 28.96, 99.96, 12345.6, float("nan"))] == [
        "1",
        "29",
        "100",
        "12,346",
        "",
    ]
