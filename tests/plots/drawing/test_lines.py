from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from mbias.plots.drawing.lines import draw_line, spread


def test_a_line_over_seeds_lies_in_its_interval():
    rows = pd.DataFrame({"epoch": [1, 2], "w": [0.5, 0.3], "w_low": [0.5, 0.1], "w_high": [0.5, 0.4]})
    _, ax = plt.subplots()
    draw_line(rows, "w", ax, color="black")
    ends = ax.collections[0].get_paths()[0].vertices

    assert list(ax.lines[0].get_ydata()) == [0.5, 0.3]
    assert set(ends[ends[:, 0] == 2][:, 1]) == {0.1, 0.4}
    assert set(ends[ends[:, 0] == 1][:, 1]) == {0.5}


@given(st.lists(st.floats(0, 100), min_size=1, max_size=6), st.floats(0.1, 20))
def test_labels_are_spread_in_order(positions, gap):
    placed = spread(positions, gap, floor=0)
    order = np.argsort(positions, kind="stable")

    assert np.all(np.diff(np.array(placed)[order]) >= gap - 1e-6)
    assert min(placed) >= 0
