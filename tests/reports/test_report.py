from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import nbformat
import pytest

from mbias.analysis.questions import QUESTIONS
from mbias.cli.analyze import main
from mbias.errors import BadInputError, MbiasError, NotApplicableError
from mbias.reports import notebooks, report
from mbias.reports.report import SECTIONS, write_report
from tests.drawn_runs import cut_shard, draw_external_probe, draw_mitigated, draw_run, draw_study, fill_probe_with_nan
from tests.reports.conftest import EVIL


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def test_every_question_has_its_section_figures_and_tables(written):
    _, page = written
    sections = [attributes["id"] for tag, attributes in _Page(page.read_text()).tags if tag == "section"]
    figures = {path.name for path in (page.parent / "figures").iterdir()}
    tables = {path.name for path in (page.parent / "tables").iterdir()}

    # No run has a mitigation; what else there is applies.
    asked = [name for name in SECTIONS if name != "mitigations"]
    assert sections == ["overview", *asked]
    assert {"losses-fig2.png", "losses-fig2.pdf", "attention-fig3.png", "attention-fig3.pdf"} <= figures
    assert {"variants-scores.csv", "variants-scores.tex", "smoothing-stability.csv"} <= tables
    assert {path.name for path in page.parent.iterdir()} == report.PARTS - {
        f"{name}.ipynb" for name in QUESTIONS if name not in asked
    }
    assert json.loads((page.parent / "report.json").read_text())["not_applicable"] == {
        "mitigations": "no run has a mitigation"
    }


@pytest.mark.slow
def test_a_study_with_mitigations_has_their_section(tmp_path):
    page = write_report(draw_mitigated(tmp_path / "mitigated"), tmp_path / "out")
    assert '<section id="mitigations">' in page.read_text()
    assert (page.parent / "figures" / "mitigations-changes.png").exists()
    assert (page.parent / "tables" / "mitigations-changes.csv").exists()


def test_the_page_stands_alone(written):
    _, page = written
    tags = _Page(page.read_text()).tags
    links = [attributes[name] for _, attributes in tags for name in ("src", "href") if name in attributes]

    assert all(re.match(r"data:image/png;base64,|#\w+$|(figures|tables|cited)/[\w.-]+$", link) for link in links)
    assert all((page.parent / link).exists() for link in links if not link.startswith(("data:", "#")))
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
    assert set(facts["findings"]) == set(SECTIONS) - {"mitigations"}
    assert facts["simulated"] is True
    assert "Simulated data" in page.read_text()


def test_no_path_of_the_machine_is_in_the_report(written):
    study, page = written

    texts = [path.read_text() for path in page.parent.rglob("*") if path.suffix not in (".png", ".pdf", "")]
    assert len(texts) > 20
    assert not [text for text in texts if str(study.parent) in text]


def test_the_verdicts_come_first(written):
    _, page = written
    text = page.read_text()
    places = [text.index(f"<h3>{title}</h3>") for title in ("Verdict", "Attention and losses", "Settings")]

    assert places == sorted(places)
    assert text.index("figures/losses-fig2.pdf") > places[-1]


def test_every_figure_has_its_finding_definition_table_and_citation(written):
    _, page = written
    captions = re.findall(r"<figcaption>.*?</figcaption>", page.read_text(), re.DOTALL)
    own = [caption for caption in captions if "figures/" in caption]

    assert len(own) >= len(SECTIONS)
    for caption in own:
        assert re.search(r"</strong> [^<]*.*\d", caption)
        assert "<summary>Definition</summary>" in caption
        for file in (r"tables/[\w-]+\.csv", r"tables/[\w-]+\.tex", r"cited/\w+\.bib", r"figures/[\w-]+\.pdf"):
            assert re.search(file, caption)


def test_parameters_reach_the_notebooks_that_have_them(written):
    _, page = written
    import pandas as pd

    table = pd.read_csv(page.parent / "tables" / "attention-categories.csv")
    assert set(table["category"]) == {EVIL, "猫"}
    kept = nbformat.read(page.parent / "attention.ipynb", as_version=4)
    injected = next(cell for cell in kept.cells if "injected-parameters" in cell.metadata.get("tags", []))
    assert 'epoch = "best"' in injected.source
    assert "out = None" in injected.source


def test_two_studies_are_compared(compared):
    studies, page = compared
    from mbias import open_study
    from mbias.analysis.compare import comparison, finding

    facts = json.loads((page.parent / "report.json").read_text())
    assert facts["findings"] == {"compare": finding(comparison(*map(open_study, studies)))}
    assert (page.parent / "compare.ipynb").exists()
    assert "one and other" in page.read_text()


def test_the_same_report_is_the_same_bytes(compared, tmp_path):
    studies, page = compared
    again = write_report(studies[0], page.parent.with_name("again"), against=studies[1]).parent
    files = [path.relative_to(again) for path in again.rglob("*") if path.is_file()]

    assert len(files) > 5
    assert [file for file in files if (again / file).read_bytes() != (page.parent / file).read_bytes()] == []


def test_a_failing_notebook_names_the_cell_and_leaves_the_old_report(written, tmp_path, monkeypatch):
    study, page = written
    before = page.read_bytes()
    broken = nbformat.read(notebooks.notebook_path("losses"), as_version=4)
    broken.cells[5].source = "1 / 0"
    path = tmp_path / "losses.ipynb"
    nbformat.write(broken, path)
    monkeypatch.setattr(report, "notebook_path", lambda question_name: path)

    with pytest.raises(MbiasError, match=r"losses.ipynb: cell 6 failed with ZeroDivisionError: .* is left as it was"):
        write_report(study, page.parent)
    assert page.read_bytes() == before
    assert [entry.name for entry in page.parent.parent.iterdir() if entry.name.startswith(".")] == []


def test_a_folder_of_other_things_is_not_replaced(written, tmp_path):
    study, _ = written
    (tmp_path / "thesis.tex").write_text("years of work")

    with pytest.raises(BadInputError, match=r"holds thesis.tex, which is not part of a report"):
        write_report(study, tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


@pytest.mark.slow
def test_an_external_run_is_reported_as_far_as_questions_apply(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = draw_run(tmp_path / "external", external=True, modalities=("audio", "visual", "text"))
    page = write_report("external", tmp_path / "out")
    facts = json.loads((page.parent / "report.json").read_text())
    assert "external" in facts["not_applicable"]["reliance"]
    for path in page.parent.rglob("*"):
        assert path.suffix in (".png", ".pdf") or path.is_dir() or str(run.parent) not in path.read_text()

    assert list(facts["findings"]) == ["losses", "attention", "mechanism"]
    assert set(facts["not_applicable"]) == {"variants", "smoothing", "reliance", "diagnosis", "mitigations"}


def test_a_cut_shard_is_named_and_nothing_is_written(tmp_path):
    shard = cut_shard(draw_run(tmp_path / "run"))

    with pytest.raises(BadInputError, match=re.escape(str(shard))):
        write_report(tmp_path / "run", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.slow
def test_a_probe_of_nan_fails_the_report_and_leaves_the_old_one(tmp_path, capsys):
    study = draw_study(tmp_path / "study", [("across_vcross", "ls_a"), ("across_vcross", "ls_v")])
    page = write_report(study, tmp_path / "out")
    before = page.read_bytes()
    probe = fill_probe_with_nan(study / "across_vcross-ls_v-0")
    message = f"{probe}: the pass with audio replaced by 'permuted': 'p_joint' holds NaN or infinity"

    with pytest.raises(BadInputError, match=f"^{re.escape(message)}.*the report in .* is left as it was$") as error:
        write_report(study, tmp_path / "out")
    assert not isinstance(error.value, NotApplicableError)
    assert page.read_bytes() == before
    assert main(["report", str(study), "--out", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1
    assert page.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "study"]


@pytest.mark.slow
def test_a_report_says_which_measures_do_not_apply(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw_external_probe(tmp_path / "mine")
    page = write_report("mine", tmp_path / "out")
    text = re.sub(r"<[^>]*>", "", page.read_text()).replace("&#x27;", "'")
    kept = (page.parent / "reliance.ipynb").read_text()

    for name in ("drop (p, zero)", "swap (swapped)", "cross (p, cross)"):
        assert f"Left out: {name} (mine: the probe has no pass " in text
        assert f"Left out: {name} (mine: the probe" in re.sub(r"<[^>]*>", "", kept)
    assert str(tmp_path) not in text
    assert str(tmp_path) not in kept
