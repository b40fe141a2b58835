"""What a notebook shows: findings, tables and figures, shown in place and, for a report, kept in its folder."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from mbias.analysis.layout import lay_out, notes
from mbias.analysis.questions import QUESTIONS
from mbias.errors import BadInputError
from mbias.files import write_json, write_text
from mbias.plots.style import rendered, save
from mbias.reports.tables import as_csv, as_html, as_latex, with_subscripts


class Shown:
    """HTML that a notebook displays, and a report takes over."""

    def __init__(self, content: str) -> None:
        self.content = content

    def _repr_html_(self) -> str:
        return self.content


class Page:
    """The page of one question.

    Parameters
    ----------
    word
        The question's.
    out
        Folder in which the report is built, or None to show only.
    """

    def __init__(self, word: str, out: str | None = None) -> None:
        self._question = QUESTIONS[word]
        self._out = Path(out) if out else None

    def finding(self, sentences: Sequence[str]) -> Shown:
        """The sentences that answer the question."""
        if self._out:
            write_json(self._folder("findings") / f"{self._question.word}.json", list(sentences))
        items = "".join(f"<li>{with_subscripts(sentence)}</li>" for sentence in sentences)
        return Shown(f'<ul class="finding">{items}</ul>')

    def table(self, name: str, table: pd.DataFrame, caption: str) -> Shown:
        """One of the question's tables, laid out; kept as CSV (every row and digit) and LaTeX."""
        wide, constant = lay_out(table, self._question.layout(name))
        stem = f"{self._question.word}-{name}"
        links = ""
        if self._out:
            folder = self._folder("tables")
            write_text(folder / f"{stem}.csv", as_csv(table))
            write_text(folder / f"{stem}.tex", as_latex(wide, constant, notes(table)))
            links = f' <a href="tables/{stem}.csv">CSV</a> <a href="tables/{stem}.tex">LaTeX</a>'
        same = [f"{key} {value}" for key, value in constant.items()]
        text = " ".join([caption, *([f"All rows: {', '.join(same)}."] if same else []), *notes(table)])
        return Shown(as_html(wide, with_subscripts(text) + links))

    def figure(self, name: str, figure: Figure, caption: str, finding: Sequence[str] = ()) -> Shown:
        """A figure with its caption; with the finding, that is its text for who cannot see it; kept as PNG and PDF."""
        import matplotlib.pyplot as plt

        stem = f"{self._question.word}-{name}"
        links = ""
        if self._out:
            folder = self._folder("figures")
            for form in ("png", "pdf"):
                save(figure, folder / f"{stem}.{form}")
            links = f' <a href="figures/{stem}.pdf">PDF</a> <a href="figures/{stem}.png">PNG</a>'
        data = base64.b64encode(rendered(figure, "png")).decode()
        plt.close(figure)
        text = html.escape(" ".join([caption, *finding]))
        return Shown(
            f'<figure><img src="data:image/png;base64,{data}" alt="{text}" style="max-width:100%">'
            f"<figcaption>{with_subscripts(caption)}{links}</figcaption></figure>"
        )

    def keep(self, name: str, table: pd.DataFrame) -> Shown:
        """A table too long to read, shown by its size; kept as CSV."""
        stem = f"{self._question.word}-{name}"
        link = ""
        if self._out:
            write_text(self._folder("tables") / f"{stem}.csv", as_csv(table))
            link = f' <a href="tables/{stem}.csv">CSV</a>'
        return Shown(f"<p>{html.escape(name)}: {len(table):,} rows.{link}</p>")

    def where_it_applies(self, show: Callable[[], Shown]) -> Shown:
        """What ``show`` gives, or, where the runs lack what it needs, the reason."""
        try:
            return show()
        except BadInputError as error:
            return Shown(f'<p class="note">Does not apply: {html.escape(str(error))}</p>')

    def _folder(self, name: str) -> Path:
        assert self._out
        folder = self._out / name
        folder.mkdir(exist_ok=True)
        return folder
