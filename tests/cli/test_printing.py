"""How tables, notes and figures reach the user."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pandas as pd
import pytest

import mbias
from mbias.cli.printing import FORMATS, add_epoch, check_figure, print_notes, print_wrapped, printed
from mbias.errors import BadInputError
from mbias.tables.layout import Layout, number, with_left_out
from tests.drawn_runs import draw_run

TABLE = with_left_out(
    pd.DataFrame({"variant": ["across_vself"], "smoothing": ["ls_v"], "value": [1 / 3], "simulated": [True]}),
    {"swap": "the probe has no such pass"},
)
LAYOUT = Layout(("variant", "smoothing"), (), {"value": number("value", ".2f")})


def test_formats_for_programs_hold_every_digit_and_those_for_people_the_notes():
    texts = {form: printed(LAYOUT, TABLE, form) for form in FORMATS}

    assert json.loads(texts["json"]) == TABLE.to_dict("records")
    assert repr(1 / 3) in texts["csv"]
    for form in ("table", "latex"):
        assert "0.33" in texts[form]
        assert "Left out: swap (the probe has no such pass)." in texts[form]
        assert "Simulated data." in texts[form]


def test_notes_go_to_standard_error(tmp_path, capsys):
    run = draw_run(tmp_path / "one")
    log = run / "epochs.jsonl"
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:2]))
    study = mbias.Study((mbias.Run(run),), {"two": "no epoch is committed yet"})

    print_notes(TABLE, [study], "table")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        "mbias-analyze: note: left out two: no epoch is committed yet",
        "mbias-analyze: note: training is not finished: one (2 epochs)",
    ]
    print_notes(TABLE, [study], "csv")
    assert capsys.readouterr().err.startswith("mbias-analyze: note: Left out: swap (the probe has no such pass).\n")


def test_sentences_are_wrapped_at_the_width_of_the_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    print_wrapped(["A sentence that is longer than thirty characters.", "A short one."])

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 30
    assert lines[1].startswith("  ")
    assert lines[-1] == "A short one."


def test_a_figure_that_cannot_be_written_is_refused_before_anything_is_computed(tmp_path):
    check_figure(None)
    check_figure(tmp_path / "figure.pdf")
    with pytest.raises(BadInputError, match=r"figure\.jpg: a figure is written as"):
        check_figure(tmp_path / "figure.jpg")
    with pytest.raises(BadInputError, match="there is no folder"):
        check_figure(Path("nowhere") / "figure.pdf")


def test_an_epoch_is_a_number_last_or_best(capsys):
    parser = argparse.ArgumentParser()
    add_epoch(parser, "last")

    assert parser.parse_args(["--epoch", "3"]).epoch == 3
    assert parser.parse_args(["--epoch", "best"]).epoch == "best"
    assert not hasattr(parser.parse_args([]), "epoch")
    with pytest.raises(SystemExit):
        parser.parse_args(["--epoch", "lst"])
    assert "'lst' is not an epoch: take a number, 'last' or 'best'" in capsys.readouterr().err
