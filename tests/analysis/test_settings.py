from __future__ import annotations

import pandas as pd
import pytest

from mbias import Run, RunWriter, Study, open_study
from mbias.analysis import reliance
from mbias.analysis.attention import movement
from mbias.analysis.losses import coincidence, curves
from mbias.analysis.settings import (
    SMOOTHING_ORDER,
    VARIANT_ORDER,
    one_variant,
    over_seeds,
    settings,
    smoothing_key,
    weak_labels,
)
from mbias.errors import BadInputError, NotApplicableError
from tests.drawn_runs import draw_run, draw_study
from tests.records.written import header


def _runs(*runs: tuple) -> pd.DataFrame:
    columns = ["run", "variant", "smoothing", "mitigation", "control", "seed", "simulated", "value"]
    rows = [dict(zip(columns, (*run[:3], None, None, run[3], False, run[4]), strict=True)) for run in runs]
    return pd.DataFrame(rows).assign(epoch=1)


def test_the_mean_over_seeds_has_students_interval_clipped_to_its_range():
    cells = [(f"v-{seed}", "across_vcross", "ls_v", seed, value) for seed, value in enumerate((0.1, 0.2, 0.6))]
    row = over_seeds(_runs(*cells), ["epoch"], {"value": (0, 1)}).iloc[0]

    # Student's t of two degrees of freedom: 0.3 -+ 4.303 * 0.2646 / sqrt(3).
    assert row[["value", "value_low", "value_high"]].tolist() == pytest.approx([0.3, 0, 0.957], abs=1e-3)
    assert (row["seeds"], row["variant"], row["run"]) == (3, "across_vcross", "")


def test_one_seed_has_no_interval_and_settings_have_their_own_rows():
    table = over_seeds(
        _runs(("a", "across_vcross", "ls_v", 0, 0.2), ("b", "across_vcross", "ls_a", 0, 0.4)),
        ["epoch"],
        {"value": (0, 1)},
    )

    assert table["value"].tolist() == [0.2, 0.4]
    assert table[["value_low", "value_high"]].isna().all(axis=None)


def test_every_external_run_is_a_setting():
    table = over_seeds(_runs(("a", None, None, None, 0.2), ("b", None, None, None, 0.4)), ["epoch"], {"value": (0, 1)})

    assert table[["run", "seeds", "value"]].to_numpy().tolist() == [["a", 1, 0.2], ["b", 1, 0.4]]


def test_the_seeds_of_a_setting_are_one_row(tmp_path):
    study = open_study(draw_study(tmp_path, [("across_vcross", "ls_v")], seeds=(0, 1, 2), videos=30))
    (setting,) = settings(study)
    table = reliance.measures(Study(tuple(study)))

    assert set(table["seeds"]) == {3}
    assert setting.display_name == "A_cross + V_cross, LS-V"


def test_other_samples_cannot_be_one_setting(tmp_path):
    a = draw_run(tmp_path / "a", seed=0, videos=8)
    b = draw_run(tmp_path / "b", seed=1, videos=9)

    with pytest.raises(BadInputError, match="recorded on other samples"):
        settings(open_study([a, b]))


def test_runs_of_one_name_are_told_apart_by_their_folder(tmp_path):
    paths = [draw_run(tmp_path / folder / "run", seed=seed) for seed, folder in enumerate("ab")]

    assert set(coincidence(Study(tuple(open_study(paths))))["run"]) == {"a/run", "b/run"}


def test_the_same_setting_and_seed_twice_is_refused(tmp_path):
    paths = [draw_run(tmp_path / folder / "run") for folder in "ab"]

    for table in (lambda: settings(open_study(paths)), lambda: curves(paths), lambda: movement(paths)):
        with pytest.raises(BadInputError, match="b/run: another run has the same setting and seed; leave one of them"):
            table()


def test_settings_are_in_the_order_of_the_paper_and_controls_have_their_own(study):
    names = [setting.identity["variant"] for setting in settings(study)]

    assert list(dict.fromkeys(names)) == list(VARIANT_ORDER)
    of_variant = [setting.identity["smoothing"] for setting in settings(study.select(variant="across_vself"))]
    assert of_variant == list(SMOOTHING_ORDER)


def test_one_variant_is_the_original_network_where_it_was_trained(study, external):
    rows, name = one_variant(study.table())
    assert (set(rows["variant"]), name) == ({"across_vcross"}, "A_cross + V_cross")

    rows, name = one_variant(external.table())
    assert (len(rows), name) == (1, "")


def _own_run(path, setting, seed):
    fields = {"training": None, "setting": setting, "seed": seed, "sample": "sample", "arrays": {}}
    RunWriter.create(path, header(**fields), pd.DataFrame({"sample": ["a", "b"]})).commit({}, {})
    return path


def test_runs_of_ones_own_setting_are_its_seeds(tmp_path):
    paths = [_own_run(tmp_path / f"{name}{seed}", name, seed) for name in ("late", "early") for seed in (1, 0)]
    found = settings(open_study([*paths, _own_run(tmp_path / "alone", None, None)]))

    assert [(s.display_name, [run.seed for run in s.runs]) for s in found] == [
        ("alone", [None]),
        ("early", [0, 1]),
        ("late", [0, 1]),
    ]
    assert Run(paths[0]).display_name == "late, seed 1"
    with pytest.raises(BadInputError, match="another run has the same setting and seed"):
        settings(open_study([*paths, _own_run(tmp_path / "again", "late", 0)]))


def test_labels_that_were_not_recorded_do_not_apply(tmp_path):
    run = Run(draw_run(tmp_path / "run"))
    (run.path / "truth.safetensors").unlink()

    with pytest.raises(NotApplicableError, match=r"labels .* are not recorded"):
        weak_labels(Run(run.path))


def test_smoothings_are_sorted_by_delta_and_then_as_in_table_2():
    names = ["mixup", "ls_a0.2_v0.2", "ls_v", None, "ls_v0.2", "ls_a0.05", "no_ls", "ls_av", "ls_a", "ls_v0.2_k3"]

    assert sorted(names, key=smoothing_key) == [
        "no_ls",
        "ls_a0.05",
        "ls_a",
        "ls_v",
        "ls_av",
        "ls_v0.2",
        "ls_a0.2_v0.2",
        "ls_v0.2_k3",
        None,
        "mixup",
    ]
