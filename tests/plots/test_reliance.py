from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import PathCollection

import mbias


@pytest.fixture(scope="module")
def table(study):
    return mbias.reliance(study.select(variant="across_vcross", smoothing="ls_v"))


def test_a_dot_is_the_balance_of_a_measure(table):
    _, ax = plt.subplots()
    mbias.plot_reliance(table, ax=ax)
    names = [label.get_text() for label in ax.get_yticklabels()]
    balances = table[table["modality"] == "audio"].set_index("measure")["balance"]
    dots = [collection for collection in ax.collections if isinstance(collection, PathCollection)]
    drawn = {names[round(y)]: x for (x, y) in (dot.get_offsets()[0] for dot in dots)}

    assert set(drawn) == set(balances.dropna().index)
    for name, balance in drawn.items():
        assert balance == pytest.approx(balances[name])


def test_rings_change_no_input(table):
    _, ax = plt.subplots()
    mbias.plot_reliance(table, ax=ax)
    dots = [collection for collection in ax.collections if isinstance(collection, PathCollection)]
    hollow = [dot for dot in dots if np.allclose(dot.get_facecolors(), 1)]

    assert len(hollow) == len(set(table[~table["causal"]].dropna(subset=["balance"])["measure"]))


def test_one_panel_per_setting(study):
    assert sum(ax.get_visible() for ax in mbias.plot_reliance(study).axes) == 10
