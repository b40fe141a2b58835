from __future__ import annotations

import matplotlib.pyplot as plt
import pytest

from mbias import open_study
from tests.drawn_runs import draw_run, draw_study


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return open_study(draw_study(tmp_path_factory.mktemp("study")))


@pytest.fixture(scope="module")
def external(tmp_path_factory):
    path = tmp_path_factory.mktemp("external") / "a $x$ run"
    return open_study(draw_run(path, external=True, modalities=("audio", "visual", "text"), names=("a_b", "$c$", "猫")))


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def texts(figure):
    return [text.get_text() for text in figure.findobj(plt.Text)]
