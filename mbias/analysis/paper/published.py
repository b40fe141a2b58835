"""The published numbers of the paper, and what they imply: misprinted F-scores, and the delta of label smoothing."""

from __future__ import annotations

from importlib import resources

import pandas as pd

from mbias.analysis.paper.floor import implied_delta
from mbias.analysis.settings import smoothing_kind
from mbias.tables.layout import remarks, with_remarks
from mbias.tables.names import display_name, subscript
from mbias.terms import DELTA, Level, Metric, Smoothing

PARTS = (Metric.AUDIO, Metric.VISUAL, Metric.AUDIO_VISUAL)
"""The metrics whose mean is Type@AV."""

ROUNDING = 0.1
"""The largest difference between Type@AV and the mean of its parts that is due to printing each to 0.1."""


MATCHED = "Published rows stand beside measured ones that smooth the same modalities, whatever the delta."


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
    return _scores("table1_variants.csv")


def table2() -> pd.DataFrame:
    """Table 2 of the paper: two variants, trained with four smoothings each; the columns are those of `table1`."""
    return _scores("table2_smoothing.csv")


def fig2() -> pd.DataFrame:
    """The two numbers that the paper gives with Fig. 2: MSE_wsl,a and MSE_wsl,v of A_cross + V_cross over 40 epochs.

    The paper gives neither the smoothing nor its delta. The original training code smooths visual labels only, LS-V.

    Returns
    -------
    pandas.DataFrame
        One row per variant, smoothing and modality: ``mse``, in nats squared; ``source``, which is ``published``.

    Examples
    --------
    >>> fig2()[["smoothing", "modality", "mse"]]
      smoothing modality           mse
    0      ls_v    audio  9.000000e-08
    1      ls_v   visual  1.040000e-01
    """
    return _read("fig2_losses.csv")


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


def checks() -> tuple[str, ...]:
    """What the published numbers imply that the paper does not say, one sentence each.

    The F-scores of Tables 1 and 2 are checked against Type@AV, which is the mean of three of them (`misprints`), and
    the MSE of Fig. 2 gives the delta of the label smoothing (`mbias.analysis.paper.floor.implied_delta`), which the
    paper does not give. Every table with published rows shows these sentences below it.

    Examples
    --------
    >>> print(checks()[1])
    MSE_wsl,v = 0.104 (Fig. 2) implies delta = 0.198. The paper gives no delta; the original training code has 0.1.
    """
    sentences = []
    for name, table in (("Table 1", table1()), ("Table 2", table2())):
        for (variant, smoothing, metric), cells in misprints(table).groupby(["variant", "smoothing", "metric"]):
            implied = " and ".join(f"{cell.implied:.1f} ({cell.level})" for cell in cells.itertuples())
            sentences.append(
                f"{name} misprints the {display_name('metric', metric).lower()} F-scores of "
                f"{display_name('variant', variant)}, {display_name('smoothing', smoothing)}: "
                f"Type@AV implies {implied}, not {' and '.join(f'{cell:.1f}' for cell in cells['printed'])}."
            )
    sentences += [
        f"MSE_wsl,{subscript(row.modality)} = {row.mse:g} (Fig. 2) implies delta = {implied_delta(row.mse):.3f}. "
        f"The paper gives no delta; the original training code has {DELTA:g}."
        for row in fig2().itertuples()
        if Smoothing.parse(row.smoothing)[row.modality]
    ]
    return tuple(sentences)


def beside(measured: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """The published rows of the settings of a measured table, with the names of the measured smoothings.

    Settings are matched by variant and by which modalities are smoothed (`mbias.terms.Smoothing.kind`), since the paper
    gives no delta. Where the measured table has a setting at two deltas, the published rows stand beside each.

    Parameters
    ----------
    measured
        A table with ``variant`` and ``smoothing``.
    published
        `table1`, `table2` or `fig2`.

    Returns
    -------
    pandas.DataFrame
        The columns of ``published``.
    """
    settings = measured[["variant", "smoothing"]].drop_duplicates()
    settings = settings.assign(kind=settings["smoothing"].map(smoothing_kind))
    return published.rename(columns={"smoothing": "kind"}).merge(settings, on=["variant", "kind"])[list(published)]


def with_checks(table: pd.DataFrame) -> pd.DataFrame:
    """A table that holds published rows, with the sentences of `checks` and on how rows are matched as its remarks."""
    return with_remarks(table, [*remarks(table), MATCHED, *checks()])


def _scores(name: str) -> pd.DataFrame:
    unknown = dict.fromkeys(("sd", "low", "high"), float("nan"))
    return _read(name).assign(**unknown, seeds=pd.NA, simulated=False, source="published")


def _read(name: str) -> pd.DataFrame:
    # The first line of each file names its source.
    with resources.files("mbias.analysis.paper").joinpath("published", name).open(encoding="utf-8") as file:
        return pd.read_csv(file, comment="#")
