"""The attention of a category: by epoch, and over samples."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import mbias
from mbias.plots.distribution import draw, figure, figure_of_samples
from tests.plots.conftest import texts


@pytest.fixture(scope="module")
def weights(study):
    run = study.select(variant="across_vcross", smoothing="ls_v")
    table = pd.concat([mbias.attention(run, table="categories", epoch=epoch) for epoch in (1, 2, 3)])
    return table[table["category"] == "Speech"]


def test_the_median_is_a_line_and_the_chosen_epoch_is_marked(weights):
    rows = weights[weights["scope"] == "all"]
    _, ax = plt.subplots()
    draw(rows, ax, 2)
    line, marked = ax.lines[:2]
    audio = rows[rows["modality"] == "audio"]

    assert list(line.get_ydata()) == pytest.approx(list(audio["q50"]))
    assert (list(marked.get_xdata()), list(marked.get_ydata())) == ([2], [audio["q50"].iloc[1]])


def test_one_panel_per_scope(weights):
    drawn = figure(weights, 2)

    assert [ax.get_title(loc="left") for ax in drawn.axes] == ["all segments", "segments in which it is present"]
    assert "simulated data" in texts(drawn)


@pytest.mark.parametrize("known", [True, False])
def test_samples_are_grouped_where_their_labels_are_known(known):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "attention": rng.random(40),
            "present": [n < 10 for n in range(40)] if known else [None] * 40,
            "modality": "audio",
            "category": "Baby_cry",
            "epoch": 7,
            "simulated": True,
        }
    )
    written = texts(figure_of_samples(table))

    assert any("Baby cry, epoch 7: 40 samples" in text for text in written)
    assert {"with the category", "without it"} <= set(written) if known else "without it" not in written
