"""The input of a plot: a study, from which its table is computed, or the table itself."""

from __future__ import annotations

from typing import Any, TypeAlias

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mbias.analysis.questions import Question
from mbias.errors import BadInputError
from mbias.records.study import StudyLike
from mbias.tables.names import setting_name

Drawable: TypeAlias = StudyLike | pd.DataFrame
"""What a plot takes: a study (a path, a run, a list of these), or the table that it draws."""

Drawn: TypeAlias = Figure | Axes
"""What a plot returns: the axes that it was given, or a new figure."""

SETTING = ("run", "variant", "smoothing", "mitigation", "control")
"""The columns from which a figure names a setting."""


def table_to_draw(
    question: Question, *data: Drawable, needed: tuple[str, ...], ax: Axes | None, **options: Any
) -> pd.DataFrame:
    """The table that the plot of a question draws.

    Parameters
    ----------
    question
        The question.
    *data
        The inputs of the question, or its table `Question.drawn`.
    needed
        The columns that the plot uses.
    ax
        The axes that the plot was given.
    **options
        Options of the table; None stands for the default.

    Returns
    -------
    pandas.DataFrame
        The table.

    Raises
    ------
    BadInputError
        If the table is another one, an option is given along with a table, or ``ax`` is not one axes.
    """
    if ax is not None and not isinstance(ax, Axes):
        raise BadInputError(f"plot_{question.name}: ax is {type(ax).__name__}; give one matplotlib Axes")
    given = {name: value for name, value in options.items() if value is not None}
    if not isinstance(data[0], pd.DataFrame):
        studies = [item for item in data if item is not None and not isinstance(item, pd.DataFrame)]
        return question(*studies, table=question.drawn, **given)
    lacking = [column for column in needed if column not in data[0]]
    if lacking:
        raise BadInputError(
            f"plot_{question.name} draws the table {question.drawn!r}, and this one has no column {lacking[0]!r}; "
            f"give mbias.{question.name}({', '.join(question.inputs)}, table={question.drawn!r}), "
            f"or {' and '.join(question.inputs)}"
        )
    if given:
        raise BadInputError(
            f"plot_{question.name}: {min(given)!r} is an option of the table; compute the table with it"
        )
    if data[0].empty:
        raise BadInputError(f"plot_{question.name}: the table has no rows")
    return data[0]


def check_one_setting(table: pd.DataFrame) -> None:
    """Check that a table that is drawn into given axes has a single setting.

    Raises
    ------
    BadInputError
        If it has several; the message says how to select one.
    """
    rows = table[list(SETTING)].drop_duplicates()
    names = list(dict.fromkeys(setting_name(*row) for row in rows.itertuples(index=False)))
    if len(names) > 1:
        raise BadInputError(
            f"ax shows one setting, and the table has {len(names)} ({'; '.join(names)}); select one, as in "
            "study.select(smoothing='ls_v'), or leave ax out for one panel per setting"
        )


def choose(table: pd.DataFrame, column: str, value: str | None, default: str) -> pd.DataFrame:
    """The rows with one value of a column: ``value``, or, if it is None, the default or the first value of the table.

    Raises
    ------
    BadInputError
        If no row has the value.
    """
    known = list(dict.fromkeys(table[column]))
    chosen = value if value is not None else default if default in known else known[0]
    if chosen not in known:
        raise BadInputError(f"no {column} {chosen!r} in the table; take one of {', '.join(map(str, known))}")
    return table[table[column] == chosen]
