"""The groups of the samples of a run: the column ``group`` of its table of samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np

from mbias.arguments import counted, shown
from mbias.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd

GROUP = "group"
"""The column that names the group of each sample."""


def with_groups(samples: pd.DataFrame, groups: object) -> pd.DataFrame:
    """Add the column ``group`` to a table of samples, and check it.

    Parameters
    ----------
    samples
        One row per sample; the first column identifies the sample.
    groups
        The group of each sample: strings or whole numbers, in the order of the samples. None adds no column.

    Returns
    -------
    pandas.DataFrame
        The table with its groups.

    Raises
    ------
    BadInputError
        If the table has groups already, ``groups`` is not a sequence of names, or there is not one group per sample.

    Examples
    --------
    >>> import pandas as pd
    >>> with_groups(pd.DataFrame({"sample": ["a", "b", "c"]}), ["x", "y", "x"])["group"].tolist()
    ['x', 'y', 'x']
    """
    if groups is not None:
        if GROUP in samples:
            raise BadInputError("groups: the table of samples has a column 'group' already; give one of the two")
        samples = samples.assign(**{GROUP: checked_groups(groups, len(samples))})
    check_column("samples", samples)
    return samples


def checked_groups(groups: object, samples: int) -> list[str]:
    """The groups of samples as strings.

    Parameters
    ----------
    groups
        Strings or whole numbers, in the order of the samples.
    samples
        The number of samples.

    Returns
    -------
    list of str
        The group of each sample.

    Raises
    ------
    BadInputError
        If these are not names, or not one per sample, or one is empty.

    Examples
    --------
    >>> checked_groups([7, 7, 12], 3)
    ['7', '7', '12']
    """
    if isinstance(groups, str | bytes | Mapping | Set) or not isinstance(groups, Iterable):
        raise BadInputError(f"groups: {shown(groups)} is not a sequence of names; give the group of each sample")
    names = list(groups)
    if len(names) != samples:
        given = counted(len(names), "group")
        raise BadInputError(f"groups: {given} for {counted(samples, 'sample')}; give the group of every sample")
    for index, name in enumerate(names):
        if _is_empty(name):
            raise BadInputError(f"groups: entry {index} is empty; give the group of every sample")
        if not isinstance(name, str | Integral):
            raise BadInputError(f"groups: {shown(name)} is not a name; give strings or whole numbers")
    return [str(name) for name in names]


def check_column(what: object, samples: pd.DataFrame) -> None:
    """Raise BadInputError if a table of samples has a column ``group`` with an empty value.

    Parameters
    ----------
    what
        The table, for the error message.
    samples
        The table; the first column identifies the sample.
    """
    if GROUP not in samples:
        return
    if list(samples.columns).count(GROUP) > 1:
        raise BadInputError(f"{what}: several columns are called 'group'; keep one of them")
    empty = np.array([_is_empty(value) for value in samples[GROUP].tolist()], dtype=bool)
    if empty.any():
        sample = samples.iloc[int(empty.argmax()), 0]
        raise BadInputError(f"{what}: the group of sample {sample!r} is empty; give the group of every sample")


def _is_empty(value: object) -> bool:
    """Whether a value is missing (None, NaN or pandas.NA), or is text without a character."""
    import pandas as pd

    missing = value is None or value is pd.NA or value is pd.NaT or (isinstance(value, Real) and value != value)
    return missing or not str(value).strip()
