"""What a notebook shows: findings, tables and figures, shown in place and, for a report, kept in its folder."""

from __future__ import annotations

import base64
import html
import importlib
import warnings
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from mbias.analysis.measures.catalogue import Estimates, estimates
from mbias.errors import BadInputError
from mbias.files import write_bytes, write_json, write_text
from mbias.plots.drawing.style import rendered
from mbias.records.study import Study
from mbias.reports.references import entries
from mbias.reports.shared_estimates import shared_estimates
from mbias.tables.layout import lay_out, notes
from mbias.tables.render import as_csv, as_html, as_latex, with_subscripts

SHOWN = 6
"""More sentences than these stand behind a fold."""


class Shown:
    """HTML that a notebook displays, and a report takes over."""

    def __init__(self, content: str) -> None:
        self.content = content

    def _repr_html_(self) -> str:
        return self.content

    def __repr__(self) -> str:
        # Without an address: a notebook that is kept is the same from run to run.
        return f"<HTML of {len(self.content):,} characters>"


class Page:
    """The page of one notebook.

    Parameters
    ----------
    word
        The notebook's; `mbias.analysis.WORD` has the layouts of its tables.
    out
        Folder in which the report is built, or None to show only.
    """

    def __init__(self, word: str, out: str | None = None) -> None:
        self._word = word
        self._layouts = importlib.import_module(f"mbias.analysis.{word}").LAYOUTS
        self._out = Path(out) if out else None

    def estimates(self, study: Study) -> Estimates:
        """The study's `mbias.analysis.measures.catalogue.estimates`; of a report, computed once for all notebooks."""
        return (
            shared_estimates(study, self._folder("findings") / "estimates.safetensors")
            if self._out
            else estimates(study)
        )

    def finding(self, sentences: Sequence[str]) -> Shown:
        """The sentences that answer the question."""
        if self._out:
            write_json(self._folder("findings") / f"{self._word}.json", list(sentences))
        return Shown(bullets(sentences))

    def table(self, name: str, table: pd.DataFrame, caption: str) -> Shown:
        """One of the word's tables, laid out; kept as CSV (every row and digit) and LaTeX."""
        wide, constant = lay_out(table, self._layouts[name])
        self._keep(name, table)
        same = [f"{key} {value}" for key, value in constant.items()]
        text = " ".join([caption, *([f"All rows: {', '.join(same)}."] if same else []), *notes(table)])
        return Shown(as_html(wide, with_subscripts(text) + self._table_links(name)))

    def figure(self, name: str, figure: Figure, caption: str, finding: str, definition: str, table: str) -> Shown:
        """A figure, kept as PNG and PDF.

        Parameters
        ----------
        caption, finding
            What it shows, and what there is to see, with its numbers; both are its text for who cannot see it.
        definition
            How it is to be read; it stands behind a fold.
        table
            Name of the word's table that holds its numbers; its links stand below.
        """
        import matplotlib.pyplot as plt

        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            png = rendered(figure, "png")
            stem = f"{self._word}-{name}"
            links = ""
            if self._out:
                folder = self._folder("figures")
                write_bytes(folder / f"{stem}.png", png)
                write_bytes(folder / f"{stem}.pdf", rendered(figure, "pdf"))
                files = " ".join(f'<a href="figures/{stem}.{form}">{form.upper()}</a>' for form in ("pdf", "png"))
                cited = f'Cited: <a href="cited/{self._word}.bib">BibTeX</a>.'
                links = f'<p class="links">Figure: {files}.{self._table_links(table)} {cited}</p>'
        plt.close(figure)
        lost = any("missing from font" in str(warning.message) for warning in warned)
        note = f'<p class="note">{_NO_FONT}</p>' if lost else ""
        return Shown(
            f"<figure>{drawing(png, f'{caption} {finding}')}<figcaption><p><strong>{with_subscripts(caption)}</strong> "
            f"{with_subscripts(finding)}</p>{note}<details><summary>Definition</summary>"
            f"<p>{with_subscripts(definition)}</p></details>{links}</figcaption></figure>"
        )

    def keep(self, name: str, table: pd.DataFrame) -> Shown:
        """A table too long to read, shown by its size; kept as CSV and LaTeX."""
        self._keep(name, table)
        return Shown(f"<p>{html.escape(name)}: {len(table):,} rows.{self._table_links(name)}</p>")

    def cited(self, *keys: str) -> Shown:
        """What the page cites, as BibTeX; kept as a file."""
        text = entries(keys)
        link = ""
        if self._out:
            write_text(self._folder("cited") / f"{self._word}.bib", text)
            link = f'<p class="links"><a href="cited/{self._word}.bib">BibTeX</a></p>'
        return Shown(f"<details><summary>Cited here</summary><pre>{html.escape(text)}</pre>{link}</details>")

    def where_it_applies(self, show: Callable[[], Shown]) -> Shown:
        """What ``show`` gives, or, where the runs lack what it needs, the reason."""
        try:
            return show()
        except BadInputError as error:
            return Shown(f'<p class="note">Does not apply: {html.escape(str(error))}</p>')

    def _keep(self, name: str, table: pd.DataFrame) -> None:
        if self._out:
            folder = self._folder("tables")
            stem = f"{self._word}-{name}"
            write_text(folder / f"{stem}.csv", as_csv(table))
            write_text(folder / f"{stem}.tex", as_latex(*lay_out(table, self._layouts[name]), notes(table)))

    def _table_links(self, name: str) -> str:
        stem = f"tables/{self._word}-{name}"
        return f' Table {name}: <a href="{stem}.csv">CSV</a> <a href="{stem}.tex">LaTeX</a>.' if self._out else ""

    def _folder(self, name: str) -> Path:
        assert self._out
        folder = self._out / name
        folder.mkdir(exist_ok=True)
        return folder


def bullets(sentences: Sequence[str]) -> str:
    """Sentences as HTML, as a finding is set; behind a fold where they are more than one reads."""
    items = "".join(f"<li>{with_subscripts(sentence)}</li>" for sentence in sentences)
    listed = f'<ul class="finding">{items}</ul>'
    if len(sentences) <= SHOWN:
        return listed
    return f"<details><summary>The finding, in {len(sentences)} sentences</summary>{listed}</details>"


def drawing(png: bytes, alt: str) -> str:
    """A picture as HTML, ``alt`` its text; where it would be too small to read, it is scrolled."""
    text = html.escape(alt)
    data = base64.b64encode(png).decode()
    return (
        f'<div class="drawing" role="region" tabindex="0" aria-label="{text}">'
        f'<img src="data:image/png;base64,{data}" alt="{text}" style="max-width:100%"></div>'
    )


def of_categories(table: pd.DataFrame, names: Collection[str] | None) -> pd.DataFrame:
    """The rows of a table of categories that are about those named; all of them where ``names`` is None."""
    return table if names is None else table[table["category"].isin(list(names))].reset_index(drop=True)


_NO_FONT = (
    "No installed font has some characters of these names, so they are boxes here; "
    "install one that has, such as Noto Sans CJK, and run it again."
)
