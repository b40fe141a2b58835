from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mbias import Header, RunWriter
from mbias.errors import BadInputError
from tests.records.written import SAMPLES, SEGMENTS, written_run


@pytest.mark.parametrize(
    ("losses", "arrays", "message"),
    [
        ({"other": {"optimised": 1.0}}, {}, "loss 'other'"),
        ({}, {"other": np.zeros(3)}, "array 'other'"),
        ({}, {"wav": np.zeros((SAMPLES, SEGMENTS, 3, 3))}, r"'wav' has shape \(6, 4, 3, 3\)"),
        ({}, {"wav": np.zeros((SAMPLES, SEGMENTS))}, "'wav' has shape"),
        ({}, {"p_joint": np.full((SAMPLES, 3), np.nan)}, "'p_joint' holds NaN"),
    ],
)
def test_what_the_header_does_not_name_is_refused(run_path, losses, arrays, message):
    before = (run_path / "epochs.jsonl").read_bytes()
    with pytest.raises(BadInputError, match=message):
        RunWriter.reopen(run_path).commit(losses, arrays)
    assert (run_path / "epochs.jsonl").read_bytes() == before


def test_a_run_is_not_overwritten(run_path):
    with pytest.raises(BadInputError, match="a run exists already"):
        written_run(run_path)


def test_a_refused_truth_leaves_no_run_behind(tmp_path):
    header = Header(("audio", "visual"), ("Dog",), ("joint",), "joint", "test", {})
    truth = {"audio": np.zeros((2, 3, 1), dtype=bool), "visual": np.zeros((2, 4, 1), dtype=bool)}
    with pytest.raises(BadInputError, match="truth of audio, visual"):
        RunWriter.create(tmp_path / "run", header, pd.DataFrame({"sample": ["a", "b"]}), truth)
    assert not (tmp_path / "run").exists()
