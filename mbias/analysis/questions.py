"""The questions the toolkit answers. A question is one word, and that word is the name of everything about it.

`mbias.analysis.WORD` has a function for each of its tables, `mbias.plots.WORD` a function ``figure`` that draws one of
them, ``analysis_notebooks/WORD.ipynb`` tells both, `mbias-analyze WORD` prints them. This file imports none of these.
"""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mbias.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from mbias.records.study import Study
    from mbias.tables.layout import Layout


@dataclass(frozen=True)
class Question:
    """One question.

    Parameters
    ----------
    word
        Its name.
    asks
        What it asks, in a sentence.
    paper
        Where the paper treats it.
    tables
        Its tables, functions of `mbias.analysis.WORD`; the first answers the question.
    drawn
        The table the figure draws.
    epoch
        The epoch its tables are of unless told: scores are those of the model kept, ``"best"``; attention is looked
        at where training has led it, ``"last"``; None where all epochs are in them.
    published
        Whether the paper's figures can stand beside the measured ones.
    """

    word: str
    asks: str
    paper: str
    tables: tuple[str, ...]
    drawn: str
    epoch: str | None
    published: bool

    def table(self, study: Study, name: str | None = None, **options: Any) -> pd.DataFrame:
        """One of the tables, the first unless named.

        Raises
        ------
        BadInputError
            If the question does not apply to the study, and why.
        """
        name = name or self.tables[0]
        if name not in self.tables:
            raise BadInputError(f"{self.word} has no table {name!r}; take one of {', '.join(self.tables)}")
        function = getattr(self._analysis(), name)
        known = inspect.signature(function).parameters
        table: pd.DataFrame = function(study, **{key: value for key, value in options.items() if key in known})
        return table

    def layout(self, name: str) -> Layout:
        """How the table ``name`` is laid out for people."""
        layouts: dict[str, Layout] = self._analysis().LAYOUTS
        return layouts[name]

    def _analysis(self) -> Any:
        return importlib.import_module(f"mbias.analysis.{self.word}")

    def figure(self, table: pd.DataFrame) -> Figure:
        """The figure of the question's ``drawn`` table."""
        figure: Figure = importlib.import_module(f"mbias.plots.{self.word}").figure(table)
        return figure


QUESTIONS = {
    question.word: question
    for question in (
        Question(
            "losses",
            "does L_wsl run along L_a or L_v, and is that more than the smoothing's own floor?",
            "Fig. 2, MSE_wsl,a and MSE_wsl,v, Eq. 3-6",
            ("coincidence", "seeds", "curves", "residuals"),
            "curves",
            None,
            False,
        ),
        Question(
            "attention",
            "which modality does W_av favour, category by category?",
            "Fig. 3",
            ("shares", "seeds", "categories", "contributions", "movement"),
            "categories",
            "last",
            False,
        ),
        Question(
            "variants",
            "which aggregate of features parses best?",
            "Table 1, Eq. 1, 2, 7, 8",
            ("scores", "orderings"),
            "scores",
            "best",
            True,
        ),
        Question(
            "smoothing",
            "what does label smoothing do to the scores, and how stable is each variant across it?",
            "Table 2 and the variance across it",
            ("scores", "stability", "orderings"),
            "scores",
            "best",
            True,
        ),
        Question(
            "mechanism",
            "given p_a and p_v, which attention minimises L_wsl, and is it the trained one?",
            "section 5.3, Eq. 6",
            ("optima", "seeds", "fitted"),
            "optima",
            "last",
            False,
        ),
        Question(
            "reliance",
            "which modality do the predictions really depend on?",
            "section 3's hypothesis, tested",
            ("measures", "categories", "agreement"),
            "measures",
            None,
            False,
        ),
        Question(
            "diagnosis",
            "is this model biased, toward what, how sure are we?",
            "all of it",
            ("verdicts", "categories", "measures"),
            "verdicts",
            None,
            False,
        ),
    )
}
"""By word, in the order of the report."""
