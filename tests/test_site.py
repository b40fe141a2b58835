"""The site: its gallery is complete, and the built pages work in a browser without a network."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest

import mbias
import mbias.plots

ROOT = Path(__file__).resolve().parents[1]
GALLERY = sorted((ROOT / "docs" / "gallery").glob("plot_*.py"))

PAGES = [
    "index.html",
    "getting-started.html",
    "figures/index.html",
    "figures/plot_reliance.html",
    "questions/index.html",
    "questions/diagnosis.html",
    "api.html",
    "api/mbias.Recorder.html",
    "findings.html",
    "project/contributing.html",
]
"""A page of every kind."""


def whole_figures() -> set[tuple[str, str]]:
    """The functions that draw a whole figure, by module; those that ``plot_NAME`` of a question calls are left out."""
    found = set()
    for module in pkgutil.iter_modules(mbias.plots.__path__):
        functions = inspect.getmembers(importlib.import_module(f"mbias.plots.{module.name}"), inspect.isfunction)
        for name, function in functions:
            drawn = inspect.signature(function).return_annotation in ("Figure", "Drawn")
            inner = name == "figure" and module.name in mbias.QUESTIONS
            if function.__module__ == f"mbias.plots.{module.name}" and drawn and not inner:
                found.add((module.name, name))
    return found


def drawn_by(script: str) -> set[tuple[str, str]]:
    """What a script draws with: ``mbias.plot_NAME``, ``module.function``, and functions imported from a module."""
    found = set()
    for node in ast.walk(ast.parse(script)):
        match node:
            case ast.Attribute(value=ast.Name(id="mbias"), attr=name) if name.startswith("plot_"):
                found.add((name.removeprefix("plot_"), name))
            case ast.Attribute(value=ast.Name(id=module), attr=name):
                found.add((module, name))
            case ast.ImportFrom(module=str(module), names=names):
                found |= {(module.removeprefix("mbias.plots."), alias.name) for alias in names}
    return found


def test_every_figure_has_a_script():
    drawn = set().union(*(drawn_by(path.read_text(encoding="utf-8")) for path in GALLERY))

    assert len(whole_figures()) > 15
    assert whole_figures() - drawn == set()


@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.stem)
def test_a_script_is_short_and_draws_the_sample_study(path):
    script = path.read_text(encoding="utf-8")

    assert len(script.splitlines()) < 25
    assert "mbias.load_example()" in script or path.stem == "plot_diagnosis_power"


def test_every_public_name_has_a_page():
    api = (ROOT / "docs" / "api.md").read_text(encoding="utf-8").split()
    from mbias import mitigation

    assert {*mbias.__all__, *mitigation.__all__} - set(api) == {"QUESTIONS", *mbias.QUESTIONS}


@pytest.fixture(scope="module")
def site() -> Path:
    """The folder of the built site; ``.ci/run`` builds it before the slow tests."""
    pytest.importorskip("sphinx", reason="Sphinx is not installed")
    folder = ROOT / "docs" / "_build" / "html"
    if not (folder / "index.html").exists():
        command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", str(ROOT / "docs"), str(folder)]
        subprocess.run(command, check=True)
    return folder


@pytest.mark.slow
@pytest.mark.skipif(util.find_spec("axe_core_python") is None, reason="axe-core-python is not installed")
@pytest.mark.parametrize(("width", "theme"), [(1400, "light"), (1400, "dark"), (390, "light"), (390, "dark")])
def test_pages_have_no_violation_no_request_no_error(site, tmp_path, width, theme):
    browser = pytest.importorskip("tests.reports.browser")
    if not (browser.CHROMIUM and browser.DRIVER):
        pytest.skip("Chromium or chromedriver is not installed")
    pages = [site / name for name in PAGES]
    faults = {}
    with browser.open_browser(tmp_path) as driver:
        browser.show(driver, site / "index.html")
        driver.execute_script(f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')")
        for page in pages:
            browser.show(driver, page, width, dark=theme == "dark")
            outside = [url for url in browser.requests(driver) if not url.startswith(("file:", "data:"))]
            violations, passes = browser.audit(driver)
            wide = driver.execute_script("return document.documentElement.scrollWidth") - width
            # The theme logs every change between light and dark.
            said = [text for text in browser.complaints(driver) if "[PST]" not in text]
            found = [*outside, *violations, *said, *([f"{wide} px too wide"] if wide > 0 else [])]
            if found or passes < 10:
                faults[page.relative_to(site).as_posix()] = found

    assert faults == {}
