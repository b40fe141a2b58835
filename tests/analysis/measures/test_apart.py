"""Seeds that behave unlike the others, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mbias.analysis.measures.apart import ALPHA, stands_apart
from mbias.analysis.measures.verdict import ALONE, MARGIN


def test_a_seed_stands_apart_by_the_t_test_of_its_deleted_residual():
    balances = np.array([0.02, -0.05, 0.04, 0.6])
    others = balances[:3]
    t = (0.6 - others.mean()) / (others.std(ddof=1) * np.sqrt(1 + 1 / 3))

    # 4 x 2 x (1 - F(t)) with two degrees of freedom, where F has a closed form.
    assert 4 * 2 * (0.5 - t / (2 * np.sqrt(2 + t**2))) < ALPHA
    assert stands_apart(balances, MARGIN, ALONE) == 3
    assert stands_apart(balances * 0.3, MARGIN, ALONE) is None  # within the margin
    assert stands_apart(np.array([0.3, -0.3, 0.2, 0.6]), MARGIN, ALONE) is None
    assert stands_apart(np.array([0.0, 0.0, 0.0, 0.6]), MARGIN, ALONE) == 3
    assert stands_apart(np.array([0.0, 0.0, np.nan, 0.6]), MARGIN, ALONE) is None


@pytest.mark.parametrize(
    ("balances", "apart"),
    [
        ([0.3, 0.95, 0.5], 1),
        ([0.3, -0.95, 0.5], 1),
        ([0.95, 0.95, 0.3], None),  # two
        ([0.3, 0.85, 0.3], None),  # not alone
        ([0.8, 0.95, 0.8], None),  # near the others
        ([0.3, 0.95], None),  # which of them?
    ],
)
def test_of_three_seeds_one_that_uses_one_modality_alone_stands_apart(balances, apart):
    assert stands_apart(np.array(balances), MARGIN, ALONE) == apart
