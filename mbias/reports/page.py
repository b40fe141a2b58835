"""What a notebook shows: findings, tables and figures, displayed in place and, for a report, kept in its folder."""

from __future__ import annotations

import base64
import html
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from mbias.analysis.measures.catalogue import Estimates, estimates
from mbias.analysis.questions import question
from mbias.analysis.settings import reason_for
from mbias.errors import BadInputError, NotApplicableError
from mbias.files import write_bytes, write_json, write_text
from mbias.plots.drawing.style import rendered
from mbias.plots.drawing.telling import MOST
from mbias.records.run import Run
from mbias.records.study import Study, StudyLike, open_study
from mbias.reports.every_category import every_category
from mbias.reports.references import entries
from mbias.reports.shared_estimates import shared_estimates
from mbias.tables.layout import Layout, lay_out, left_out, notes
from mbias.tables.render import as_csv, as_html, as_latex, with_subscripts

SHOWN = 6
"""A longer list of sentences is folded."""


class Shown:
    """HTML that a notebook displays and a report includes."""

    def __init__(self, content: str) -> None:
        self.content = content

    def _repr_html_(self) -> str:
        return self.content

    def __repr__(self) -> str:
        # Without an address, so that a notebook that is kept is the same from run to run.
        return f"<HTML of {len(self.content):,} characters>"


class Page:
    """The page of one notebook.

    Parameters
    ----------
    name
        The question of the notebook.
    out
        The folder in which a report is built, or None to display only.
    """

    def __init__(self, name: str, out: str | None = None) -> None:
        self._question = question(name)
        self._out = Path(out) if out else None
        self._runs: list[Run] = []
        self._reasons: set[str] = set()

    def answer(self, *inputs: StudyLike, table: str | None = None, **options: Any) -> pd.DataFrame:
        """Compute the table that answers the question.

        Where the question does not apply, a report is told so, and leaves the section out with the reason.

        Parameters
        ----------
        *inputs, table, **options
            As `mbias.analysis.questions.Question` takes them.

        Raises
        ------
        NotApplicableError
            If the question does not apply.
        BadInputError
            If the input is damaged.
        """
        with self._recorded_errors():
            self._runs += [run for given in inputs for run in open_study(given)]
            return self._question(*inputs, table=table, **options)

    def estimates(self, study: Study) -> Estimates:
        """The estimates of a study; for a report, they are computed once for all of its notebooks."""
        with self._recorded_errors():
            self._runs += study
            if self._out is None:
                return estimates(study)
            return shared_estimates(study, self._folder("findings") / "estimates.safetensors")

    def finding(self, sentences: Sequence[str]) -> Shown:
        """Show the sentences that answer the question."""
        if self._out:
            write_json(self._folder("findings") / f"{self._question.name}.json", list(sentences))
        return Shown(bullets(sentences))

    def finding_where_it_applies(self, sentences: Callable[[], Sequence[str]]) -> Shown:
        """Show the sentences that ``sentences`` returns, or why they do not apply where the section still does."""
        try:
            return self.finding(sentences())
        except NotApplicableError as error:
            reason = reason_for(error, self._runs)
            self._reasons.add(reason)
            return self.finding([f"Does not apply: {reason}."])
        except BadInputError as error:
            self._record(error)
            raise

    def table(self, name: str, table: pd.DataFrame, caption: str, layout: Layout | None = None) -> Shown:
        """Show a table, and keep it as CSV (every row and digit) and LaTeX.

        Parameters
        ----------
        name
            The name of the table.
        caption
            What it shows.
        layout
            How it is laid out; by default, as the question's table of that name is.
        """
        wide, constant = lay_out(table, self._layout(name, layout))
        self._keep(name, table, layout)
        same = [f"{key} {value}" for key, value in constant.items()]
        text = " ".join([caption, *([f"All rows: {', '.join(same)}."] if same else []), *notes(table)])
        return Shown(as_html(wide, with_subscripts(text) + self._table_links(name)))

    def figure(self, name: str, figure: Figure, caption: str, finding: str, definition: str, table: str) -> Shown:
        """Show a figure, and keep it as PNG and PDF.

        Parameters
        ----------
        name
            The name of the figure.
        caption, finding
            What it shows, and what there is to see, with the numbers; together they are the alt text.
        definition
            How to read it; it is folded.
        table
            The name of the table that holds its numbers, which is linked below.
        """
        import matplotlib.pyplot as plt

        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            png = rendered(figure, "png")
            stem = f"{self._question.name}-{name}"
            links = ""
            if self._out:
                folder = self._folder("figures")
                write_bytes(folder / f"{stem}.png", png)
                # The layout of the PNG is kept: to find it again takes a fifth of the time of a report's figures.
                figure.set_layout_engine("none")
                write_bytes(folder / f"{stem}.pdf", rendered(figure, "pdf"))
                files = " ".join(f'<a href="figures/{stem}.{form}">{form.upper()}</a>' for form in ("pdf", "png"))
                cited = f'Cited: <a href="cited/{self._question.name}.bib">BibTeX</a>.'
                links = f'<p class="links">Figure: {files}.{self._table_links(table)} {cited}</p>'
        plt.close(figure)
        lacks_glyphs = any("missing from font" in str(warning.message) for warning in warned)
        note = f'<p class="note">{_NO_FONT}</p>' if lacks_glyphs else ""
        return Shown(
            f"<figure>{drawing(png, f'{caption} {finding}')}<figcaption><p><strong>{with_subscripts(caption)}</strong> "
            f"{with_subscripts(finding)}</p>{note}<details><summary>Definition</summary>"
            f"<p>{with_subscripts(definition)}</p></details>{links}</figcaption></figure>"
        )

    def keep(self, name: str, table: pd.DataFrame, layout: Layout | None = None) -> Shown:
        """Keep a table that is too long to read as CSV and LaTeX, and show its number of rows."""
        self._keep(name, table, layout)
        lacking = "".join(f" {html.escape(sentence)}" for sentence in left_out(table))
        return Shown(f"<p>{html.escape(name)}: {len(table):,} rows.{lacking}{self._table_links(name)}</p>")

    def every_category(self, table: pd.DataFrame, value: str, caption: str) -> Shown:
        """Show a value of all categories, folded and sorted by it, where figures draw only the telling ones of many."""
        wide = every_category(table, value)
        if len(wide) <= MOST:
            return Shown("")
        return Shown(as_html(wide, with_subscripts(caption), folded_as=f"All {len(wide)} categories, sorted"))

    def cited(self, *keys: str) -> Shown:
        """Show what the page cites as BibTeX, and keep it as a file."""
        text = entries(keys)
        link = ""
        if self._out:
            name = self._question.name
            write_text(self._folder("cited") / f"{name}.bib", text)
            link = f'<p class="links"><a href="cited/{name}.bib">BibTeX</a></p>'
        return Shown(f"<details><summary>Cited here</summary><pre>{html.escape(text)}</pre>{link}</details>")

    def where_it_applies(self, show: Callable[[], Shown]) -> Shown:
        """Show what ``show`` returns or, where the runs lack what it needs, the reason, once per page."""
        try:
            return show()
        except NotApplicableError as error:
            reason = reason_for(error, self._runs)
            if reason in self._reasons:
                return Shown("")
            self._reasons.add(reason)
            return Shown(f'<p class="note">Does not apply: {html.escape(reason)}</p>')
        except BadInputError as error:
            self._record(error)
            raise

    @contextmanager
    def _recorded_errors(self) -> Iterator[None]:
        try:
            yield
        except BadInputError as error:
            self._record(error)
            raise

    def _record(self, error: BadInputError) -> None:
        """Tell the process that builds the report what went wrong; a kernel passes no exceptions on."""
        if self._out:
            reason = {"applies": not isinstance(error, NotApplicableError), "reason": str(error)}
            write_json(self._folder("findings") / f"{self._question.name}-error.json", reason)

    def _layout(self, name: str, layout: Layout | None) -> Layout:
        return self._question.table(name).layout if layout is None else layout

    def _keep(self, name: str, table: pd.DataFrame, layout: Layout | None) -> None:
        if self._out:
            folder = self._folder("tables")
            stem = f"{self._question.name}-{name}"
            write_text(folder / f"{stem}.csv", as_csv(table))
            wide, constant = lay_out(table, self._layout(name, layout))
            write_text(folder / f"{stem}.tex", as_latex(wide, constant, notes(table)))

    def _table_links(self, name: str) -> str:
        stem = f"tables/{self._question.name}-{name}"
        return f' Table {name}: <a href="{stem}.csv">CSV</a> <a href="{stem}.tex">LaTeX</a>.' if self._out else ""

    def _folder(self, name: str) -> Path:
        assert self._out
        folder = self._out / name
        folder.mkdir(exist_ok=True)
        return folder


def bullets(sentences: Sequence[str]) -> str:
    """Sentences as an HTML list; a long list is folded."""
    items = "".join(f"<li>{with_subscripts(sentence)}</li>" for sentence in sentences)
    listed = f'<ul class="finding">{items}</ul>'
    if len(sentences) <= SHOWN:
        return listed
    return f"<details><summary>The finding, in {len(sentences)} sentences</summary>{listed}</details>"


def drawing(png: bytes, alt: str) -> str:
    """A picture as HTML with its alt text; on a narrow screen it scrolls instead of shrinking."""
    text = html.escape(alt)
    data = base64.b64encode(png).decode()
    return (
        f'<div class="drawing" role="region" tabindex="0" aria-label="{text}">'
        f'<img src="data:image/png;base64,{data}" alt="{text}" style="max-width:100%"></div>'
    )


def of_categories(table: pd.DataFrame, names: Collection[str] | None) -> pd.DataFrame:
    """The rows of a table that are about the categories named; all rows where ``names`` is None."""
    return table if names is None else table[table["category"].isin(list(names))].reset_index(drop=True)


_NO_FONT = (
    "No installed font has some characters of these names, so they are boxes here; "
    "install a font that has them, such as Noto Sans CJK, and run it again."
)
