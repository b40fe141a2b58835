"""Exploring a study in a notebook: choose a run, an epoch, a category and a video, and see them."""

from __future__ import annotations

import contextlib
import html
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mbias.analysis import attention, video
from mbias.errors import BadInputError
from mbias.plots import distribution
from mbias.plots import video as plots_video
from mbias.plots.drawing.style import rendered
from mbias.records.run import Run
from mbias.records.study import Study, open_study


def explore(study: Study | str | Path) -> Explorer:
    """A study to look around in, as a widget for JupyterLab.

    Parameters
    ----------
    study
        A study, or the folder of one.

    Returns
    -------
    Explorer
        Shows itself where it is the last value of a cell.

    Raises
    ------
    BadInputError
        If the study cannot be read, or ipywidgets is not installed.
    """
    if importlib.util.find_spec("ipywidgets") is None:
        raise BadInputError("this needs ipywidgets, which is not installed: pip install 'mbias[notebooks]'")
    return Explorer(study if isinstance(study, Study) else open_study(study))


class Explorer:
    """The controls and what they show; a control may be set from code too, as in ``explorer.epoch.value = 3``.

    Attributes
    ----------
    run, epoch, category, video
        The controls: the runs, a slider over the epochs of the one chosen, its categories, and the videos labelled with
        the category (all of them where labels are not known or none has it), those that show the bias best first
        (`mbias.analysis.video.worst`).
    roll, distribution
        Pictures: the video's event roll (`mbias.plots.video`) and the category's attention by epoch
        (`mbias.plots.distribution`).
    text
        The roll in words, and what the epoch does not hold.
    """

    def __init__(self, study: Study) -> None:
        import ipywidgets as widgets

        look: dict[str, Any] = {"style": {"description_width": "6em"}, "layout": {"width": "34em"}}
        self.run = widgets.Dropdown(options=[(run.display_name, run) for run in study], description="run", **look)
        self.epoch = widgets.SelectionSlider(options=[("", 0)], description="epoch", continuous_update=False, **look)
        self.category = widgets.Dropdown(description="category", **look)
        self.video = widgets.Dropdown(description=study.runs[0].header.sample, **look)
        self.roll, self.distribution = (widgets.Image(layout={"max_width": "56em"}) for _ in range(2))
        self.text = widgets.HTML()
        controls = [self.run, self.epoch, self.category, self.video]
        self.view = widgets.VBox([*controls, self.roll, self.text, self.distribution])
        self._updating_now = False
        self._take_run()
        self._on(self.run, self._take_run)
        self._on(self.category, self._take_category)
        self._on(self.epoch, self._draw)
        self._on(self.video, self._draw)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.view._repr_mimebundle_(**options)

    def _on(self, control: Any, act: Callable[[], None]) -> None:
        control.observe(lambda change: None if self._updating_now else act(), "value")

    @contextlib.contextmanager
    def _updating(self) -> Iterator[None]:
        """Several controls are set inside, and what they show is drawn once, behind."""
        self._updating_now = True
        try:
            yield
        finally:
            self._updating_now = False
        self._draw()

    def _take_run(self) -> None:
        run: Run = self.run.value
        self._order, self._weights = _ranked(run), _weights(run)
        with self._updating():
            best = run.commit("best").epoch
            epochs = [(f"{c.epoch} (best)" if c.epoch == best else str(c.epoch), c.epoch) for c in run.commits]
            _offer(self.epoch, epochs, best)
            _offer(self.category, run.header.categories, _first_label(run, self._order[0]))
            self._offer_videos()

    def _take_category(self) -> None:
        with self._updating():
            self._offer_videos()

    def _offer_videos(self) -> None:
        run: Run = self.run.value
        labelled = _labelled(run, run.header.categories.index(self.category.value))
        _offer(self.video, [name for name in self._order if name in labelled] or self._order)

    def _draw(self) -> None:
        run, epoch, category = self.run.value, self.epoch.value, self.category.value
        try:
            table = video.roll(run, self.video.value, epoch, category)
        except BadInputError as error:
            self.roll.value, lines = b"", [str(error)]
        else:
            self.roll.value, lines = _picture(plots_video.figure(table)), video.finding(table)
            lines += [text for text in [video.missing(run, epoch)] if text]
        self.text.value = "<br>".join(html.escape(line) for line in lines)
        rows = self._weights[self._weights["category"] == category]
        self.distribution.value = _picture(distribution.figure(rows, epoch)) if len(rows) else b""


def _offer(control: Any, options: Sequence[Any], default: Any = None) -> None:
    """Give a control new options; its value stays if it is one of them, else it is the default, or the first."""
    values = [option[1] if isinstance(option, tuple) else option for option in options]
    before = control.value
    control.options = options
    control.value = before if before in values else values[0] if default is None else default


def _ranked(run: Run) -> list[str]:
    """Samples of a run, those that show its bias best first; as recorded where that is not known."""
    try:
        return list(video.worst(Study((run,)), len(run.samples))["sample"])
    except BadInputError:
        return list(run.samples.iloc[:, 0])


def _weights(run: Run) -> pd.DataFrame:
    """Every category's attention at every epoch that holds it (`mbias.analysis.attention.categories`)."""
    epochs = [commit.epoch for commit in run.commits if "wav_summary" in commit.arrays]
    tables = [attention.categories(Study((run,)), epoch) for epoch in epochs]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"category": []})


def _labelled(run: Run, category: int) -> set[str]:
    weak = run.truth.get("weak")
    return set() if weak is None else set(run.samples.iloc[:, 0][weak[:, category]])


def _first_label(run: Run, sample: str) -> str:
    weak = run.truth.get("weak")
    place = 0 if weak is None else int(np.argmax(weak[list(run.samples.iloc[:, 0]).index(sample)]))
    return run.header.categories[place]


def _picture(figure: Figure) -> bytes:
    try:
        return rendered(figure, "png")
    finally:
        plt.close(figure)
