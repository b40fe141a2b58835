from __future__ import annotations

import pandas as pd
import pytest

from mbias.analysis.settings import over_seeds


def _runs(*runs: tuple) -> pd.DataFrame:
    columns = ["run", "variant", "smoothing", "control", "seed", "simulated", "value"]
    rows = [dict(zip(columns, (*run[:3], None, run[3], False, run[4]), strict=True)) for run in runs]
    return pd.DataFrame(rows).assign(epoch=1)


def test_seeds_of_a_setting_make_a_mean_with_students_interval_cut_to_what_can_be():
    cells = [(f"v-{seed}", "across_vcross", "ls_v", seed, value) for seed, value in enumerate((0.1, 0.2, 0.6))]
    row = over_seeds(_runs(*cells), ["epoch"], {"value": (0, 1)}).iloc[0]

    # Student's t of two degrees of freedom: 0.3 -+ 4.303 * 0.2646 / sqrt(3).
    assert row[["value", "value_low", "value_high"]].tolist() == pytest.approx([0.3, 0, 0.957], abs=1e-3)
    assert (row["seeds"], row["variant"], row["run"]) == (3, "across_vcross", "")


def test_one_seed_has_no_interval_and_settings_stay_apart():
    table = over_seeds(
        _runs(("a", "across_vcross", "ls_v", 0, 0.2), ("b", "across_vcross", "ls_a", 0, 0.4)),
        ["epoch"],
        {"value": (0, 1)},
    )

    assert table["value"].tolist() == [0.2, 0.4]
    assert table[["value_low", "value_high"]].isna().all(axis=None)


def test_foreign_runs_are_settings_by_themselves():
    table = over_seeds(_runs(("a", None, None, None, 0.2), ("b", None, None, None, 0.4)), ["epoch"], {"value": (0, 1)})

    assert table[["run", "seeds", "value"]].to_numpy().tolist() == [["a", 1, 0.2], ["b", 1, 0.4]]
