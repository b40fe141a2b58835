"""The list of measures, and what is said of those that do not apply."""

from __future__ import annotations

import pytest

from mbias.analysis.measures.catalogue import MEASURES, PRIMARY, estimates, primary_estimates
from mbias.errors import NotApplicableError
from tests.drawn_runs import draw_external_probe, draw_run, draw_study

LEFT_OUT = {
    "Shapley (p, mean)": False,
    "Shapley (log, mean)": False,
    "Shapley (F, mean)": False,
    "drop (p, mean)": False,
    "utilisation (F, mean)": False,
    "attention": False,
    "contribution": False,
    "branch score": False,
    "drop (p, zero)": "no pass with visual replaced by 'zero'",
    "drop (p, permuted)": "no pass with visual replaced by 'permuted'",
    "perceptual (F, permuted)": "no pass with visual replaced by 'permuted'",
    "drop (F_a, mean)": "was recorded without probabilities of segments 'p'",
    "drop (F_v, mean)": "was recorded without probabilities of segments 'p'",
    "swap (swapped)": "no pass with audio swapped",
    "cross (p, cross)": "no pass in which cross-attention alone is replaced",
}
"""Of an external run whose probe has only the passes of the mean baseline, with p_joint: why a measure is left out."""


def test_names_are_unique_and_the_primary_measure_is_the_first():
    assert len({measure.display_name for measure in MEASURES}) == len(MEASURES)
    assert MEASURES[0] is PRIMARY


def test_a_measure_that_does_not_apply_is_left_out_with_its_reason(tmp_path):
    estimated = estimates(draw_external_probe(tmp_path / "mine"))
    ((_, by_measure),) = estimated

    assert {measure.display_name for measure in by_measure} == {name for name, why in LEFT_OUT.items() if not why}
    assert set(estimated.left_out) == {name for name, why in LEFT_OUT.items() if why}
    for name, reason in estimated.left_out.items():
        assert LEFT_OUT[name] in reason
        assert reason.startswith("mine")
        assert str(tmp_path) not in reason


def test_of_several_settings_it_is_said_how_many_lack_a_measure(tmp_path):
    draw_study(tmp_path, [("across_vcross", "ls_v")], videos=40, categories=3)
    draw_external_probe(tmp_path / "mine")

    assert estimates(tmp_path).left_out["drop (p, zero)"].endswith("; 1 of 2 settings")


def test_the_primary_measure_must_apply(tmp_path):
    for function in (estimates, primary_estimates):
        with pytest.raises(NotApplicableError, match="not probed"):
            function(draw_run(tmp_path / function.__name__, probe=False))
