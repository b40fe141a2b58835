from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from mbias import Study, open_study
from mbias.analysis import mechanism
from mbias.analysis.mechanism import best_weight, best_weight_interval, joint_loss
from mbias.errors import BadInputError
from tests.drawn_runs import draw_run, draw_study

PROBABILITY = st.floats(0.01, 0.99)


@given(PROBABILITY, PROBABILITY, st.booleans())
def test_one_cell_in_closed_form(first, second, present):
    weight = best_weight(np.array([first]), np.array([second]), np.array([present]))
    if first == second:
        return
    assert weight == pytest.approx(1.0 if (first > second) == present else 0.0, abs=1e-9)


@given(st.lists(st.tuples(PROBABILITY, PROBABILITY, st.booleans()), min_size=2, max_size=8))
def test_no_weight_is_better_than_the_best(cells):
    first, second = (np.array([cell[i] for cell in cells]) for i in (0, 1))
    labels = np.array([cell[2] for cell in cells])
    best = joint_loss(best_weight(first, second, labels), first, second, labels)
    found = minimize_scalar(lambda w: joint_loss(w, first, second, labels), bounds=(0, 1), method="bounded")

    assert best <= found.fun + 1e-9


def test_branches_that_fit_their_labels_do_as_section_5_3_says(tmp_path):
    study = open_study(draw_study(tmp_path, [("across_vcross", name) for name in ("no_ls", "ls_a", "ls_v", "ls_av")]))
    table = mechanism.fitted(study).set_index("smoothing")

    assert list(table.index) == ["no_ls", "ls_a", "ls_v", "ls_av"]
    assert table.loc["ls_v", "optimum"] == pytest.approx(1)
    assert table.loc["ls_a", "optimum"] == pytest.approx(0)
    assert list(table["free"]) == [True, False, False, True]
    # All weight on the smoothed modality: p_wsl is 0.95 or 0.05, which costs -ln 0.95.
    assert table.loc["ls_v", "loss_second"] == pytest.approx(-np.log(0.95))


def test_optima_stand_beside_what_was_trained(tmp_path):
    run = open_study(draw_run(tmp_path / "run", smoothing="ls_a")).runs[0]
    table = mechanism.optima(Study((run,)))
    wav = run.values("wav", "last")

    assert table["trained"].to_numpy() == pytest.approx(wav[:, :, 0].mean(axis=(0, 1)), abs=1e-6)
    assert (table["loss_optimum"] <= table[["loss_trained", "loss_half"]].min(axis=1) + 1e-12).all()
    assert mechanism.finding(table)[0].startswith("LS-A: for the p_a and p_v it came to")


def test_the_interval_of_the_best_weight_holds_the_truth_nineteen_times_in_twenty():
    rng = np.random.default_rng(3)
    first, second, share = 0.8, 0.3, 0.6
    # The label is present with this probability, so that the best weight is where p_wsl is the same: W = 3/5.
    weight = (share - second) / (first - second)
    labels = rng.random((300, 2_000)) < share
    low, high = best_weight_interval(np.full(labels.shape, first), np.full(labels.shape, second), labels)

    assert best_weight(np.full((10, 1), first), np.full((10, 1), second), np.arange(10)[:, None] < 6) == pytest.approx(
        weight
    )
    assert ((low <= weight) & (weight <= high)).mean() == pytest.approx(0.95, abs=0.015)


def test_an_end_that_no_sample_speaks_against_is_an_interval_by_itself():
    labels = np.ones((50, 1), dtype=bool)
    first, second = np.full((50, 1), 0.9), np.full((50, 1), 0.2)

    assert best_weight_interval(first, second, labels).ravel().tolist() == [1, 1]


def test_seeds_have_intervals(tmp_path):
    study = open_study(draw_study(tmp_path, [("across_vcross", "ls_a")], seeds=(0, 1, 2)))
    table, runs = mechanism.seeds(study).iloc[0], mechanism.optima(study).groupby("seed")["optimum"].mean()

    assert (table["seeds"], table["optimum"]) == (3, pytest.approx(runs.mean()))
    half = 4.302653 * runs.std() / np.sqrt(3)  # Student's t of two degrees of freedom
    assert table["optimum_high"] == pytest.approx(min(runs.mean() + half, 1))
    assert table["optimum_low"] == pytest.approx(max(runs.mean() - half, 0))


def test_foreign_runs_are_no_seeds_of_one_setting(tmp_path):
    for name in ("one", "other"):
        draw_run(tmp_path / name, external=True)

    with pytest.raises(BadInputError, match="one seed a setting"):
        mechanism.seeds(open_study(tmp_path))
