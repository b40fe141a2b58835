from __future__ import annotations

import dataclasses

import pytest

from mbias.analysis.compare import comparison
from mbias.plots import compare


def test_differences_are_drawn_with_their_intervals(study):
    first, second = (dataclasses.replace(study, runs=study.runs[index : index + 1]) for index in (0, 1))
    table = comparison(first, second)
    figure = compare.figure(table)
    row = table.query("quantity == 'visual' and level == 'event'").iloc[0]
    ax = next(ax for ax in figure.axes if ax.get_title() == "Visual,\nevent")

    assert ax.collections[0].get_segments()[0][:, 0] == pytest.approx(
        [100 * row["difference_low"], 100 * row["difference_high"]]
    )
    assert ax.collections[1].get_offsets()[0, 0] == pytest.approx(100 * row["difference"])
    assert {"attention on\naudio", "balance"} <= {ax.get_title() for ax in figure.axes}
