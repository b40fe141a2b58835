"""The folder in which the examples of docstrings run: drawn runs in ``models/demo`` and ``models/mine``."""

from __future__ import annotations

from pathlib import Path

import pytest

DEMO = (("across_vcross", "ls_a"), ("across_vcross", "ls_v"))


@pytest.fixture(scope="session")
def examples_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with small studies in ``models/demo`` and ``models/other``, and an external run in ``models/mine``."""
    from tests.drawn_runs import draw_run

    folder = tmp_path_factory.mktemp("examples")
    for variant, smoothing in DEMO:
        draw_run(folder / "models" / "demo" / f"{variant}-{smoothing}-seed0", variant, smoothing)
    draw_run(folder / "models" / "other" / "across_vself-ls_v-seed0", "across_vself", "ls_v")
    draw_run(folder / "models" / "mine", external=True)
    return folder


@pytest.fixture(autouse=True)
def _in_examples_folder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if isinstance(request.node, pytest.DoctestItem):
        import mbias

        monkeypatch.chdir(request.getfixturevalue("examples_folder"))
        request.getfixturevalue("doctest_namespace")["mbias"] = mbias
