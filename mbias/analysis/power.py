"""How often a verdict is right, by the size of the true effect: measured once, on records drawn at random."""

from __future__ import annotations

from importlib import resources

import pandas as pd

from mbias.tables.layout import Layout, number

LAYOUT = Layout(
    ("seeds", "spread", "effect"),
    (),
    {
        "biased": number("toward_first", ".1%"),
        "balanced": number("balanced", ".1%"),
        "covered": number("covered", ".1%"),
        "width": number("width", ".3f"),
    },
)


def power() -> pd.DataFrame:
    """How often each verdict is given on records drawn with a known balance.

    The numbers were measured by ``benchmarks/drawn.py power``, on simulated records of 200 samples and 3 categories.

    Returns
    -------
    pandas.DataFrame
        One row per true balance (``effect``), number of ``seeds`` and standard deviation of the balance between seeds
        (``spread``). Shares of the ``records`` drawn: ``covered``, where the 95 % interval holds the true balance;
        ``toward_first`` and ``toward_second``, where the verdict is biased toward that modality; and ``balanced``.
        ``width`` is the mean width of the interval. Up to a true balance of `mbias.analysis.measures.verdict.MARGIN`, a
        biased verdict is a false alarm.

    Examples
    --------
    >>> from mbias.analysis.power import power
    >>> table = power()
    >>> bool(table["covered"].between(0.9, 1).all())
    True
    """
    with resources.files("mbias.analysis").joinpath("measured", "verdicts.csv").open(encoding="utf-8") as file:
        # The first line says how the file was made.
        return pd.read_csv(file, comment="#").assign(simulated=True)


def finding(table: pd.DataFrame, margin: float) -> list[str]:
    """What a table of `power` shows: the highest rate of false alarms, coverage, and the effects that are detected."""
    toward_first = table.loc[table["effect"] <= margin, "toward_first"].max()
    alarms = max(toward_first, table["toward_second"].max())
    detected = table[table["toward_first"] >= 0.8].groupby(["seeds", "spread"])["effect"].min()
    several = [f"{effect:g} with {seeds} seeds" for (seeds, spread), effect in detected.items() if spread and seeds > 1]
    return [
        f"On {table['records'].sum():,} drawn records, a model within the margin is called biased at most "
        f"{alarms:.1%} of the time. The 95 % intervals hold the true balance {table['covered'].mean():.1%} of the time "
        f"({table['covered'].min():.1%} to {table['covered'].max():.1%} by cell).",
        f"Where seeds differ by 0.1, four of five biases are detected from a balance of {', '.join(several)}.",
    ]
