"""All categories by setting, sorted by their mean, for a page whose figures draw the telling ones of many."""

from __future__ import annotations

import pandas as pd

from mbias.tables.names import setting_name


def every_category(table: pd.DataFrame, value: str) -> pd.DataFrame:
    """One row per category, one column per setting, as `mbias.tables.render.as_html` takes it.

    Parameters
    ----------
    table
        One row per category and setting or run, as `mbias.analysis.attention.categories` or
        `mbias.analysis.diagnosis.categories` return it. Of two modalities, the first one is shown; of more, each has a
        column.
    value
        The column to show: a mean over seeds, with two digits.

    Returns
    -------
    pandas.DataFrame
        Texts, sorted by the mean over the columns, the largest first.
    """
    settings = [
        setting_name(row.run, row.variant, row.smoothing, row.mitigation, row.control) for row in table.itertuples()
    ]
    named = table.assign(setting=settings)
    modalities = list(dict.fromkeys(table["modality"])) if "modality" in table else []
    if len(modalities) == 2:
        named = named[named["modality"] == modalities[0]]
    columns = ["setting", "modality"] if len(modalities) > 2 else ["setting"]
    wide = named.pivot_table(index="category", columns=columns, values=value, sort=False)
    wide = wide.loc[wide.mean(axis=1).sort_values(ascending=False, kind="stable").index]
    texts = wide.map(lambda number: "" if pd.isna(number) else f"{number:.2f}")
    texts.columns = pd.Index(["\n".join(name) if isinstance(name, tuple) else name for name in wide.columns])
    texts.insert(0, "category", wide.index)
    texts.attrs["names"] = 1
    return texts
