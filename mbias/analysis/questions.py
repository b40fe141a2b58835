"""The questions that mbias answers, and what a question is.

The name of a question is the name of everything about it: ``mbias.analysis.NAME`` computes its tables and defines its
`Question`, ``mbias.plots.NAME`` draws it, ``analysis_notebooks/NAME.ipynb`` shows both, ``mbias-analyze NAME`` prints
them, and ``mbias.NAME`` and ``mbias.plot_NAME`` are the same in Python.

This module imports none of these, so that ``mbias-analyze --help`` stays light.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Concatenate

from mbias.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd

    from mbias.records.study import StudyLike
    from mbias.tables.layout import Layout

QUESTIONS = {
    "losses": "does L_wsl follow L_a or L_v, beyond what label smoothing alone causes?",
    "attention": "which modality does W_av favour, category by category?",
    "variants": "which aggregate of features parses best?",
    "smoothing": "what does label smoothing do to the scores, and how stable is each variant across it?",
    "mechanism": "given p_a and p_v, which attention minimises L_wsl, and is it the trained one?",
    "reliance": "which modality do the predictions really depend on?",
    "diagnosis": "is this model biased, toward what, and how sure are we?",
    "mitigations": "what does a mitigation of modality bias change, and what does it cost?",
    "compare": "how do two runs or studies differ?",
    "video": "what happens in one sample, and which samples show the bias best?",
}
"""What each question asks, by name, in the order of the report."""


@dataclass(frozen=True)
class Table:
    """One table of a question.

    Parameters
    ----------
    compute
        The function that computes it from the inputs of the question. It gives the table its name; its other
        parameters are the options of the table.
    layout
        How the table is laid out for people.
    finding
        Says what the table shows, in one sentence per list item; None where the numbers stand for themselves.
    """

    compute: Callable[Concatenate[StudyLike, ...], pd.DataFrame]
    layout: Layout
    finding: Callable[[pd.DataFrame], list[str]] | None = None

    @property
    def name(self) -> str:
        """The name of the table."""
        return self.compute.__name__

    def options(self, inputs: int) -> dict[str, Any]:
        """The default values of the table's options, by name; ``inputs`` is the number of inputs before them."""
        parameters = list(inspect.signature(self.compute).parameters.values())[inputs:]
        return {parameter.name: parameter.default for parameter in parameters}


@dataclass(frozen=True, repr=False)
class Question:
    """A question: called with a study, it returns one of its tables.

    Parameters
    ----------
    name
        One of `QUESTIONS`.
    paper
        Where the paper treats the question; empty where it does not.
    tables
        The tables; the first one answers the question.
    drawn
        The name of the table that ``mbias.plot_NAME`` draws.
    inputs
        What the question is asked about.
    definitions
        Documented functions and classes that `mbias-analyze NAME --explain` prints after the tables, by heading.

    Examples
    --------
    >>> mbias.variants
    <Question variants: which aggregate of features parses best? Tables: scores, orderings, llp_line>
    >>> table = mbias.attention(mbias.load_example(), epoch="best")
    >>> list(table.columns[:6])
    ['run', 'variant', 'smoothing', 'mitigation', 'control', 'seed']
    """

    name: str
    paper: str
    tables: tuple[Table, ...]
    drawn: str
    inputs: tuple[str, ...] = ("study",)
    definitions: Mapping[str, object] = field(default_factory=dict)

    def __call__(self, *inputs: StudyLike, table: str | None = None, **options: Any) -> pd.DataFrame:
        """Compute a table.

        Parameters
        ----------
        *inputs
            The study (or whatever `inputs` names): a path, a `Run`, a list of these, or a `Study`.
        table
            The name of the table; by default, the first one that has the options.
        **options
            Options of the table, such as ``epoch``.

        Returns
        -------
        pandas.DataFrame
            The table; ``mbias-analyze NAME --explain`` prints the documentation of its columns.

        Raises
        ------
        BadInputError
            If the table or an option does not exist, or an input is damaged.
        NotApplicableError
            If the question does not apply to the runs; the message says why.
        """
        if len(inputs) != len(self.inputs):
            raise BadInputError(f"{self.name} takes {' and '.join(self.inputs)}; {len(inputs)} given")
        chosen = self.table(table, options)
        known = chosen.options(len(self.inputs))
        for option in options:
            if option not in known:
                listed = f"it takes {', '.join(known)}" if known else "it takes none"
                raise BadInputError(f"{self.name}: the table {chosen.name!r} has no option {option!r}; {listed}")
        return chosen.compute(*inputs, **options)

    def __repr__(self) -> str:
        return f"<Question {self.name}: {self.asks} Tables: {', '.join(self.table_names)}>"

    @property
    def asks(self) -> str:
        """What the question asks, in one sentence."""
        return QUESTIONS[self.name]

    @property
    def table_names(self) -> tuple[str, ...]:
        """The names of the tables, in their order."""
        return tuple(table.name for table in self.tables)

    def table(self, name: str | None = None, options: Collection[str] = ()) -> Table:
        """The table of a name; where ``name`` is None, the first one that has all of these options, or the first one.

        Raises
        ------
        BadInputError
            If the question does not have that table.
        """
        if name is None:
            having = (table for table in self.tables if set(options) <= set(table.options(len(self.inputs))))
            return next(having, self.tables[0])
        for table in self.tables:
            if table.name == name:
                return table
        raise BadInputError(f"{self.name} has no table {name!r}; take one of {', '.join(self.table_names)}")

    def options(self) -> dict[str, Any]:
        """The default values of the options that at least one table has, by name."""
        defaults: dict[str, Any] = {}
        for table in reversed(self.tables):
            defaults |= table.options(len(self.inputs))
        return defaults


def question(name: str) -> Question:
    """The question of a name.

    Raises
    ------
    BadInputError
        If there is none of that name.

    Examples
    --------
    >>> from mbias.analysis.questions import question
    >>> question("losses").table_names
    ('coincidence', 'seeds', 'implied', 'curves', 'residuals')
    """
    if name not in QUESTIONS:
        near = difflib.get_close_matches(name, QUESTIONS, n=1)
        raise BadInputError(f"no question {name!r}; take {near[0] if near else ', '.join(QUESTIONS)}")
    defined: Question = importlib.import_module(f"mbias.analysis.{name}").QUESTION
    return defined
