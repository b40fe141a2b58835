"""Reports in a browser: accessibility, network requests and script errors."""

from __future__ import annotations

from importlib import util

import pytest

from tests.reports.browser import audit, complaints, needs_chromium, open_browser, requests, show

pytestmark = [
    needs_chromium,
    pytest.mark.skipif(util.find_spec("axe_core_python") is None, reason="axe-core-python is not installed"),
]
VIEWS = [("written", 1400, False), ("written", 1400, True), ("written", 390, False), ("written", 390, True)]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with open_browser(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.mark.slow
@pytest.mark.parametrize(("report", "width", "dark"), [*VIEWS, ("compared", 390, False)])
def test_no_violation_no_request_no_error(browser, request, report, width, dark):
    _, page = request.getfixturevalue(report)
    show(browser, page, width, dark)
    urls = [url for url in requests(browser) if not url.startswith("data:")]
    # Everything that a reader can open is checked.
    browser.execute_script("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    violations, passes = audit(browser)

    assert urls == [page.resolve().as_uri()]
    assert complaints(browser) == []
    assert violations == []
    assert passes > 10
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_dark_is_dark(browser, written):
    backgrounds = {}
    for dark in (False, True):
        show(browser, written[1], dark=dark)
        backgrounds[dark] = browser.execute_script("return getComputedStyle(document.body).backgroundColor")

    assert backgrounds == {False: "rgb(255, 255, 255)", True: "rgb(21, 24, 28)"}


def test_a_name_is_shown_as_text(browser, written):
    show(browser, written[1])

    assert browser.execute_script("return document.querySelectorAll('img:not([src^=data])').length") == 0
    heading = browser.execute_script("return document.querySelector('h1').textContent")
    assert heading == f"Modality bias: {written[0].name}"


def test_the_check_finds_what_is_wrong(browser, tmp_path):
    page = tmp_path / "bad.html"
    page.write_text('<html><body><img src="missing.png"><p style="color:#ccc">faint</p><script>lost()</script></body>')
    show(browser, page)
    violations, _ = audit(browser)

    assert {"image-alt", "color-contrast", "html-has-lang"} <= {rule for rule, _ in violations}
    assert any(url.endswith("missing.png") for url in requests(browser))
    assert any("lost" in text for text in complaints(browser))
