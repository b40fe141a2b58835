from __future__ import annotations

import pytest

from tests.records.written import written_run


@pytest.fixture
def run_path(tmp_path):
    return written_run(tmp_path / "run")
