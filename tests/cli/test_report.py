"""The command `mbias-analyze report`: what is refused before a notebook is run."""

from __future__ import annotations

import pytest

from mbias.cli.analyze import main
from tests.drawn_runs import draw_run


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-p", "epok=3"], "-p epok=3: not a parameter of a report; take epoch=..., categories=..., published=..."),
        (["-p", "epoch=lst"], "epoch=lst: not an epoch; take a number from 1, 'last' or 'best'"),
        (["-p", "epoch=9"], "no epoch 9; take 1 to 3"),
        (["-p", "categories=Dgo,Cat"], "no category 'Dgo'; its categories are"),
        (["-p", "published=maybe"], "published=maybe: take true or false"),
    ],
)
def test_a_wrong_parameter_is_one_line_and_code_2(tmp_path, options, message, capsys):
    run = draw_run(tmp_path / "run")

    assert main(["report", str(run), "--out", str(tmp_path / "out"), *options]) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert (printed.err.count("\n"), printed.out) == (1, "")
    assert not (tmp_path / "out").exists()


def test_a_report_compares_at_most_two_studies(tmp_path, capsys):
    run = str(draw_run(tmp_path / "run"))

    assert main(["report", run, run, run, "--out", str(tmp_path / "out")]) == 2
    assert "a report is of one study or compares two; leave the others out" in capsys.readouterr().err


def test_a_folder_of_other_files_is_not_replaced(tmp_path, capsys):
    run = draw_run(tmp_path / "run")

    assert main(["report", str(run), "--out", str(run)]) == 2
    assert "which is not part of a report; choose another folder" in capsys.readouterr().err
    assert (run / "run.json").exists()
