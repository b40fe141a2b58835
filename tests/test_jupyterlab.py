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
from tests.reports.browser import PROGRAM, Browser

pytest.importorskip("ipywidgets")
pytest.importorskip("jupyterlab")

SHIFT = 8
DIGEST = """(async () => {
    const bytes = await (await fetch(document.querySelectorAll('img.widget-image')[%d].src)).arrayBuffer();
    const digest = await crypto.subtle.digest('SHA-256', bytes);
    return bytes.byteLength + ' ' + Array.from(new Uint8Array(digest)).join(' ');
})()"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Address of a JupyterLab that serves a folder with a notebook."""
    folder = tmp_path_factory.mktemp("lab")
    draw_run(folder / "runs" / "one", epochs=6)
    draw_run(folder / "runs" / "z <img src=x onerror=alert(1)>", external=True)
    cells = ["import mbias\nstudy = mbias.open_study('runs')\nstudy", "explorer = mbias.explore(study)\nexplorer"]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(notebook, folder / "look.ipynb")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    own = {f"JUPYTER_{name}_DIR": str(folder / f".{name.lower()}") for name in ("CONFIG", "RUNTIME", "DATA")}
    own |= {"IPYTHONDIR": str(folder / ".ipython"), "PYTHONPATH": str(Path.cwd())}
    options = ["--no-browser", "--allow-root", "--ServerApp.port_retries=0", f"--ServerApp.port={port}"]
    options += ["--IdentityProvider.token=open", f"--ServerApp.root_dir={folder}", "--LabApp.news_url="]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], env=os.environ | own, stdout=log, stderr=log, cwd=folder
        )
    yield f"http://127.0.0.1:{port}/lab/tree/look.ipynb?token=open"
    server.terminate()
    server.wait(30)


@pytest.fixture
def browser(tmp_path):
    browser = Browser(tmp_path / "profile")
    yield browser
    browser.picture(tmp_path / "end.png")  # to look at; kept with --basetemp
    browser.close()


def _open(browser, address):
    """Open the notebook as soon as the server is there."""
    ready = "document.querySelectorAll('.jp-Notebook .jp-CodeCell .cm-content').length == 2"
    browser("Emulation.setDeviceMetricsOverride", width=1300, height=1500, deviceScaleFactor=1, mobile=False)
    for _ in range(120):
        if "errorText" not in browser("Page.navigate", url=address):
            break
        browser.value("new Promise(done => setTimeout(done, 250))")
    browser.wait_for(ready)
    # Before the kernel is known to be idle, to run a cell brings up a dialog.
    browser.wait_for("document.querySelector('#jp-main-statusbar')?.textContent.includes('| Idle')")


def _place(browser, element):
    """Middle of an element, in pixels."""
    browser.value(f"{element}.scrollIntoView({{block: 'nearest'}})")
    return browser.value(
        f"(({{x, y, width, height}}) => [x + width/2, y + height/2])({element}.getBoundingClientRect())"
    )


def _mouse(browser, what, at):
    held = {"button": "left", "buttons": 1, "clickCount": 1}
    browser("Input.dispatchMouseEvent", type=what, x=at[0], y=at[1], **held)


def _key(browser, key, code, modifiers=0):
    for what in ("keyDown", "keyUp"):
        browser("Input.dispatchKeyEvent", type=what, key=key, code=key, windowsVirtualKeyCode=code, modifiers=modifiers)


@pytest.mark.slow
@pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed")
def test_the_slider_moves_and_the_figures_change(lab, browser, tmp_path):
    _open(browser, lab)
    at = _place(browser, "document.querySelector('.jp-CodeCell .cm-content')")
    _mouse(browser, "mousePressed", at)
    _mouse(browser, "mouseReleased", at)
    _key(browser, "Enter", 13, modifiers=SHIFT)
    browser.wait_for("document.querySelectorAll('.jp-OutputArea table svg').length == 2")
    _key(browser, "Enter", 13, modifiers=SHIFT)
    browser.wait_for("document.querySelectorAll('img.widget-image').length == 2")
    browser.wait_for("[...document.querySelectorAll('img.widget-image')].every(image => image.naturalWidth > 0)")
    before = [browser.value(DIGEST % place) for place in (0, 1)]
    readout = "document.querySelector('.widget-hslider .widget-readout').textContent"
    assert browser.value(readout) == "6 (best)"

    handle = "document.querySelector('.widget-hslider .noUi-handle')"
    at = _place(browser, handle)
    rail = browser.value("document.querySelector('.widget-hslider .noUi-target').getBoundingClientRect().width")
    _mouse(browser, "mousePressed", at)
    _mouse(browser, "mouseMoved", [at[0] - 0.6 * rail, at[1]])
    _mouse(browser, "mouseReleased", [at[0] - 0.6 * rail, at[1]])
    browser.wait_for(f"{readout} == '3'")
    browser.wait_for("document.body.textContent.includes('epoch 3 holds no predictions and no W_tp; epoch 6 does')")
    for place in (0, 1):
        browser.wait_for(f"{DIGEST % place}.then(now => now != '{before[place]}')")

    browser.value(f"{handle}.focus()")
    for _ in range(3):
        _key(browser, "ArrowRight", 39)
    browser.wait_for(f"{readout} == '6 (best)'")
    for place in (0, 1):
        browser.wait_for(f"{DIGEST % place}.then(now => now == '{before[place]}')")
    assert "holds no predictions" not in browser.value("document.body.textContent")

    browser.value(
        "(select => {select.selectedIndex = 1; select.dispatchEvent(new Event('change', {bubbles: true}));})"
        "(document.querySelector('.widget-dropdown select'))"
    )
    browser.wait_for(f"{readout} == '3 (best)'")
    for place in (0, 1):
        browser.wait_for(f"{DIGEST % place}.then(now => now != '{before[place]}')")
    assert not any("onerror" in complaint or "alert" in complaint for complaint in browser.complaints)
    assert browser.value("document.querySelectorAll('img[onerror]').length") == 0
