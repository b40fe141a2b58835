"""Explore a study in a notebook: choose a run, an epoch, a category and a video, and see their figures."""

from __future__ import annotations

import contextlib
import html
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mbias.analysis import attention, video
from mbias.analysis.per_run.pooling import mean_attention
from mbias.errors import BadInputError, NotApplicableError
from mbias.plots import distribution
from mbias.plots import video as plots_video
from mbias.plots.drawing.style import rendered
from mbias.records.run import Run
from mbias.records.study import Study, StudyLike, open_study


def explore(study: StudyLike) -> Explorer:
    """Show a study in a widget for JupyterLab.

    Parameters
    ----------
    study
        A study, or the path of one.

    Returns
    -------
    Explorer
        The widget, which JupyterLab shows where it is the last value of a cell.

    Raises
    ------
    BadInputError
        If the study cannot be read, or ipywidgets is not installed.

    Examples
    --------
    >>> explorer = mbias.explore(mbias.load_example())
    >>> explorer.epoch.value = 5
    >>> explorer.run.label
    'A_cross + V_cross, LS-V, seed 0'
    """
    if importlib.util.find_spec("ipywidgets") is None:
        raise BadInputError("explore needs ipywidgets, which is not installed: pip install 'mbias[notebooks]'")
    return Explorer(open_study(study))


class Explorer:
    """The controls and the figures. Controls can also be set from code, as in ``explorer.epoch.value = 3``.

    Parameters
    ----------
    study
        The study.

    Attributes
    ----------
    run, epoch, category, video
        The controls: the runs of the study; a slider over the epochs of the chosen run; its categories; and the videos
        that are labelled with the chosen category (all videos where labels are not known or no video has it). The
        videos that show the bias best come first (`mbias.analysis.video.worst`).
    roll, distribution, samples
        The figures: the event roll of the video (`mbias.plots.video`), the attention of the category by epoch, and its
        distribution over videos at the chosen epoch (`mbias.plots.distribution`).
    text
        What the roll shows, in sentences, and what the epoch does not hold; or why nothing can be shown.
    """

    def __init__(self, study: Study) -> None:
        import ipywidgets as widgets

        appearance: dict[str, Any] = {"style": {"description_width": "6em"}, "layout": {"width": "34em"}}
        self.run = widgets.Dropdown(options=[(run.display_name, run) for run in study], description="run", **appearance)
        self.epoch = widgets.SelectionSlider(
            options=[("", 0)], description="epoch", continuous_update=False, **appearance
        )
        self.category = widgets.Dropdown(description="category", **appearance)
        self.video = widgets.Dropdown(description=study.runs[0].header.sample, **appearance)
        self.roll, self.distribution, self.samples = (widgets.Image(layout={"max_width": "56em"}) for _ in range(3))
        self.text = widgets.HTML()
        controls = [self.run, self.epoch, self.category, self.video]
        self.view = widgets.VBox([*controls, self.roll, self.text, self.distribution, self.samples])
        self._updating_now = False
        self._take_run()
        self._on(self.run, self._take_run)
        self._on(self.category, self._take_category)
        self._on(self.epoch, self._draw)
        self._on(self.video, self._draw)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.view._repr_mimebundle_(**options)

    def _on(self, control: Any, act: Callable[[], None]) -> None:
        control.observe(lambda change: None if self._updating_now else self._reported(act), "value")

    def _reported(self, act: Callable[[], None]) -> None:
        """Act; if a record is damaged, show the error in place of the figures."""
        try:
            act()
        except BadInputError as error:
            self.roll.value = self.distribution.value = self.samples.value = b""
            self.text.value = html.escape(str(error))

    @contextlib.contextmanager
    def _updating(self) -> Iterator[None]:
        """A context in which several controls are set, after which the figures are drawn once."""
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
        weights = _sample_weights(run, epoch, category)
        self.samples.value = b"" if weights is None else _picture(distribution.figure_of_samples(weights))


def _offer(control: Any, options: Sequence[Any], default: Any = None) -> None:
    """Give a control new options; its value stays if it is among them, and otherwise is the default or the first."""
    values = [option[1] if isinstance(option, tuple) else option for option in options]
    before = control.value
    control.options = options
    control.value = before if before in values else values[0] if default is None else default


def _ranked(run: Run) -> list[str]:
    """The samples of a run, those that show its bias best first; in the recorded order where that is not known."""
    try:
        return list(video.worst(Study((run,)), len(run.samples))["sample"])
    except NotApplicableError:
        return list(run.samples.iloc[:, 0])


def _weights(run: Run) -> pd.DataFrame:
    """The attention by category at every epoch that holds it (`mbias.analysis.attention.categories`)."""
    epochs = [commit.epoch for commit in run.commits if "wav_summary" in commit.arrays]
    tables = [attention.categories(Study((run,)), epoch) for epoch in epochs]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"category": []})


def _sample_weights(run: Run, epoch: int, category: str) -> pd.DataFrame | None:
    """The mean attention of every sample on the first modality; None where the epoch does not hold the weights."""
    try:
        weights = mean_attention(run, epoch)
    except NotApplicableError:
        return None
    index = run.header.categories.index(category)
    weak = run.truth.get("weak")
    return pd.DataFrame(
        {
            "attention": weights[:, 0, index],
            "present": [None] * len(weights) if weak is None else weak[:, index],
            "modality": run.header.modalities[0],
            "category": category,
            "epoch": epoch,
            "simulated": run.header.simulated,
        }
    )


def _labelled(run: Run, category: int) -> set[str]:
    weak = run.truth.get("weak")
    return set() if weak is None else set(run.samples.iloc[:, 0][weak[:, category]])


def _first_label(run: Run, sample: str) -> str:
    weak = run.truth.get("weak")
    index = 0 if weak is None else int(np.argmax(weak[list(run.samples.iloc[:, 0]).index(sample)]))
    return run.header.categories[index]


def _picture(figure: Figure) -> bytes:
    try:
        return rendered(figure, "png")
    finally:
        plt.close(figure)
