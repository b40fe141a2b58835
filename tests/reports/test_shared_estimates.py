"""Estimates that notebooks of a report share."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from mbias import open_study
from mbias.analysis.diagnosis import verdicts
from mbias.analysis.measures import catalogue
from mbias.errors import BadInputError
from mbias.reports import shared_estimates as shared
from tests.drawn_runs import draw_run, draw_study


def test_what_is_taken_over_is_what_was_computed(tmp_path, monkeypatch):
    study = open_study(draw_study(tmp_path / "runs", [("across_vcross", s) for s in ("ls_a", "ls_v")], [0, 1]))
    first = shared.shared_estimates(study, tmp_path / "estimates.safetensors")
    monkeypatch.setattr(shared, "estimates", lambda study: pytest.fail("computed twice"))
    second = shared.shared_estimates(study, tmp_path / "estimates.safetensors")

    assert [setting.identity for setting, _ in first] == [setting.identity for setting, _ in second]
    for (_, first_estimates), (_, second_estimates) in zip(first, second, strict=True):
        assert list(first_estimates) == list(second_estimates)
        assert len(first_estimates) == len(catalogue.MEASURES)
        for measure in first_estimates:
            for a, b in zip(astuple(first_estimates[measure]), astuple(second_estimates[measure]), strict=True):
                np.testing.assert_array_equal(a, b)
    assert verdicts(study, second).equals(verdicts(study))


def test_where_it_does_not_apply_nothing_is_left(tmp_path):
    study = open_study(draw_run(tmp_path / "run", probe=False))
    with pytest.raises(BadInputError, match="not probed"):
        shared.shared_estimates(study, tmp_path / "estimates.safetensors")
    assert not (tmp_path / "estimates.safetensors").exists()
