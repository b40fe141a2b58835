from __future__ import annotations

import pytest

from mbias.analysis.power import power
from mbias.plots.power import figure


def test_the_figure_has_one_line_per_number_of_seeds():
    table = power()
    lines = [line for line in figure(table).axes[0].lines if len(line.get_xdata()) > 2]
    assert [list(line.get_ydata()) for line in lines] == [
        pytest.approx(list(rows["toward_first"])) for _, rows in table.groupby(["seeds", "spread"])
    ]
