from __future__ import annotations

import pandas as pd
import pytest

from mbias import open_study
from mbias.analysis.attention import shares
from mbias.analysis.losses import coincidence
from mbias.reports.overview import by_verdict, expectation, phenomenon
from tests.drawn_runs import draw_run, draw_study


def _table(weight, mse_audio, mse_visual, setting="LS-V", smoothing="ls_v"):
    rows = [("audio", weight, mse_audio), ("visual", 1 - weight, mse_visual)]
    table = pd.DataFrame(rows, columns=["modality", "attention", "mse"])
    return table.assign(setting=setting, smoothing=smoothing, mitigation=None, control=None)


def test_the_papers_phenomenon_needs_both_attention_and_losses():
    assert expectation(_table(0.95, 1e-4, 1e-2)) == [
        "LS-V, visual labels smoothed: mean W_a = 0.950, and MSE_wsl,a = 1.0e-04 is 100 times smaller than "
        "MSE_wsl,v = 1.0e-02: as the paper reports."
    ]
    assert expectation(_table(0.85, 1e-4, 1e-2))[0].endswith("not as far as the paper reports.")
    assert expectation(_table(0.95, 1e-3, 1e-2))[0].endswith("not as far as the paper reports.")


def test_the_phenomenon_is_expected_at_any_delta_and_of_no_control():
    both = pd.concat([_table(0.95, 1e-4, 1e-2), _table(0.5, 1e-3, 1e-2, "LS-V 0.2", "ls_v0.2")])
    shown, other = expectation(both)
    assert shown.startswith("LS-V, visual labels smoothed: mean W_a = 0.950")
    assert other.startswith("LS-V 0.2, visual labels smoothed: mean W_a = 0.500")
    assert other.endswith("not as far as the paper reports.")
    assert expectation(_table(0.5, 1e-3, 1e-3, "LS-AV 0.2", "ls_a0.2_v0.2")) == [
        "LS-AV 0.2, labels of both modalities smoothed: mean W_a = 0.500."
    ]
    assert expectation(_table(0.95, 1e-4, 1e-2, "LS-V, shuffled").assign(control="shuffled")) == []


def test_phenomenon_is_of_the_original_network(tmp_path):
    study = open_study(draw_study(tmp_path, [("across_vself", "ls_v"), ("across_vcross", "ls_v")]))
    run = next(run for run in study if run.variant == "across_vcross")
    table = phenomenon(shares(study), coincidence(study)).set_index("modality")

    assert set(table["variant"]) == {"across_vcross"}
    assert table.loc["audio", "attention"] == pytest.approx(run.values("wav", "best")[:, :, 0].mean(), abs=1e-6)
    assert table["ratio"].min() == 1


def test_phenomenon_of_an_external_run(tmp_path):
    study = open_study(draw_run(tmp_path / "external", external=True, modalities=("audio", "visual", "text")))
    table = phenomenon(shares(study), coincidence(study))

    assert list(table["modality"]) == ["audio", "visual", "text"]
    assert set(table["setting"]) == {"external"}
    assert expectation(table) == []


def test_verdicts_are_listed_with_their_intervals():
    columns = ["run", "verdict", "balance", "balance_low", "balance_high"]
    rows = [
        ("a", "uses audio alone", 0.9, 0.8, 1),
        ("b", "balanced", 0, -0.1, 0.1),
        ("c", "nothing to attribute", 0, 0, 0),
    ]
    table = pd.DataFrame(rows, columns=columns).assign(variant=None, smoothing=None, mitigation=None, control=None)

    assert by_verdict(table) == [
        "Balanced, 1 of 3, 90 % intervals: b (+0.00 [-0.10, +0.10]).",
        "Nothing to attribute, 1 of 3: c.",
        "Uses audio alone, 1 of 3: a (+0.90 [+0.80, +1.00]).",
    ]
