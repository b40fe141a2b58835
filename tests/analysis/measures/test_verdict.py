from __future__ import annotations

import numpy as np
import pytest

from mbias.analysis.measures.coalitions import over_samples
from mbias.analysis.measures.values import shapley
from mbias.analysis.measures.verdict import agrees, decide, needed, seeds_needed


def test_seeds_needed_shrink_the_interval_to_the_margin(tmp_path):
    rng = np.random.default_rng(0)
    weak = np.ones((100, 1), dtype=bool)
    values = np.zeros((4, 100, 1, 4, 2))
    values[..., 1] = 1
    shares = 0.5 + np.array([0.05, 0.2, 0.25, 0.1])[:, None, None] + rng.normal(0, 0.02, (4, 100, 1))
    values[..., 0, 0], values[..., 1, 0], values[..., 2, 0] = 1, shares, 1 - shares
    estimated_balance = over_samples(weak, values, shapley)
    row = decide(estimated_balance, 0, ("audio", "visual"))
    needed = seeds_needed(estimated_balance, 0)

    assert row["verdict"] == "undetermined"
    assert row["balance"] == pytest.approx(0.3, abs=0.02)
    # The seeds' sd is about 0.18, the distance to the margin 0.1: t sd / sqrt(n) <= 0.1 from 15 seeds or so on.
    assert 12 <= needed <= 20


@pytest.mark.parametrize(
    ("verdict", "balance", "other", "expected"),
    [
        ("balanced", 0.1, -0.2, True),
        ("balanced", 0.1, 0.3, False),
        ("biased toward audio", 0.5, 0.3, True),
        ("biased toward audio", 0.5, 0.1, False),
        ("biased toward visual", -0.5, 0.3, False),
        ("undetermined", 0.25, 0.01, True),
        ("undetermined", 0.25, -0.01, False),
    ],
)
def test_another_measure_agrees_where_its_balance_says_the_same(verdict, balance, other, expected):
    assert agrees(verdict, balance, other) is expected


def test_a_settled_verdict_needs_nothing_more():
    values = np.zeros((3, 60, 1, 4, 2))
    values[..., 1] = 1
    values[..., :2, 0] = 1
    estimated = over_samples(np.ones((60, 1), dtype=bool), values, shapley)
    verdict = decide(estimated, 0, ("audio", "visual"))["verdict"]

    assert verdict == "biased toward audio"
    assert np.isnan(needed(estimated, verdict)[0])
    assert needed(estimated, verdict)[1] is False
