from __future__ import annotations

import numpy as np

import mbias


def test_a_dot_is_a_category_at_its_best_and_its_trained_weight(study):
    table = mbias.mechanism(study)
    figure = mbias.plot_mechanism(table)
    rows = table[(table["variant"] == "across_vcross") & (table["smoothing"] == "ls_v")]
    ax = next(ax for ax in figure.axes if ax.get_title() == "LS-V")

    np.testing.assert_allclose(ax.collections[0].get_offsets(), rows[["optimum", "trained"]].to_numpy())


def test_another_epoch_is_drawn_from_a_study(study):
    assert mbias.plot_mechanism(study, epoch="best").axes[0].has_data()
