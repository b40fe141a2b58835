from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from mbias import Study, open_study
from mbias.analysis import mechanism
from mbias.analysis.mechanism import best_weight, joint_loss
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
