"""The names on screen of what tables and figures show."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from mbias.terms import Metric, Variant, smoothing_name

MOST_NAMES = 40
"""A longer list of names is cut short in sentences."""

_FIRST_NAMES = 10

_SUBSCRIPTS = {"audio": "a", "visual": "v"}
_OUTCOMES = {"probability": "p", "log_loss": "log", "f_score": "F", "f_audio": "F_a", "f_visual": "F_v"}


def subscript(modality: str) -> str:
    """The subscript of a modality in the paper's symbols.

    Examples
    --------
    >>> subscript("audio"), subscript("text")
    ('a', 'text')
    """
    return _SUBSCRIPTS.get(modality, modality)


def loss_name(loss: str) -> str:
    """The name of a loss on screen.

    Examples
    --------
    >>> loss_name("audio"), loss_name("wsl")
    ('L_a', 'L_wsl')
    """
    return f"L_{subscript(loss)}"


def display_name(column: str, value: object) -> str:
    """The text on screen of a cell of an identifying column; empty where the value is unknown.

    Examples
    --------
    >>> display_name("smoothing", "ls_v"), display_name("variant", "across_vself")
    ('LS-V', 'A_cross + V_self')
    """
    if pd.isna(value):
        return ""
    text = str(value)
    if column == "variant":
        return Variant(text).display_name if text in set(Variant) else text
    if column == "smoothing":
        return smoothing_name(text)
    if column == "metric":
        return Metric(text).display_name if text in set(Metric) else text
    if column == "outcome":
        return _OUTCOMES.get(text, text)
    return text


def setting_name(
    run: str, variant: str | None, smoothing: str | None, mitigation: str | None, control: str | None
) -> str:
    """The name of a setting on screen; an external model goes by the name of its run.

    Examples
    --------
    >>> setting_name("", "across_vself", "ls_v", None, None)
    'A_cross + V_self, LS-V'
    >>> setting_name("mine", None, None, None, None)
    'mine'
    """
    names = {"variant": variant, "smoothing": smoothing, "mitigation": mitigation, "control": control}
    texts = [display_name(column, value) for column, value in names.items()]
    return ", ".join(text for text in texts if text) or run


def setting_names(table: pd.DataFrame) -> pd.Series:
    """The name of each row's setting within one variant: smoothing, mitigation and control, or that of another model.

    Returns
    -------
    pandas.Series
        The names, with the index of the table.
    """
    names = [
        setting_name(
            row.run, row.variant if pd.isna(row.smoothing) else None, row.smoothing, row.mitigation, row.control
        )
        for row in table[["run", "variant", "smoothing", "mitigation", "control"]].itertuples()
    ]
    return pd.Series(names, index=table.index, name="setting")


def name_list(names: Sequence[str]) -> str:
    """Names for a sentence; of more than `MOST_NAMES`, the first ten and the number of the others.

    Examples
    --------
    >>> name_list(["Dog", "Cat"])
    'Dog, Cat'
    >>> name_list([str(number) for number in range(500)])
    '0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 490 more'
    """
    if len(names) <= MOST_NAMES:
        return ", ".join(names)
    return f"{', '.join(names[:_FIRST_NAMES])} and {len(names) - _FIRST_NAMES} more"


def format_ratio(ratio: float) -> str:
    """A ratio as text: a whole number from 100 upwards, otherwise three digits; empty where it is unknown.

    Examples
    --------
    >>> format_ratio(1234.5), format_ratio(3.14159)
    ('1,234', '3.14')
    """
    if pd.isna(ratio):
        return ""
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.3g}"
