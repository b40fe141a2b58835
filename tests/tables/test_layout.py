from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mbias.tables.layout import (
    Layout,
    concatenated,
    lay_out,
    left_out,
    notes,
    number,
    with_interval,
    with_left_out,
    with_remarks,
)

TABLE = pd.DataFrame(
    [
        ("across_vself", "ls_v", "audio", 0.25, 0.2, 0.3),
        ("across_vself", "ls_v", "visual", 0.75, 0.7, 0.8),
        ("across_vcross", "ls_v", "audio", 0.5, np.nan, np.nan),
    ],
    columns=["variant", "smoothing", "modality", "weight", "weight_low", "weight_high"],
)
LAYOUT = Layout(("variant", "smoothing"), ("modality",), {"W_{}": with_interval("weight", ".2f")})


def test_values_are_set_side_by_side_and_names_that_never_change_are_said_once():
    wide, constant = lay_out(TABLE, LAYOUT)

    assert constant == {"smoothing": "LS-V"}
    assert list(wide.columns) == ["variant", "W_a", "W_v"]
    assert wide.attrs["names"] == 1
    assert wide.to_numpy().tolist() == [
        ["A_cross + V_self", "0.25 [0.20, 0.30]", "0.75 [0.70, 0.80]"],
        ["A_cross + V_cross", "0.50", ""],
    ]


def test_a_header_without_a_place_for_the_modality_appears_once():
    layout = Layout(("variant",), ("modality",), {"W_{}": number("weight", ".1f"), "seeds": lambda row: "3"})

    assert list(lay_out(TABLE, layout)[0].columns) == ["variant", "W_a", "W_v", "seeds"]


def test_external_runs_go_by_their_names():
    table = TABLE.assign(run=["one", "one", "two"], variant=None, smoothing=None)
    wide, constant = lay_out(table, LAYOUT)

    assert list(wide["run"]) == ["one", "two"]
    assert constant == {}


def test_what_was_left_out_is_kept_when_tables_are_joined():
    first, second = (with_left_out(TABLE.copy(), {name: f"{name} is missing"}) for name in ("a", "b"))
    joined = concatenated([first, second])

    assert len(joined) == 2 * len(TABLE)
    assert sorted(left_out(joined)) == ["Left out: a (a is missing).", "Left out: b (b is missing)."]


def test_notes_say_what_a_reader_must_know():
    one_seed = pd.DataFrame({"variant": ["v"], "smoothing": ["s"], "seed": [0], "simulated": [True]})
    two_seeds = pd.DataFrame({"seeds": [1, 2], "simulated": [False, False]})

    assert notes(with_left_out(one_seed, {"swap": "no pass"})) == [
        "Simulated data.",
        "One seed per setting: a difference may be due to chance.",
        "Left out: swap (no pass).",
    ]
    assert notes(two_seeds) == []


def test_headers_have_the_words_of_the_table():
    table = pd.DataFrame({"run": ["mine"] * 2, "variant": None, "modality": ["text", "image"], "mse": [1.0, 2.0]})
    layout = Layout(("variant",), ("modality",), {"MSE_{joint},{}": number("mse", ".0f")})

    assert list(lay_out(table, layout)[0].columns) == ["run", "MSE_joint,text", "MSE_joint,image"]
    assert "MSE_wsl,a" in lay_out(table.assign(modality=["audio", "visual"]), layout)[0]


def test_what_is_left_out_for_one_reason_is_said_once():
    table = with_left_out(
        pd.DataFrame(), {"swap": "three modalities", "drop": "not probed", "cross": "three modalities"}
    )

    assert left_out(table) == ["Left out: swap, cross (three modalities).", "Left out: drop (not probed)."]


def test_notes_say_which_rows_are_simulated_and_what_was_remarked():
    table = pd.DataFrame({"source": ["measured", "published"], "simulated": [True, False]})

    assert notes(with_remarks(table, ["The paper has a misprint."])) == [
        "Measured rows: simulated data.",
        "The paper has a misprint.",
    ]
    assert notes(table[:1]) == ["Simulated data.", "The paper has a misprint."]


@pytest.mark.parametrize(("names", "said"), [(["no_ls", "ls_v"], False), (["no_ls", "ls_v0.2"], True), ([None], False)])
def test_notes_say_what_the_number_in_the_name_of_a_smoothing_is(names, said):
    note = "A number in the name of a smoothing is its delta; without one, delta is 0.1."

    assert notes(pd.DataFrame({"smoothing": names})) == [note] * said


def test_remarks_stand_before_what_was_left_out():
    table = with_remarks(with_left_out(pd.DataFrame({"seeds": [2]}), {"swap": "no pass"}), ["Read elsewhere."])

    assert notes(table) == ["Read elsewhere.", "Left out: swap (no pass)."]
