"""The list of measures, and what is said of those that do not apply."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from mbias.analysis.measures.catalogue import MEASURES, PRIMARY, SHAPLEY, balance_of, estimates, of_use, reused
from mbias.errors import BadInputError, NotApplicableError
from tests.analysis.measures.modelled import modelled_run, sigmoid, use_of
from tests.drawn_runs import draw_external_probe, draw_run, draw_study

LEFT_OUT = {
    "use (permuted)": "no pass with audio replaced by 'permuted'",
    "use (swapped)": "no pass with audio replaced by 'swapped'",
    "use (mean)": False,
    "use (zero)": "no pass with audio replaced by 'zero'",
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


def test_names_are_unique_and_the_measure_of_the_verdict_is_the_first():
    assert len({measure.display_name for measure in MEASURES}) == len(MEASURES)
    assert MEASURES[0] is PRIMARY
    assert not PRIMARY.independent
    assert [measure.display_name for measure in MEASURES if measure.independent] == ["use (swapped)", "swap (swapped)"]


def test_a_measure_that_does_not_apply_is_left_out_with_its_reason(tmp_path):
    estimated = estimates(draw_external_probe(tmp_path / "mine"))
    (of_setting,) = estimated
    applied = {measure.display_name for measure in of_setting.by_measure}

    assert of_setting.use is None
    assert applied == {name for name, why in LEFT_OUT.items() if not why}
    assert set(estimated.left_out) == {name for name, why in LEFT_OUT.items() if why}
    for name, reason in estimated.left_out.items():
        assert LEFT_OUT[name] in reason
        assert reason.startswith("mine")
        assert str(tmp_path) not in reason


def test_of_several_settings_it_is_said_how_many_lack_a_measure(tmp_path):
    draw_study(tmp_path, [("across_vcross", "ls_v")], videos=40, categories=3)
    draw_external_probe(tmp_path / "mine")

    for left_out in (estimates(tmp_path).left_out, of_use(tmp_path).left_out):
        assert left_out["use (permuted)"].endswith("; 1 of 2 settings")
    assert estimates(tmp_path).left_out["drop (p, zero)"].endswith("; 1 of 2 settings")


def test_where_nothing_applies_the_first_reason_is_given(tmp_path):
    draw_run(tmp_path / "first", smoothing="ls_a", probe=False)
    draw_run(tmp_path / "second", smoothing="ls_v", probe=False)
    for function in (estimates, of_use):
        with pytest.raises(NotApplicableError, match="first: not probed"):
            function(tmp_path)


def test_the_estimates_of_the_primary_measure_are_those_of_the_use(tmp_path):
    rng = np.random.default_rng(1)
    inputs = {name: rng.normal(size=60) for name in ("audio", "visual")}
    run = modelled_run(
        tmp_path / "run", lambda a, v: sigmoid(2 * a + v)[:, None], inputs, (inputs["audio"] > 0)[:, None]
    )
    used, estimated = use_of(run), PRIMARY.estimate(use_of(run).setting)

    np.testing.assert_array_equal(
        estimated.point, np.stack([used.share[0].point, used.share[1].point, used.balance[0, 1].point], axis=-1)
    )
    for row in range(2):
        balance = balance_of(PRIMARY, estimated, row)
        assert [balance.low, balance.high] == list(used.balance[0, 1].interval()[:, row])


def test_of_three_modalities_there_is_a_use_and_no_measure(tmp_path):
    rng = np.random.default_rng(1)
    inputs = {name: rng.normal(size=60) for name in ("audio", "visual", "text")}
    weak = (inputs["audio"] > 0)[:, None]
    run = modelled_run(tmp_path / "run", lambda a, v, t: sigmoid(a + v + t)[:, None], inputs, weak)
    estimated = estimates(run)

    (of_setting,) = estimated
    assert of_setting.use is not None
    assert of_setting.by_measure == {}
    assert PRIMARY.display_name not in estimated.left_out
    assert "and the run has 3" in estimated.left_out[SHAPLEY.display_name]


def test_what_is_reused_must_be_estimates(tmp_path):
    with pytest.raises(BadInputError, match="precomputed: not the estimates of a study"):
        reused([], tmp_path, estimates)


def test_a_measure_that_is_sent_to_a_worker_is_the_same():
    assert pickle.loads(pickle.dumps(MEASURES)) == MEASURES
