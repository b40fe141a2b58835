from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mbias import Header, Run, RunWriter
from mbias.errors import BadInputError, NotApplicableError
from mbias.records.validate import faults
from tests.records.written import DIMENSIONS, SEGMENTS, drawn_attention, header, written_run


def test_what_is_written_is_read_back(run_path):
    run = Run(run_path)
    assert run.header == header()
    assert [c.epoch for c in run.commits] == [1, 2, 3]
    assert run.commit("best").epoch == 2
    assert run.commits[2].losses == {"audio": {"optimised": 1 / 3}}
    for epoch in (1, 2, 3):
        assert np.array_equal(run.values("wav", epoch), drawn_attention(epoch - 1))
    assert faults(run_path) == []


def test_arrays_are_labelled(run_path):
    wav = Run(run_path).array("wav")
    assert wav.dims == DIMENSIONS
    assert wav.sel(video="v2", modality="visual", category="Cat").shape == (SEGMENTS,)
    summary = Run(run_path).array("wav_summary")
    assert float(summary.sel(scope="all", statistic="mean", modality="audio", category="Dog")) == pytest.approx(
        float(wav.sel(modality="audio", category="Dog").mean()), abs=1e-6
    )


def test_an_epoch_or_array_that_is_missing_is_named(run_path):
    with pytest.raises(BadInputError, match="no epoch 9; take 1 to 3"):
        Run(run_path).values("wav", 9)
    with pytest.raises(BadInputError, match="does not hold the array 'p_joint'"):
        Run(run_path).values("p_joint")


def test_best_is_the_last_epoch_where_none_is_marked(tmp_path):
    assert Run(written_run(tmp_path / "run", epochs=1)).commit("best").epoch == 1


@pytest.mark.parametrize("epoch", ["lst", "1", 0, -1, 1.0, None])
def test_a_misspelt_epoch_is_named(run_path, epoch):
    with pytest.raises(BadInputError, match=rf"no epoch {epoch!r}; take 1 to 3, 'last' or 'best'"):
        Run(run_path).commit(epoch)


def test_other_dimensions_than_those_asked_for_do_not_apply(run_path):
    with pytest.raises(NotApplicableError, match="'wav' has the dimensions video, segment, modality, category"):
        Run(run_path).values("wav", dimensions=("sample", "category"))


def test_dimensions_come_in_the_order_asked_for(run_path):
    run = Run(run_path)
    turned = run.values("wav", dimensions=("category", "modality", "segment", "sample"))

    assert np.array_equal(turned, run.values("wav").transpose(3, 2, 1, 0))


@pytest.mark.parametrize("rows", [slice(1, 3), np.array([2, 0]), np.array([1])])
def test_some_samples_are_those_of_the_whole_array(run_path, rows):
    run = Run(run_path)
    for name in run.commit().arrays:
        if not name.endswith("_summary"):
            assert run.values(name, rows=rows).tolist() == run.values(name)[rows].tolist()


def test_samples_may_be_another_dimension_than_the_first(tmp_path):
    constants = Header(("a", "b"), ("x", "y"), ("loss",), "loss", "test", {"p_joint": ("category", "sample")})
    writer = RunWriter.create(tmp_path / "run", constants, pd.DataFrame({"sample": ["s", "t", "u"]}))
    writer.commit({}, {"p_joint": np.arange(6.0).reshape(2, 3) / 6})
    run = Run(tmp_path / "run")

    for rows in (slice(1, 3), np.array([2, 0])):
        some = run.values("p_joint", dimensions=("sample", "category"), rows=rows)
        assert some.tolist() == run.values("p_joint").T[rows].tolist()
