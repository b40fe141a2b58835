"""Reports as a browser shows them."""

from __future__ import annotations

from importlib import import_module, util
from pathlib import Path

import pytest

from tests.reports.browser import PROGRAM, Browser

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed"),
    pytest.mark.skipif(util.find_spec("axe_core_python") is None, reason="axe-core-python is not installed"),
]
LOOKS = [("written", 1400, False), ("written", 1400, True), ("written", 390, False), ("written", 390, True)]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    one = Browser(tmp_path_factory.mktemp("profile"))
    yield one
    one.close()


@pytest.fixture(scope="module")
def axe():
    return Path(import_module("axe_core_python").__file__).with_name("axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize(("report", "width", "dark"), [*LOOKS, ("compared", 390, False)])
def test_no_violation_no_request_no_error(browser, axe, request, report, width, dark):
    _, page = request.getfixturevalue(report)
    browser.show(page, width, dark)
    requests = [url for url in browser.requests if not url.startswith("data:")]
    # All that a reader can open is looked at.
    browser.value("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    browser.value(f"{axe}; 0")
    found = browser.value("axe.run()")

    assert requests == [page.resolve().as_uri()]
    assert browser.complaints == []
    assert [(violation["id"], violation["nodes"][0]["html"]) for violation in found["violations"]] == []
    assert len(found["passes"]) > 10
    assert browser.value("document.documentElement.scrollWidth") <= width


def test_dark_is_dark(browser, written):
    grounds = {}
    for dark in (False, True):
        browser.show(written[1], dark=dark)
        grounds[dark] = browser.value("getComputedStyle(document.body).backgroundColor")

    assert grounds == {False: "rgb(255, 255, 255)", True: "rgb(21, 24, 28)"}


def test_a_name_is_shown_as_it_is(browser, written):
    browser.show(written[1])

    assert browser.value("document.querySelectorAll('img:not([src^=data])').length") == 0
    assert browser.value("document.querySelector('h1').textContent") == f"Modality bias: {written[0].name}"


def test_the_check_would_find_what_is_wrong(browser, axe, tmp_path):
    page = tmp_path / "bad.html"
    page.write_text('<html><body><img src="missing.png"><p style="color:#ccc">faint</p><script>lost()</script></body>')
    browser.show(page)
    requests, complaints = list(browser.requests), list(browser.complaints)
    browser.value(f"{axe}; 0")
    found = {violation["id"] for violation in browser.value("axe.run()")["violations"]}

    assert {"image-alt", "color-contrast", "html-has-lang"} <= found
    assert any(url.endswith("missing.png") for url in requests)
    assert any("lost" in text for text in complaints)
