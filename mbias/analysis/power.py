"""How often a verdict is right, by the size of the true effect: measured once, on drawn records."""

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
    """Shares of the verdicts that were given on records drawn with a known balance.

    Measured by ``benchmarks/validity.py drawn``: 200 samples, 3 categories; all simulated.

    Returns
    -------
    pandas.DataFrame
        A row a true balance (``effect``), number of ``seeds`` and standard deviation of the balance between seeds
        (``spread``): of ``records`` drawn records the shares ``covered`` (the 95 % interval holds the truth),
        ``toward_first`` and ``toward_second`` (called biased), ``balanced``; and the interval's mean ``width``. Up to
        a balance of `mbias.analysis.diagnosis.MARGIN`, being called biased is a false alarm.
    """
    with resources.files("mbias.analysis").joinpath("measured", "verdicts.csv").open(encoding="utf-8") as file:
        # The first line says how the file was made.
        return pd.read_csv(file, comment="#").assign(simulated=True)


def finding(table: pd.DataFrame, margin: float) -> list[str]:
    """What a table of `power` says: false alarms at worst, coverage, and the effect that is found."""
    false = table.loc[table["effect"] <= margin, "toward_first"].max()
    alarms = max(false, table["toward_second"].max())
    found = table[table["toward_first"] >= 0.8].groupby(["seeds", "spread"])["effect"].min()
    several = [f"{effect:g} with {seeds} seeds" for (seeds, spread), effect in found.items() if spread and seeds > 1]
    return [
        f"On {table['records'].sum():,} drawn records, a model within the margin was called biased at most "
        f"{alarms:.1%} of the time; the 95 % intervals held the truth {table['covered'].mean():.1%} of the time "
        f"({table['covered'].min():.1%} to {table['covered'].max():.1%} by cell).",
        f"Where seeds differ by 0.1, four in five biases are found from a balance of {', '.join(several)}.",
    ]
