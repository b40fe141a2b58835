"""A headless Chromium for tests, driven by Selenium with the installed chromedriver. Nothing is downloaded."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from unittest import mock

import pytest

pytest.importorskip("selenium", reason="selenium is not installed")

from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
DRIVER = shutil.which("chromedriver")
needs_chromium = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="Chromium or chromedriver is not installed")

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)
PATIENCE = 60
"""Seconds to wait for a condition or a script."""


@contextmanager
def open_browser(profile: Path) -> Iterator[Chrome]:
    """Start a browser with a fresh profile, and quit it at the end."""
    options = ChromeOptions()
    options.binary_location = CHROMIUM
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # Without an address, the page of new tabs makes requests while a test already listens.
    for flag in (*FLAGS, f"--user-data-dir={profile}", "about:blank"):
        options.add_argument(flag)
    # With the path of a driver, Selenium does not search for one to download. The driver listens on this machine, which
    # a proxy does not reach.
    with mock.patch.dict(os.environ, no_proxy="localhost"):
        driver = Chrome(options=options, service=ChromeService(DRIVER))
    driver.set_script_timeout(PATIENCE)
    try:
        yield driver
    finally:
        driver.quit()


def wait_until(driver: Chrome, condition: str | Callable[[Chrome], object]) -> None:
    """Wait until a JavaScript expression or a function of the driver is true."""
    if isinstance(condition, str):
        WebDriverWait(driver, PATIENCE, 0.05).until(lambda _: driver.execute_script(f"return {condition}"), condition)
    else:
        WebDriverWait(driver, PATIENCE, 0.05).until(condition)


def resize(driver: Chrome, width: int, height: int) -> None:
    """Set the size of the page in pixels. Below a width of 600 it is a phone's."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def requests(driver: Chrome) -> list[str]:
    """Return the addresses requested since the last call."""
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    return [
        message["params"]["request"]["url"] for message in messages if message["method"] == "Network.requestWillBeSent"
    ]


def complaints(driver: Chrome) -> list[str]:
    """Return the errors and messages on the page's console since the last call."""
    return [entry["message"] for entry in driver.get_log("browser")]


def show(driver: Chrome, page: Path, width: int = 1400, dark: bool = False) -> None:
    """Open a page and wait until it is loaded. Requests and complaints before it are dropped."""
    requests(driver)
    complaints(driver)
    resize(driver, width, 900)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    driver.get(page.resolve().as_uri())


def audit(driver: Chrome) -> tuple[list[list[str]], int]:
    """Return axe's violations, as pairs of a rule and the first element that breaks it, and the number of passes."""
    axe = Path(import_module("axe_core_python").__file__).with_name("axe.min.js")
    driver.execute_script(axe.read_text(encoding="utf-8"))
    return driver.execute_script(
        "return axe.run().then(found =>"
        " [found.violations.map(violation => [violation.id, violation.nodes[0].html]), found.passes.length])"
    )
