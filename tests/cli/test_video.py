from __future__ import annotations

import csv
import io
import json

import pytest

from mbias.cli.analyze import main
from tests.drawn_runs import draw_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return str(
        draw_run(
            tmp_path_factory.mktemp("runs") / "run", names=("Telephone_bell_ringing", "Baby_cry_infant_cry"), videos=4
        )
    )


def test_the_roll_fits_the_terminal_and_is_drawn(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    assert main(["video", run, "v0001", "--figure", str(tmp_path / "roll.pdf")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("·" in line or "■" in line for line in lines)
    assert (tmp_path / "roll.pdf").read_bytes().startswith(b"%PDF")


def test_formats_hold_the_same(run, capsys):
    assert main(["video", run, "v0001", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert main(["video", run, "v0001", "--format", "csv"]) == 0
    read = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert main(["video", run, "v0001", "--format", "latex"]) == 0

    assert capsys.readouterr().out.count(r"\bottomrule") == 1
    assert [float(row["attention"]) for row in read] == [row["attention"] for row in rows]


def test_worst(run, capsys):
    assert main(["video", run, "--worst", "2", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert main(["video", run, "--worst", "2"]) == 0

    assert len(rows) == 2
    assert rows[0]["lost"] >= rows[1]["lost"]
    assert rows[0]["sample"] in capsys.readouterr().out
    assert main(["video", run]) == 0
    assert f"sample {rows[0]['sample']}" in capsys.readouterr().out


def test_what_is_missing_is_a_note(run, capsys):
    assert main(["video", run, "v0001", "--epoch", "1"]) == 0
    assert "note: epoch 1 holds no predictions and no W_tp; epoch 3 does\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["v0001", "--worst", "3"], "neither an ID nor --figure"),
        (["--worst", "0"], "takes a number from 1"),
        (["--worst", "3", "--figure", "f.png"], "neither an ID nor --figure"),
        (["v9"], "no sample 'v9'"),
        (["--worst", "3", "--epoch", "1"], "epoch 1 does not hold the array 'p'; take epoch 3"),
    ],
)
def test_bad_input(run, arguments, message, capsys):
    assert main(["video", run, *arguments]) == 2
    assert message in capsys.readouterr().err
