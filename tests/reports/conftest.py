from __future__ import annotations

import pytest

from mbias.reports.report import write_report
from tests.drawn_runs import draw_study

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """The report, on two of three categories, of two variants under two smoothings, with names that are no names."""
    folder = tmp_path_factory.mktemp("report")
    settings = [(variant, smoothing) for variant in ("across_vself", "across_vcross") for smoothing in ("ls_a", "ls_v")]
    study = draw_study(folder / f'it\'s <b>"{chr(233)} 猫"', settings, names=(EVIL, "a_b", "猫"))
    return study, write_report(study, folder / "out", categories=[EVIL, "猫"], epoch="best")


@pytest.fixture(scope="session")
def compared(tmp_path_factory):
    """The report on two studies of the same settings."""
    folder = tmp_path_factory.mktemp("compared")
    studies = [
        draw_study(folder / name, [("across_vself", "ls_a"), ("across_vcross", "ls_a")], seeds=seeds)
        for name, seeds in (("one", (0, 1, 2)), ("other", (0, 1, 2)))
    ]
    return studies, write_report(studies[0], folder / "out", against=studies[1])
