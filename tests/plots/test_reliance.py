from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection

import mbias
from mbias.errors import NotApplicableError
from mbias.plots.reliance import figure_of_use
from tests.drawn_runs import draw_run
from tests.plots.conftest import texts


@pytest.fixture(scope="module")
def table(study):
    return mbias.reliance(study.select(variant="across_vcross", smoothing="ls_v"), table="measures")


@pytest.fixture(scope="module")
def of_three(tmp_path_factory):
    """A run of three modalities whose outputs follow the third one most."""
    modalities = ("audio", "visual", "text")
    path = draw_run(tmp_path_factory.mktemp("three") / "three", external=True, modalities=modalities, videos=40)
    run = mbias.Run(path)
    whole = run.values("p_joint")
    donors = np.roll(np.arange(len(whole)), 1)
    outputs = {mbias.Pass(): {"p_joint": whole}}
    for modality, weight in zip(modalities, (0.1, 0.3, 0.6), strict=True):
        changed = (1 - weight) * whole + weight * whole[donors]
        outputs[mbias.Pass("permuted", (modality,))] = {"p_joint": changed, "donors": donors}
    outputs[mbias.Pass("permuted", modalities)] = {"p_joint": whole[donors]}
    mbias.write_probe(path, "last", outputs)
    return path


def dots(ax):
    return [collection for collection in ax.collections if isinstance(collection, PathCollection)]


def test_a_dot_is_the_balance_of_a_measure(table):
    _, ax = plt.subplots()
    mbias.plot_reliance(table, ax=ax)
    names = [label.get_text() for label in ax.get_yticklabels()]
    balances = table[table["modality"] == "audio"].set_index("measure")["balance"]
    drawn = {names[round(y)]: x for dot in dots(ax) for x, y in dot.get_offsets()}

    assert set(drawn) == set(balances.dropna().index)
    for name, balance in drawn.items():
        assert balance == pytest.approx(balances[name])


def test_what_the_verdict_rests_on_comes_first(table):
    _, ax = plt.subplots()
    mbias.plot_reliance(table, ax=ax)
    names = [label.get_text() for label in ax.get_yticklabels()]

    assert names[:2] == ["use (permuted)", "use (swapped)"]


def test_rings_change_no_input(table):
    _, ax = plt.subplots()
    mbias.plot_reliance(table, ax=ax)
    hollow = sum(np.all(dot.get_facecolors() == 1, axis=1).sum() for dot in dots(ax))

    assert hollow == len(set(table[~table["causal"]].dropna(subset=["balance"])["measure"]))


def test_one_panel_per_setting(study):
    assert sum(ax.get_visible() for ax in mbias.plot_reliance(study).axes) == 10


def test_with_three_modalities_the_shares_are_drawn(of_three):
    table = mbias.reliance(of_three)
    _, ax = plt.subplots()
    mbias.plot_reliance(of_three, ax=ax)

    assert [dot.get_offsets()[0, 0] for dot in dots(ax)] == pytest.approx(list(table["share"]))
    assert [dot.get_label() for dot in dots(ax)] == ["audio", "visual", "text"]
    assert texts(mbias.plot_reliance(of_three)) == texts(mbias.plot_reliance(table))


def test_change_share_and_help_have_a_panel_each(study):
    table = mbias.reliance(study)
    figure = figure_of_use(table)
    audio = table[table["modality"] == "audio"]

    for ax, column in zip(figure.axes, ("change", "share", "help"), strict=True):
        np.testing.assert_allclose(dots(ax)[0].get_offsets()[:, 0], audio[column])
    # Without labels, what helps is not known.
    assert len(figure_of_use(table.assign(help=np.nan)).axes) == 2


def test_a_run_that_was_not_probed_is_refused(tmp_path):
    with pytest.raises(NotApplicableError, match="not probed"):
        mbias.plot_reliance(draw_run(tmp_path / "run", probe=False))


def test_the_table_of_categories_is_not_drawn(study):
    table = pd.DataFrame(mbias.reliance(study)).drop(columns="help")
    with pytest.raises(mbias.BadInputError, match="plot_reliance draws the table 'measures'"):
        mbias.plot_reliance(table)
