from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import mbias
from mbias.analysis.questions import question
from mbias.errors import BadInputError
from mbias.plots.drawing.inputs import check_one_setting, choose, table_to_draw
from tests.drawn_runs import draw_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return draw_run(tmp_path_factory.mktemp("inputs") / "run")


def test_a_study_becomes_its_table_and_a_table_stays(run):
    asked = question("attention")
    table = table_to_draw(asked, str(run), needed=("q50",), ax=None, epoch=1)

    assert set(table["epoch"]) == {1}
    assert table_to_draw(asked, table, needed=("q50",), ax=None, epoch=None) is table


def test_an_option_that_was_not_given_is_the_tables_default(run):
    table = table_to_draw(question("attention"), run, needed=(), ax=None, epoch=None)

    pd.testing.assert_frame_equal(table, mbias.attention(run, table="categories"))


def test_one_table_column_that_is_missing_is_named(run):
    with pytest.raises(BadInputError, match="draws the table 'categories', and this one has no column 'q50'"):
        table_to_draw(question("attention"), pd.DataFrame({"run": ["a"]}), needed=("run", "q50"), ax=None)


@pytest.mark.parametrize("ax", [[], "ax", 3])
def test_what_is_not_axes_is_refused(run, ax):
    with pytest.raises(BadInputError, match=rf"plot_attention: ax is {type(ax).__name__}; give one matplotlib Axes"):
        mbias.plot_attention(run, ax=ax)


def test_several_axes_are_refused(run):
    with pytest.raises(BadInputError, match="plot_losses: ax is ndarray; give one matplotlib Axes"):
        mbias.plot_losses(run, ax=plt.subplots(1, 2)[1])


def test_settings_are_named_where_there_are_several():
    table = pd.DataFrame(
        [("a", "across_vself", "ls_v", *2 * [None]), ("b", "across_vself", "ls_a", *2 * [None]), ("mine", *4 * [None])],
        columns=["run", "variant", "smoothing", "mitigation", "control"],
    )

    check_one_setting(table.iloc[:1])
    with pytest.raises(BadInputError, match=r"the table has 3 \(A_cross \+ V_self, LS-V; .*; mine\); select one"):
        check_one_setting(table)


def test_a_value_is_chosen_or_the_default_or_the_first():
    table = pd.DataFrame({"metric": ["audio", "visual", "audio"]})

    assert list(choose(table, "metric", None, "visual").index) == [1]
    assert list(choose(table, "metric", None, "type_average").index) == [0, 2]
    assert list(choose(table, "metric", "audio", "visual").index) == [0, 2]
    with pytest.raises(BadInputError, match="no metric 'audo' in the table; take one of audio, visual"):
        choose(table, "metric", "audo", "visual")
