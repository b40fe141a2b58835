from __future__ import annotations

import pytest

from mbias import open_study
from tests.drawn_runs import draw_run, draw_study


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """The paper's ten runs, drawn, one seed."""
    return open_study(draw_study(tmp_path_factory.mktemp("study")))


@pytest.fixture(scope="session")
def external(tmp_path_factory):
    """One run of a model not trained here, with three modalities."""
    return open_study(
        draw_run(
            tmp_path_factory.mktemp("external") / "external", external=True, modalities=("audio", "visual", "text")
        )
    )
