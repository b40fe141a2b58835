"""Explore a study in a notebook: choose a run, an epoch, a category and a video, and see their figures."""

from __future__ import annotations

import base64
import contextlib
import html
import importlib.util
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mbias.analysis import diagnosis
from mbias.analysis.measures.catalogue import of_verdict
from mbias.errors import BadInputError, NotApplicableError
from mbias.explorer.shown import attention_by_epoch, drawn, first_label, labelled, picture, ranked
from mbias.files import write_text
from mbias.plots import diagnosis as plots_diagnosis
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
    against
        The control of a second run, which is shown beside the first one, for the same video and category, at the same
        epoch where that was recorded with arrays, and otherwise at its best one.
    verdict, verdicts, heatmap
        The verdicts on the study in sentences, their figure, and the balance of every category; empty where the study
        is not probed.
    roll, distribution, samples
        The figures: the event roll of the video (`mbias.plots.video`), the attention of the category by epoch, and its
        distribution over videos at the chosen epoch (`mbias.plots.distribution`).
    text
        What the roll shows, in sentences, what the model says of the video with each modality replaced, and what the
        epoch does not hold; or why nothing can be shown.
    """

    def __init__(self, study: Study) -> None:
        import ipywidgets as widgets

        appearance: dict[str, Any] = {"style": {"description_width": "6em"}, "layout": {"width": "34em"}}
        runs = [(run.display_name, run) for run in study]
        self.run = widgets.Dropdown(options=runs, description="run", **appearance)
        self.epoch = widgets.SelectionSlider(
            options=[("", 0)], description="epoch", continuous_update=False, **appearance
        )
        self.category = widgets.Dropdown(description="category", **appearance)
        self.video = widgets.Dropdown(description=study.runs[0].header.sample, **appearance)
        self.against = widgets.Dropdown(options=[("no other run", None), *runs], description="beside", **appearance)
        self._shown, self._beside = _Column("shown"), _Column("beside")
        self.roll, self.distribution, self.samples = self._shown.pictures
        self.text = self._shown.text
        self.verdict, self.verdicts, self.heatmap = widgets.HTML(), _image(), _image()
        self._show_verdicts(study)
        controls = [self.run, self.epoch, self.category, self.video, self.against]
        columns = widgets.HBox([self._shown.view, self._beside.view], layout={"flex_flow": "row wrap"})
        self.view = widgets.VBox([self.verdict, self.verdicts, self.heatmap, *controls, columns])
        self._weights: dict[Run, pd.DataFrame] = {}
        self._updating_now = False
        self._take_run()
        self._on(self.run, self._take_run)
        self._on(self.category, self._take_category)
        for control in (self.epoch, self.video, self.against):
            self._on(control, self._draw)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.view._repr_mimebundle_(**options)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write what is shown now as one HTML page, for readers without JupyterLab.

        Parameters
        ----------
        path
            The file to write.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        BadInputError
            If the file cannot be written.
        """
        of_runs = [(self._shown, self.run.label)]
        if self.against.value is not None:
            of_runs.append((self._beside, self.against.label))
        columns = "".join(
            f"<section><h2>{html.escape(title)}</h2>{column.as_html()}</section>" for column, title in of_runs
        )
        chosen = html.escape(f"{self.video.description} {self.video.value}, category {self.category.value}")
        verdicts = _picture_as_html(self.verdicts, "verdicts") + _picture_as_html(self.heatmap, "balance by category")
        body = f"<h1>{chosen}</h1>{self.verdict.value}{verdicts}<main>{columns}</main>"
        target = Path(path)
        try:
            write_text(target, _PAGE.format(title=chosen, body=body))
        except OSError as error:
            raise BadInputError(f"{target}: cannot be written ({error.strerror}); give another file") from None
        return target

    def _show_verdicts(self, study: Study) -> None:
        try:
            estimates = of_verdict(study)
            table = diagnosis.verdicts(study, estimates)
            self.verdict.value = _paragraphs(diagnosis.finding(table))
            _show(self.verdicts, picture(plots_diagnosis.figure(table)))
            _show(self.heatmap, picture(plots_diagnosis.plot_heatmap(diagnosis.categories(study, estimates))))
        except NotApplicableError as error:
            self.verdict.value += _paragraphs([str(error)])

    def _on(self, control: Any, act: Callable[[], None]) -> None:
        control.observe(lambda change: None if self._updating_now else self._reported(act), "value")

    def _reported(self, act: Callable[[], None]) -> None:
        """Act; if a record is damaged, show the error in place of the figures."""
        try:
            act()
        except BadInputError as error:
            self._shown.show([b"", b"", b""], [str(error)])

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
        self._order = ranked(run)
        with self._updating():
            best = run.commit("best").epoch
            epochs = [(f"{c.epoch} (best)" if c.epoch == best else str(c.epoch), c.epoch) for c in run.commits]
            _offer(self.epoch, epochs, best)
            _offer(self.category, run.header.categories, first_label(run, self._order[0]))
            self._offer_videos()

    def _take_category(self) -> None:
        with self._updating():
            self._offer_videos()

    def _offer_videos(self) -> None:
        run: Run = self.run.value
        having = labelled(run, run.header.categories.index(self.category.value))
        _offer(self.video, [name for name in self._order if name in having] or self._order)

    def _draw(self) -> None:
        chosen = self.video.value, self.category.value
        self._shown.show(*self._drawn(self.run.value, self.epoch.value, *chosen))
        other: Run | None = self.against.value
        self._beside.view.layout.display = "none" if other is None else ""
        if other is not None:
            recorded = {commit.epoch for commit in other.commits if commit.arrays}
            epoch = self.epoch.value if self.epoch.value in recorded else other.commit("best").epoch
            self._beside.show(*self._drawn(other, epoch, *chosen))

    def _drawn(self, run: Run, epoch: int, sample: str, category: str) -> tuple[list[bytes], list[str]]:
        if run not in self._weights:
            self._weights[run] = attention_by_epoch(run)
        return drawn(run, epoch, sample, category, self._weights[run])


class _Column:
    """The figures and sentences on one run; a style sheet finds them by ``mbias-NAME``."""

    def __init__(self, name: str) -> None:
        import ipywidgets as widgets

        self.pictures = tuple(_image() for _ in range(3))
        self.text = widgets.HTML()
        roll, *others = self.pictures
        self.view = widgets.VBox([roll, self.text, *others])
        self.view.add_class(f"mbias-{name}")

    def show(self, pictures: Sequence[bytes], lines: Sequence[str]) -> None:
        for image, shown in zip(self.pictures, pictures, strict=True):
            _show(image, shown)
        self.text.value = "<br>".join(html.escape(line) for line in lines)

    def as_html(self) -> str:
        roll, *others = [
            _picture_as_html(image, name)
            for image, name in zip(
                self.pictures, ("event roll", "attention by epoch", "attention by video"), strict=True
            )
        ]
        return "".join([roll, f"<p>{self.text.value}</p>", *others])


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 110em; padding: 0 1em; }}
main {{ display: flex; flex-wrap: wrap; gap: 2em; }}
section {{ flex: 1 1 20em; max-width: 56em; }}
img {{ display: block; max-width: 100%; }}
</style>
{body}
</html>
"""


def _image() -> Any:
    import ipywidgets as widgets

    return widgets.Image(layout={"max_width": "56em", "display": "none"})


def _show(image: Any, png: bytes) -> None:
    """Show a picture; a browser shows an empty one as broken, so it is hidden."""
    image.value = png
    image.layout.display = "" if png else "none"


def _picture_as_html(image: Any, name: str) -> str:
    if not image.value:
        return ""
    return f'<img alt="{name}" src="data:image/png;base64,{base64.b64encode(image.value).decode()}">'


def _paragraphs(lines: Sequence[str]) -> str:
    return "".join(f"<p>{html.escape(line)}</p>" for line in lines)


def _offer(control: Any, options: Sequence[Any], default: Any = None) -> None:
    """Give a control new options; its value stays if it is among them, and otherwise is the default or the first."""
    values = [option[1] if isinstance(option, tuple) else option for option in options]
    before = control.value
    control.options = options
    control.value = before if before in values else values[0] if default is None else default
