"""Short fuzzing of every reader. ``python -m tests.fuzzing 110000`` runs many more inputs."""

from __future__ import annotations

import pytest

from tests import fuzzing

pytestmark = pytest.mark.filterwarnings("ignore")


def test_no_reader_crashes_on_damaged_files(tmp_path):
    for case in fuzzing.cases(tmp_path):
        inputs = fuzzing.share(case)
        assert sum(fuzzing.fuzz(case, inputs, seed=0).values()) == inputs


@pytest.mark.slow
def test_no_reader_crashes_on_many_more_files(tmp_path):
    for case in fuzzing.cases(tmp_path):
        fuzzing.fuzz(case, 20 * fuzzing.share(case), seed=1)
