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
from tests.analysis.measures.modelled import modelled_run, sigmoid
from tests.drawn_runs import draw_run, draw_study


def test_what_is_taken_over_is_what_was_computed(tmp_path, monkeypatch):
    study = open_study(draw_study(tmp_path / "runs", [("across_vcross", s) for s in ("ls_a", "ls_v")], [0, 1]))
    first = shared.shared_estimates(study, tmp_path / "estimates.safetensors")
    monkeypatch.setattr(shared, "estimates", lambda study: pytest.fail("computed twice"))
    second = shared.shared_estimates(study, tmp_path / "estimates.safetensors")

    assert first.reasons == second.reasons
    for a, b in zip(first, second, strict=True):
        assert a.setting.identity == b.setting.identity
        assert list(a.by_measure) == list(b.by_measure)
        assert len(a.by_measure) == len(catalogue.MEASURES)
        for measure, of_measure in a.by_measure.items():
            for value, other in zip(astuple(of_measure), astuple(b.by_measure[measure]), strict=True):
                np.testing.assert_array_equal(value, other)
    assert verdicts(study, second).equals(verdicts(study))


@pytest.mark.parametrize("number", [2, 3])
def test_a_verdict_is_taken_over_where_no_measure_of_two_modalities_applies(tmp_path, number):
    """Without labels, or with three modalities."""
    rng = np.random.default_rng(1)
    inputs = {name: rng.normal(size=100) for name in ("audio", "visual", "text")[:number]}
    weak = (inputs["audio"] > 0)[:, None] if number == 3 else None
    run = modelled_run(tmp_path / "run", lambda *x: sigmoid(2 * x[0] + sum(x))[:, None], inputs, weak)
    study = open_study(run)
    for _ in range(2):
        estimated = shared.shared_estimates(study, tmp_path / "estimates.safetensors")
        assert verdicts(study, estimated).equals(verdicts(study))


def test_where_it_does_not_apply_nothing_is_left(tmp_path):
    study = open_study(draw_run(tmp_path / "run", probe=False))
    with pytest.raises(BadInputError, match="not probed"):
        shared.shared_estimates(study, tmp_path / "estimates.safetensors")
    assert not (tmp_path / "estimates.safetensors").exists()
