from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from mbias.reports import notebooks
from mbias.reports.report import COMPARISON, SECTIONS
from tests.drawn_runs import TABLE, draw_mitigated, draw_run


@pytest.mark.parametrize("question_name", [*SECTIONS, *COMPARISON])
def test_notebooks_hold_parameters_and_no_outputs(question_name):
    notebook = nbformat.read(notebooks.notebook_path(question_name), as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]

    assert [cell for cell in code if "parameters" in cell.metadata.get("tags", [])] == code[:1]
    assert not any(cell.outputs or cell.execution_count for cell in code)


@pytest.mark.slow
@pytest.mark.parametrize("question_name", [*SECTIONS, *COMPARISON])
def test_a_notebook_runs_alone_with_its_defaults(question_name, tmp_path):
    from nbclient import NotebookClient

    for variant, smoothing in TABLE:
        draw_run(tmp_path / "models" / "demo" / f"{variant}-{smoothing}-seed0", variant, smoothing)
    draw_mitigated(tmp_path / "models" / "mitigation")
    folder = tmp_path / "analysis_notebooks"
    folder.mkdir()
    notebook = nbformat.read(notebooks.notebook_path(question_name), as_version=4)
    done = NotebookClient(notebook, resources={"metadata": {"path": str(folder)}}).execute()

    shown = [output for cell in done.cells for output in cell.get("outputs", ()) if "data" in output]
    assert any("<figure>" in output["data"].get("text/html", "") for output in shown)
    assert list(folder.iterdir()) == []


def test_all_packages_and_the_notebooks_are_installed():
    import configparser

    root = Path(__file__).resolve().parents[2]
    configuration = configparser.ConfigParser()
    configuration.read(root / "setup.cfg")
    listed = configuration["options"]["packages"].split()
    packages = {".".join(path.parent.relative_to(root).parts) for path in root.glob("mbias/**/__init__.py")}

    assert set(listed) == packages | {"mbias.definitions", "mbias.notebooks"}
