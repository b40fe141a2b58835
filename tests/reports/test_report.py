from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

from mbias.analysis.questions import QUESTIONS
from mbias.errors import BadInputError, MbiasError
from mbias.reports import notebooks, report
from tests.drawn_runs import draw_run, draw_study

EVIL = "<img src=x onerror=alert(1)>"


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The report of two variants under two smoothings, with names that are no names."""
    folder = tmp_path_factory.mktemp("report")
    settings = [(variant, smoothing) for variant in ("across_vself", "across_vcross") for smoothing in ("ls_a", "ls_v")]
    study = draw_study(folder / f'it\'s <b>"{chr(233)}"', settings, names=(EVIL, "a_b", "猫"))
    return study, report.write_report(study, folder / "out")


def test_every_question_has_its_section_figures_and_tables(written):
    _, page = written
    sections = [attributes["id"] for tag, attributes in _Page(page.read_text()).tags if tag == "section"]
    figures = {path.name for path in (page.parent / "figures").iterdir()}
    tables = {path.name for path in (page.parent / "tables").iterdir()}

    assert sections == ["overview", *QUESTIONS]
    assert {"losses-fig2.png", "losses-fig2.pdf", "attention-fig3.png", "attention-fig3.pdf"} <= figures
    assert {"variants-scores.csv", "variants-scores.tex", "smoothing-stability.csv"} <= tables
    assert {path.name for path in page.parent.iterdir()} == report.PARTS


def test_the_page_stands_alone(written):
    _, page = written
    tags = _Page(page.read_text()).tags
    links = [attributes[name] for _, attributes in tags for name in ("src", "href") if name in attributes]

    assert all(re.match(r"data:image/png;base64,|#\w+$|(figures|tables)/[\w.-]+$", link) for link in links)
    assert all((page.parent / link).exists() for link in links if link.startswith(("figures/", "tables/")))
    assert "script" not in {tag for tag, _ in tags}
    assert all(attributes["alt"] for tag, attributes in tags if tag == "img")


def test_names_change_nothing_but_text(written):
    _, page = written
    tags = _Page(page.read_text()).tags

    assert not [attributes for _, attributes in tags if "onerror" in attributes]
    assert "b" not in {tag for tag, _ in tags}


def test_the_findings_are_those_of_the_runs(written):
    study, page = written
    facts = json.loads((page.parent / "report.json").read_text())
    from mbias import open_study
    from mbias.analysis.losses import coincidence, finding

    assert facts["findings"]["losses"] == finding(coincidence(open_study(study)))
    assert facts["simulated"] is True
    assert "Simulated data" in page.read_text()


def test_no_path_of_the_machine_is_in_the_report(written):
    study, page = written

    assert str(study.parent) not in page.read_text()


def test_a_failing_notebook_names_the_cell_and_leaves_the_old_report(written, tmp_path, monkeypatch):
    study, page = written
    before = page.read_bytes()
    broken = nbformat.read(notebooks.notebook_path("losses"), as_version=4)
    broken.cells[3].source = "1 / 0"
    path = tmp_path / "losses.ipynb"
    nbformat.write(broken, path)
    monkeypatch.setattr(report, "notebook_path", lambda word: path)

    with pytest.raises(MbiasError, match=r"losses.ipynb: cell 4 failed with ZeroDivisionError: .* is left as it was"):
        report.write_report(study, page.parent)
    assert page.read_bytes() == before
    assert [entry.name for entry in page.parent.parent.iterdir() if entry.name.startswith(".")] == []


def test_a_folder_of_other_things_is_not_replaced(written, tmp_path):
    study, _ = written
    (tmp_path / "thesis.tex").write_text("years of work")

    with pytest.raises(BadInputError, match=r"holds thesis.tex, which is no part of a report"):
        report.write_report(study, tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


@pytest.mark.slow
def test_a_foreign_run_is_reported_as_far_as_it_goes(tmp_path):
    run = draw_run(tmp_path / "theirs", foreign=True, modalities=("audio", "visual", "text"))
    page = report.write_report(run, tmp_path / "out")
    facts = json.loads((page.parent / "report.json").read_text())

    assert list(facts["findings"]) == ["losses", "attention"]
    assert set(facts["not_applicable"]) == {"variants", "smoothing", "mechanism", "reliance", "diagnosis"}


@pytest.mark.parametrize("word", QUESTIONS)
def test_notebooks_hold_parameters_and_no_outputs(word):
    notebook = nbformat.read(notebooks.notebook_path(word), as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]

    assert [cell for cell in code if "parameters" in cell.metadata.get("tags", [])] == code[:1]
    assert not any(cell.outputs or cell.execution_count for cell in code)


def test_all_packages_and_the_notebooks_are_installed():
    import configparser

    root = Path(__file__).resolve().parents[2]
    configuration = configparser.ConfigParser()
    configuration.read(root / "setup.cfg")
    listed = configuration["options"]["packages"].split()
    found = {".".join(path.parent.relative_to(root).parts) for path in root.glob("mbias/**/__init__.py")}

    assert set(listed) == found | {"mbias.notebooks"}
