from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mbias import Study
from mbias.analysis.measures.agreement import agreement_rows
from mbias.analysis.measures.catalogue import estimates
from tests.analysis.measures.modelled import modelled_run, sigmoid
from tests.drawn_runs import TABLE, draw_external_probe, draw_study


def _table(study):
    return pd.DataFrame(agreement_rows(estimates(study))).set_index(["over", "measure", "other"])


def test_settings_are_correlated_with_the_mean_of_their_seeds(tmp_path):
    draw_study(tmp_path, TABLE[:5], seeds=(0, 1), videos=40)
    estimated = estimates(tmp_path)
    names = ["Shapley (p, mean)", "drop (p, permuted)"]
    balances = []
    for of_setting in estimated:
        of_measures = {measure.display_name: of for measure, of in of_setting.by_measure.items()}
        balances.append([np.mean([of_seed[0, 2] for of_seed in of_measures[name].by_seed]) for name in names])
    row = _table(tmp_path).loc[("settings", *names)]

    assert row["number"] == 5
    assert row["rho"] == pytest.approx(stats.spearmanr(*np.transpose(balances)).statistic)


def test_categories_are_correlated_within_each_run(tmp_path):
    draw_study(tmp_path, [("across_vcross", "ls_v")], seeds=(0, 1, 2), videos=60)
    (of_setting,) = estimates(tmp_path)
    of_measures = {measure.display_name: of for measure, of in of_setting.by_measure.items()}
    names = ["Shapley (p, mean)", "attention"]
    rhos = [stats.spearmanr(*(of_measures[name].by_seed[seed, 1:, 2] for name in names)).statistic for seed in range(3)]
    row = _table(tmp_path).loc[("categories", *names)]

    assert row["rho"] == pytest.approx(np.mean(rhos))
    assert row["number"] == 3


def test_settings_of_other_categories_and_other_passes_are_paired_where_both_measures_apply(tmp_path):
    """One run has the passes of the mean alone, the other one those with other samples' inputs alone."""
    rng = np.random.default_rng(1)
    inputs = {name: rng.normal(size=60) for name in ("audio", "visual")}
    weak = np.repeat((inputs["audio"] > 0)[:, None], 2, axis=1)
    permuted = modelled_run(
        tmp_path / "a", lambda a, v: np.stack([sigmoid(2 * a + v), sigmoid(a + v)], axis=1), inputs, weak
    )
    mean = draw_external_probe(tmp_path / "b")
    table = _table(Study((permuted, *estimates(mean).settings[0].setting.runs)))

    # Each measure applies to one setting, and to the other one only where it applies as well.
    assert table.loc[("settings", "use (permuted)", "drop (p, permuted)"), "number"] == 1
    assert table.loc[("settings", "use (permuted)", "use (mean)"), "number"] == 0
    assert np.isnan(table.loc[("categories", "use (permuted)", "use (mean)"), "rho"])
