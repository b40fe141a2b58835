from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection

import mbias
from mbias.analysis.diagnosis import categories
from mbias.analysis.measures.verdict import NOTHING
from mbias.errors import NotApplicableError
from mbias.plots.diagnosis import plot_heatmap
from mbias.plots.drawing.style import rendered, setting_label
from tests.drawn_runs import draw_run, draw_study
from tests.plots.conftest import texts


@pytest.fixture(scope="module")
def table(study):
    return mbias.diagnosis(study).assign(verdict="biased toward visual", flags="")


def test_a_line_is_the_balance_of_a_setting_with_its_interval_and_attention(table):
    _, ax = plt.subplots()
    mbias.plot_diagnosis(table, ax=ax)
    lines, dots, crosses = ax.collections[::3], ax.collections[1::3], ax.collections[2::3]

    assert len(lines) == len(table) == 10
    for line, dot, cross, row in zip(lines, dots, crosses, table.itertuples(), strict=True):
        assert line.get_segments()[0][:, 0] == pytest.approx([row.balance_low, row.balance_high])
        assert dot.get_offsets()[0, 0] == pytest.approx(row.balance)
        assert cross.get_offsets()[0, 0] == pytest.approx(2 * row.attention - 1)


def test_where_there_is_nothing_to_attribute_no_interval_is_drawn(table):
    verdicts = [NOTHING, *table["verdict"][1:]]
    figure = mbias.plot_diagnosis(table.assign(verdict=verdicts))
    bars = [item for item in figure.axes[0].collections if isinstance(item, LineCollection)]

    assert len(bars) == 9
    assert np.allclose(figure.axes[0].collections[0].get_facecolors(), 1)
    assert NOTHING in texts(figure)
    assert any("hollow dot: nothing to attribute" in text for text in texts(figure))
    assert any(
        text.startswith("dot: balance over") for text in texts(mbias.plot_diagnosis(table[:1].assign(verdict=NOTHING)))
    )


def test_a_ring_marks_attention_that_misleads(table):
    figure = mbias.plot_diagnosis(table.assign(misleads=[True] + 9 * [False]))
    rings = [line.get_xydata()[0].tolist() for line in figure.axes[0].lines if line.get_marker() == "o"]

    assert rings == [pytest.approx([2 * table["attention"].iloc[0] - 1, 0])]
    assert any("ring: attention favours another modality than the verdict" in text for text in texts(figure))


def test_every_verdict_is_written_with_its_flags(study, table):
    written = texts(mbias.plot_diagnosis(study))
    for verdict in mbias.diagnosis(study)["verdict"]:
        assert verdict in written
    assert "$A_{cross}$ + $V_{cross}$, LS-V" in written

    flagged = table.assign(flags="redundant|depends on the stand-in", discordant_number=2)
    written = texts(mbias.plot_diagnosis(flagged))
    assert "redundant; depends on the stand-in; 2\ndiscordant" in written
    assert any(
        "depends on the stand-in: another measure" in text and "discordant: categories" in text for text in written
    )


def test_the_level_is_that_on_which_the_verdicts_rest(table):
    def head(table):
        return next(text for text in texts(mbias.plot_diagnosis(table)) if text.startswith("dot and bar"))

    assert "95 % interval" in head(table)
    assert "90 % interval" in head(table.assign(verdict="balanced"))
    assert "95 % (balanced: 90 %) interval" in head(table.assign(verdict=["balanced", *table["verdict"][1:]]))


def test_modalities_that_differ_by_row_are_named_beside_the_verdict(table):
    rows = table[:2].assign(first=["text", "audio"], discordant_number=0)
    figure = mbias.plot_diagnosis(rows)

    assert figure.axes[0].get_xlabel() == "second  ←  balance of use  →  first"
    assert {"first text, second visual", "first audio, second visual"} <= set(texts(figure))
    assert mbias.plot_diagnosis(table).axes[0].get_xlabel() == "visual  ←  balance of use  →  audio"


def test_the_heatmap_has_the_categories_with_enough_samples(tmp_path):
    path = draw_study(tmp_path, [("across_vcross", "ls_a"), ("across_vcross", "ls_v")], videos=60, categories=3)
    table = categories(path)
    figure = plot_heatmap(table)
    cells = [text.get_text() for text in figure.axes[0].texts]

    assert sorted(cells) == sorted(f"{balance:.2f}" for balance in table["balance"])
    with pytest.raises(NotApplicableError, match="a heatmap of balances is of two modalities"):
        plot_heatmap(table.assign(first=["text", *table["first"][1:]]))


def test_the_heatmap_of_many_categories_draws_the_discordant_ones(tmp_path):
    path = draw_study(tmp_path, [("across_vcross", "ls_v")], videos=60, categories=3)
    row = categories(path).iloc[0]
    balances = [1 - index / 100 for index in range(100)]
    rows = [{**row, "category": f"c{i}", "balance": value, "discordant": i == 50} for i, value in enumerate(balances)]
    figure = plot_heatmap(pd.DataFrame(rows))
    drawn = [label.get_text() for label in figure.axes[0].get_yticklabels()]

    assert drawn == [f"c{index}" for index in (*range(20), 50, *range(81, 100))]
    assert "40 of 100 categories:" in figure.get_suptitle()


def test_without_permuted_inputs_there_is_no_verdict_to_draw(tmp_path):
    with pytest.raises(NotApplicableError, match="not probed"):
        mbias.plot_diagnosis(draw_run(tmp_path / "run", probe=False))


@pytest.mark.parametrize("name", ["resnet_lr_3_wd_0", "v2_clip_", "a_{b", "cost_$5_run_1"])
def test_names_of_external_runs_are_drawn_as_they_are(table, name):
    external = table.iloc[:1].assign(run=name, variant=None, smoothing=None)

    figure = mbias.plot_diagnosis(external)
    assert setting_label(name) in [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert rendered(figure, "png")
