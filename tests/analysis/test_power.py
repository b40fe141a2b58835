"""The measured power of the verdicts that is shipped with the package."""

from __future__ import annotations

import pandas as pd

from mbias.analysis.measures.verdict import MARGIN
from mbias.analysis.power import finding, power


def test_false_alarms_are_below_the_nominal_rate_and_power_grows_with_the_effect():
    table = power()
    assert (table.loc[table["effect"] <= MARGIN, "toward_first"] <= 0.05).all()
    assert (table["toward_second"] <= 0.05).all()
    for _, rows in table[table["effect"] >= MARGIN].groupby(["seeds", "spread"]):
        assert rows["toward_first"].is_monotonic_increasing


def test_the_finding_counts_by_hand():
    columns = ["effect", "seeds", "spread", "records", "covered", "toward_first", "toward_second"]
    rows = [(0.0, 3, 0.1, 100, 0.96, 0.01, 0.02), (0.3, 3, 0.1, 100, 0.94, 0.7, 0.0), (0.4, 3, 0.1, 100, 0.95, 0.9, 0)]
    alarms, found = finding(pd.DataFrame(rows, columns=columns), MARGIN)
    assert "On 300 drawn records" in alarms
    assert "at most 2.0%" in alarms
    assert "95.0% of the time (94.0% to 96.0% by cell)" in alarms
    assert found.endswith("from a balance of 0.4 with 3 seeds.")
