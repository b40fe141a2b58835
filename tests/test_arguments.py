"""The groups of samples are checked where they are given and where they are read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mbias
from mbias import RunWriter
from mbias.arguments import checked_groups, with_groups
from mbias.errors import BadInputError
from mbias.records.validate import faults
from tests.records.written import header

TABLE = pd.DataFrame({"video": ["a", "b", "c"]})


@pytest.mark.parametrize("groups", [["x", "y", "x"], np.array(["x", "y", "x"]), pd.Series(["x", "y", "x"])])
def test_groups_become_a_column(groups):
    table = with_groups(TABLE, groups)

    assert table["group"].tolist() == ["x", "y", "x"]
    assert "group" not in TABLE


def test_without_groups_a_table_is_unchanged():
    assert with_groups(TABLE, None) is TABLE


@pytest.mark.parametrize("groups", [["001", "1", "01"], ["nan", "None", "1e3"], ["a,b", 'a"b', "犬"]])
def test_groups_are_read_as_they_were_written(tmp_path, groups):
    RunWriter.create(tmp_path / "run", header(), with_groups(TABLE, groups))

    assert mbias.Run(tmp_path / "run").groups.tolist() == groups
    assert faults(tmp_path / "run") == []


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ("xyx", "groups: 'xyx' is not a sequence of names; give the group of each sample"),
        ({"a": "x"}, "is not a sequence of names"),
        (7, "groups: 7 is not a sequence of names"),
        (["x", "y"], "groups: 2 groups for 3 samples; give the group of every sample"),
        (["x", " ", "y"], "groups: entry 1 is empty; give the group of every sample"),
        (["x", None, "y"], "groups: entry 1 is empty"),
        (["x", float("nan"), "y"], "groups: entry 1 is empty"),
        ([1.5, 2.0, 3.0], "groups: 1.5 is not a name; give strings or whole numbers"),
        (np.zeros((3, 2)), "is not a name; give strings or whole numbers"),
    ],
)
def test_wrong_groups_are_refused(groups, message):
    with pytest.raises(BadInputError, match=message):
        checked_groups(groups, 3)


@pytest.mark.parametrize("empty", ["", " ", None, np.nan, np.float32("nan"), pd.NA, pd.NaT])
def test_a_run_with_an_empty_group_is_not_created(tmp_path, empty):
    table = TABLE.assign(group=pd.Series(["x", empty, "y"], dtype=object))

    with pytest.raises(BadInputError, match="samples: the group of sample 'b' is empty; give the group of every"):
        RunWriter.create(tmp_path / "run", header(), table)
    assert not (tmp_path / "run").exists()


def test_groups_are_given_once():
    grouped = TABLE.assign(group="x")
    with pytest.raises(BadInputError, match="has a column 'group' already; give one of the two"):
        with_groups(grouped, ["x", "y", "z"])
    with pytest.raises(BadInputError, match="several columns are called 'group'; keep one of them"):
        with_groups(pd.concat([grouped, grouped[["group"]]], axis=1), None)


def test_an_empty_group_on_disk_is_a_fault(tmp_path):
    RunWriter.create(tmp_path / "run", header(), TABLE)
    (tmp_path / "run" / "samples.csv").write_text("video,group\na,x\nb,\nc,y\n")

    with pytest.raises(BadInputError, match=r"samples.csv: the group of sample 'b' is empty"):
        _ = mbias.Run(tmp_path / "run").groups
    assert len(faults(tmp_path / "run")) == 1


def test_one_group_of_all_samples_is_refused():
    with pytest.raises(BadInputError, match="all samples are in one group; intervals need several"):
        with_groups(TABLE, ["x", "x", "x"])
