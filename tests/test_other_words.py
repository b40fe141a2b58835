"""What is said about a model of text and images never has the words of the paper's model."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import matplotlib.pyplot as plt
import pytest

import mbias
from mbias.analysis import attention, diagnosis, losses, mechanism, reliance
from mbias.analysis.questions import QUESTIONS, question
from mbias.cli import analyze
from mbias.cli.printing import printed
from mbias.errors import NotApplicableError
from mbias.plots import attention as attention_plots
from mbias.plots import diagnosis as diagnosis_plots
from mbias.plots import distribution, plot_of
from mbias.plots.drawing.style import mathtext
from mbias.reports import headlines, overview
from mbias.reports.notebooks import notebook_path, without
from mbias.tables.words import Words
from tests.other_models import MODALITIES, record_other

WORDS = re.compile(r"audio|visual|videos?\b|picture|wsl|W_\{?av|[pWL]_\{?[av]\b|\b(HAN|LLP)\b", re.IGNORECASE)
NAMES = ("three", "four", "settings")


def paper_words(text: str, segments: bool) -> set[str]:
    """The words of the paper's model in a text; the name of a command is none."""
    text = re.sub(r"mbias-analyze video|plot_video|mbias\\.video", "", text)
    return {match[0] for match in WORDS.finditer(text)} | ({"segment"} if not segments and "segment" in text else set())


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Models of three modalities without segments, of four with segments and groups, and two settings of two seeds."""
    folder = tmp_path_factory.mktemp("records")
    for seed in (0, 1):
        record_other(folder / "three" / f"run{seed}", MODALITIES[:3], seed=seed)
        for setting in ("late fusion", "early fusion"):
            record_other(folder / "settings" / f"{setting}{seed}", MODALITIES[:2], seed=seed, setting=setting)
    record_other(folder / "four", MODALITIES[:4], segments=True, groups=True, stand_ins=("permuted", "swapped", "mean"))
    return folder


def inputs(question_name, path):
    """The inputs of a question: two runs of a study or a run twice, one run, or all of them."""
    runs = mbias.open_study(path).runs
    return {"compare": [runs[0], runs[-1]], "video": [runs[0]]}.get(question_name, [path])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("asked", QUESTIONS)
def test_tables_and_figures(records, capsys, asked, name):
    segments = name == "four"
    given = inputs(asked, records / name)
    paths = [str(getattr(item, "path", item)) for item in given]
    options = [[]] if asked == "video" else [["--table", table] for table in question(asked).table_names]
    for chosen in [*options, *([["--worst", "2"]] if asked == "video" else [])]:
        for form in ("table", "csv"):
            code = analyze.main([asked, *paths, *chosen, "--format", form])
            said = capsys.readouterr()
            assert code in (0, 2)
            # An error says what a question needs, which may be segments.
            of_llp = {"LLP"} if "llp_line" in chosen else set()
            assert paper_words(said.out + said.err, segments or code == 2) <= of_llp, (chosen, form)
    try:
        figure = plot_of(asked)(*given)
    except NotApplicableError as error:
        assert paper_words(str(error), True) == set()
    else:
        assert paper_words(shown(figure), segments) == set()
    plt.close("all")


@pytest.mark.parametrize("asked", ["losses", "attention", "reliance", "diagnosis"])
def test_figures_name_settings_of_ones_own(records, asked):
    assert {"late fusion", "early fusion"} <= set(shown(plot_of(asked)(records / "settings")).split("\n"))
    plt.close("all")


def shown(figure):
    """All text of a figure."""
    return "\n".join(text.get_text() for text in figure.findobj(plt.Text))


@pytest.mark.parametrize("name", NAMES)
def test_further_figures_and_sentences(records, name):
    study = mbias.open_study(records / name)
    shares, errors, verdicts = attention.shares(study), losses.coincidence(study), diagnosis.verdicts(study)
    optima, weights, moves = mechanism.optima(study), attention.categories(study), attention.movement(study)
    of_run = weights[(weights["run"] == weights["run"].iloc[0]) & (weights["category"] == "calm")]
    figures = [
        attention_plots.plot_movement(moves),
        attention_plots.figure(weights, "present"),
        distribution.figure(of_run, 2),
        diagnosis_plots.figure(verdicts),
    ]
    sentences = [
        *losses.finding(errors),
        *attention.finding(shares),
        *mechanism.finding(optima),
        *reliance.finding(mbias.reliance(study)),
        *diagnosis.finding(verdicts, study),
        headlines.losses(errors),
        headlines.attention(shares),
        headlines.movement(moves),
        headlines.optima(optima),
        headlines.verdicts(verdicts),
        printed(overview.LAYOUT, overview.phenomenon(shares, errors), "table"),
    ]
    assert paper_words("\n".join([*map(shown, figures), *sentences]), name == "four") == set()
    assert mathtext("L_total") in shown(plot_of("losses")(study))
    assert any("L_total" in sentence for sentence in sentences)
    plt.close("all")


@pytest.mark.parametrize("name", NAMES)
def test_the_explorer(records, name):
    pytest.importorskip("ipywidgets")
    explorer = mbias.explore(records / name)

    assert explorer.video.description == "example"
    assert paper_words(explorer.text.value, True) == set()


@pytest.mark.parametrize("asked", ["losses", "attention", "mechanism", "reliance", "diagnosis", "compare"])
def test_notebooks_say_the_same_of_any_model(asked):
    cells = json.loads(notebook_path(asked).read_text(encoding="utf-8"))["cells"]
    notebook = SimpleNamespace(cells=[SimpleNamespace(**cell) for cell in cells])
    kept = without(notebook, "paper").cells
    text = "\n".join("".join(cell.source) for cell in kept if cell.cell_type == "markdown")

    assert paper_words(re.sub(r"<sub>(\w+)</sub>", r"_\1", text), True) == set()
    assert f"# {asked.capitalize()}" in text


def test_words_of_the_paper_stay_those_of_its_records():
    assert Words().paper
    assert not Words("joint", ("audio", "visual")).paper
