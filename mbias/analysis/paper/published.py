"""The published tables of the paper, and their misprints."""

from __future__ import annotations

from importlib import resources

import pandas as pd

from mbias.terms import Level, Metric

PARTS = (Metric.AUDIO, Metric.VISUAL, Metric.AUDIO_VISUAL)
"""The metrics whose mean is Type@AV."""

ROUNDING = 0.1
"""The largest difference between Type@AV and the mean of its parts that is due to printing each to 0.1."""


def table1() -> pd.DataFrame:
    """Table 1 of the paper: the four variants, trained with LS-V.

    Returns
    -------
    pandas.DataFrame
        One row per variant, smoothing, metric and level: ``f_score``, in percent as printed; ``source``, which is
        ``published``; ``seeds``, ``sd``, ``low`` and ``high`` are unknown.

    Examples
    --------
    >>> from mbias.analysis.paper.published import table1
    >>> table1()[["variant", "smoothing", "metric", "level", "f_score"]].head(2)
           variant smoothing metric    level  f_score
    0  aself_vself      ls_v  audio  segment     52.1
    1  aself_vself      ls_v  audio    event     41.6
    """
    return _read("table1_variants.csv")


def table2() -> pd.DataFrame:
    """Table 2 of the paper: two variants, trained with four smoothings each; the columns are those of `table1`."""
    return _read("table2_smoothing.csv")


def misprints(table: pd.DataFrame) -> pd.DataFrame:
    """Cells of a table of F-scores that contradict Type@AV, which is the mean of A, V and AV (section 5.2).

    Where the four numbers of a setting disagree by more than rounding, one of the three parts is taken to be wrong: the
    one farthest from the median of the same metric over the other settings of that variant. Its value follows from the
    other numbers.

    Parameters
    ----------
    table
        F-scores in percent by variant, smoothing, metric and level.

    Returns
    -------
    pandas.DataFrame
        One row per misprinted cell: variant, smoothing, level, metric, ``printed`` and ``implied``, in percent.

    Examples
    --------
    >>> from mbias.analysis.paper.published import misprints, table2
    >>> misprints(table2())[["variant", "smoothing", "level", "metric", "printed", "implied"]]
            variant smoothing    level  metric  printed  implied
    0  across_vself     ls_av  segment  visual     49.3     53.7
    1  across_vself     ls_av    event  visual     42.8     49.3
    """
    wide = table.pivot_table(index=["variant", "level", "smoothing"], columns="metric", values="f_score")
    gap = 3 * wide[Metric.TYPE_AVERAGE] - wide[list(PARTS)].sum(axis=1)
    rows = []
    for variant, level, smoothing in wide.index[(gap / 3).abs() > ROUNDING + 1e-6]:
        others = wide.loc[(variant, level)].drop(smoothing)[list(PARTS)].median()
        printed = wide.loc[(variant, level, smoothing), list(PARTS)]
        metric = (printed - others).abs().idxmax()
        rows.append(
            {
                "variant": variant,
                "smoothing": smoothing,
                "level": level,
                "metric": metric,
                "printed": printed[metric],
                "implied": round(printed[metric] + gap[(variant, level, smoothing)], 1),
            }
        )
    columns = ["variant", "smoothing", "level", "metric", "printed", "implied"]
    cells = pd.DataFrame(rows, columns=columns)
    return cells.sort_values("level", key=lambda level: level.map(list(Level).index), ignore_index=True)


def corrected(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the implied values of `misprints` in place of the printed ones."""
    keys = ["variant", "smoothing", "level", "metric"]
    implied = table[keys].merge(misprints(table), on=keys, how="left")["implied"]
    return table.assign(f_score=implied.fillna(table["f_score"].reset_index(drop=True)).to_numpy())


def _read(name: str) -> pd.DataFrame:
    # The first line of each file names its source.
    with resources.files("mbias.analysis.paper").joinpath("published", name).open(encoding="utf-8") as file:
        table = pd.read_csv(file, comment="#")
    unknown = dict.fromkeys(("sd", "low", "high"), float("nan"))
    return table.assign(**unknown, seeds=pd.NA, simulated=False, source="published")
