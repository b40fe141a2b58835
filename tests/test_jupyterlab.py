"""The explorer in JupyterLab, in a browser, by mouse and keyboard."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.drawn_runs import draw_run
from tests.reports.browser import complaints, needs_chromium, open_browser, resize, wait_until

pytest.importorskip("ipywidgets")
pytest.importorskip("jupyterlab")

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

FIGURES = "document.querySelectorAll('.mbias-shown img.widget-image')"
DIGESTS = f"""Promise.all([...{FIGURES}].map(async image => {{
    const bytes = await (await fetch(image.src)).arrayBuffer();
    const digest = await crypto.subtle.digest('SHA-256', bytes);
    return bytes.byteLength + ' ' + Array.from(new Uint8Array(digest)).join(' ');
}}))"""
"""Size and SHA-256 of every figure of the run that is shown."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Address of a notebook in a JupyterLab that runs."""
    folder = tmp_path_factory.mktemp("lab")
    draw_run(folder / "runs" / "one", epochs=6)
    draw_run(folder / "runs" / "z <img src=x onerror=alert(1)>", external=True)
    cells = ["import mbias\nstudy = mbias.open_study('runs')\nstudy", "explorer = mbias.explore(study)\nexplorer"]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(notebook, folder / "explore.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {f"JUPYTER_{name}_DIR": str(folder / f".{name.lower()}") for name in ("CONFIG", "RUNTIME", "DATA")}
    own |= {"IPYTHONDIR": str(folder / ".ipython"), "PYTHONPATH": str(Path.cwd())}
    options = ["--no-browser", "--allow-root", "--ServerApp.port_retries=0", f"--ServerApp.port={port}"]
    options += ["--IdentityProvider.token=open", f"--ServerApp.root_dir={folder}", "--LabApp.news_url="]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], env=os.environ | own, stdout=log, stderr=log, cwd=folder
        )
    yield f"http://127.0.0.1:{port}/lab/tree/explore.ipynb?token=open"
    server.terminate()
    server.wait(30)


@pytest.fixture
def browser(tmp_path):
    with open_browser(tmp_path / "profile") as driver:
        yield driver
        driver.save_screenshot(str(tmp_path / "end.png"))  # kept with --basetemp


def _open(browser, address):
    """Open the notebook as soon as the server answers."""
    resize(browser, 1300, 1500)
    WebDriverWait(browser, 30, 0.25, [WebDriverException]).until(lambda _: browser.get(address) is None)
    wait_until(browser, "document.querySelectorAll('.jp-Notebook .jp-CodeCell .cm-content').length == 2")
    # Running a cell before the kernel is known to be idle opens a dialog.
    wait_until(browser, "document.querySelector('#jp-main-statusbar')?.textContent.includes('| Idle')")


def _run_cell(browser):
    """Run the cell that has the focus, and go to the next."""
    ActionChains(browser).key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(Keys.SHIFT).perform()


def _digests(browser):
    return browser.execute_script(f"return {DIGESTS}")


def _wait_for_new_figures(browser, before):
    wait_until(browser, lambda _: all(map(str.__ne__, _digests(browser), before)))


@pytest.mark.slow
@needs_chromium
def test_the_slider_moves_and_the_figures_change(lab, browser):
    _open(browser, lab)
    browser.find_element(By.CSS_SELECTOR, ".jp-CodeCell .cm-content").click()
    _run_cell(browser)
    wait_until(browser, "document.querySelectorAll('.jp-OutputArea table svg').length == 2")
    _run_cell(browser)
    wait_until(browser, f"{FIGURES}.length == 3")
    wait_until(browser, f"[...{FIGURES}].every(image => image.naturalWidth > 0)")
    best = _digests(browser)
    readout = browser.find_element(By.CSS_SELECTOR, ".widget-hslider .widget-readout")
    assert readout.text == "6 (best)"

    handle = browser.find_element(By.CSS_SELECTOR, ".widget-hslider .noUi-handle")
    rail = browser.find_element(By.CSS_SELECTOR, ".widget-hslider .noUi-target").size["width"]
    ActionChains(browser).drag_and_drop_by_offset(handle, round(-0.6 * rail), 0).perform()
    wait_until(browser, lambda _: readout.text == "3")
    wait_until(browser, "document.body.textContent.includes('epoch 3 holds no predictions and no W_tp; epoch 6 does')")
    _wait_for_new_figures(browser, best)

    handle.send_keys(Keys.ARROW_RIGHT * 3)
    wait_until(browser, lambda _: readout.text == "6 (best)")
    wait_until(browser, lambda _: _digests(browser) == best)
    assert not browser.execute_script("return document.body.textContent.includes('holds no predictions')")

    Select(browser.find_element(By.CSS_SELECTOR, ".widget-dropdown select")).select_by_index(1)
    wait_until(browser, lambda _: readout.text == "3 (best)")
    _wait_for_new_figures(browser, best)
    assert not any("onerror" in complaint or "alert" in complaint for complaint in complaints(browser))
    assert browser.execute_script("return document.querySelectorAll('img[onerror]').length") == 0
