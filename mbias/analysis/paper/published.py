"""The paper's published tables, and what does not add up in them."""

from __future__ import annotations

from importlib import resources

import pandas as pd

from mbias.terms import Level, Metric

PARTS = (Metric.AUDIO, Metric.VISUAL, Metric.AUDIO_VISUAL)
"""What Type@AV is the mean of."""

ROUNDING = 0.1
"""Type@AV and the mean of its parts, each printed to 0.1, differ by at most this."""


def table1() -> pd.DataFrame:
    """The paper's Table 1: the four variants, trained with LS-V.

    Returns
    -------
    pandas.DataFrame
        A row a variant, smoothing, metric and level: ``f_score`` in percent as printed, ``source`` ``published``,
        ``seeds``, ``sd`` and the interval unknown.
    """
    return _read("table1_variants.csv")


def table2() -> pd.DataFrame:
    """The paper's Table 2: two variants under four smoothings; columns as of `table1`."""
    return _read("table2_smoothing.csv")


def misprints(table: pd.DataFrame) -> pd.DataFrame:
    """Cells of a table of F-scores that contradict Type@AV, which is the mean of A, V and AV (section 5.2).

    Where the four figures of a setting disagree by more than rounding, one of the three parts must be wrong: the one
    that lies farthest from the median of the same metric over the other settings of that variant. Its value follows
    from the others.

    Returns
    -------
    pandas.DataFrame
        A row a misprinted cell: variant, smoothing, level, metric, ``printed`` and ``implied``, in percent.
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
    found = pd.DataFrame(rows, columns=columns)
    return found.sort_values("level", key=lambda level: level.map(list(Level).index), ignore_index=True)


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
