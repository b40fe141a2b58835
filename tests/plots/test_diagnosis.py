from __future__ import annotations

import matplotlib.pyplot as plt
import pytest

import mbias
from tests.plots.conftest import texts


def test_a_line_is_the_balance_of_a_setting_with_its_interval_and_attention(study):
    table = mbias.diagnosis(study)
    _, ax = plt.subplots()
    mbias.plot_diagnosis(table, ax=ax)
    lines, dots, crosses = ax.collections[::3], ax.collections[1::3], ax.collections[2::3]

    assert len(lines) == len(table) == 10
    for line, dot, cross, row in zip(lines, dots, crosses, table.itertuples(), strict=True):
        assert line.get_segments()[0][:, 0] == pytest.approx([row.balance_low, row.balance_high])
        assert dot.get_offsets()[0, 0] == pytest.approx(row.balance)
        assert cross.get_offsets()[0, 0] == pytest.approx(2 * row.attention - 1)


def test_a_ring_marks_attention_that_names_the_modality_opposite_to_the_verdict(study):
    table = mbias.diagnosis(study).assign(misleads=[True] + 9 * [False])
    figure = mbias.plot_diagnosis(table)
    rings = [line.get_xydata()[0].tolist() for line in figure.axes[0].lines if line.get_marker() == "o"]

    assert rings == [pytest.approx([2 * table["attention"].iloc[0] - 1, 0])]
    assert any("ring: attention names the modality opposite to the verdict" in text for text in texts(figure))


def test_every_verdict_is_written_beside_its_line(study):
    table = mbias.diagnosis(study)
    written = texts(mbias.plot_diagnosis(table))

    for row in table.itertuples():
        assert any(text.startswith(row.verdict) for text in written)
    assert "$A_{cross}$ + $V_{cross}$, LS-V" in written
