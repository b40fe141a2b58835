from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mbias import open_study
from mbias.analysis import smoothing
from mbias.analysis.paper import published, scores
from mbias.terms import PRESETS
from tests.drawn_runs import draw_study


def test_variance_of_the_published_table_is_what_the_paper_says():
    table = smoothing.variance(published.table2())
    both = table[table["level"] == "both"].set_index("variant")["variance"]

    assert both["across_vcross"] == pytest.approx(0.954, abs=5e-4)
    assert both["across_vself"] == pytest.approx(3.72, abs=5e-3)


def test_variance_with_the_misprint_corrected():
    table = smoothing.variance(published.corrected(published.table2()))
    both = table[table["level"] == "both"].set_index("variant")["variance"]

    assert both["across_vself"] == pytest.approx(0.334, abs=5e-4)
    assert both["across_vcross"] == pytest.approx(0.954, abs=5e-4)


def test_table2_holds_the_variants_with_several_smoothings(study):
    table = smoothing.scores(study)

    assert set(table["variant"]) == {"across_vself", "across_vcross"}
    assert list(dict.fromkeys(table["smoothing"])) == ["no_ls", "ls_a", "ls_v", "ls_av"]


def test_measured_variance_by_hand(study):
    scores = smoothing.scores(study)
    of_metrics = []
    for metric in ("audio", "visual", "audio_visual"):
        f_scores = scores[
            (scores["variant"] == "across_vself") & (scores["metric"] == metric) & (scores["level"] == "segment")
        ]["f_score"].to_numpy()
        of_metrics.append(((f_scores - f_scores.mean()) ** 2).sum() / 3)
    table = smoothing.stability(study).set_index(["variant", "level"])

    assert table.loc[("across_vself", "segment"), "variance"] == pytest.approx(np.mean(of_metrics))
    assert table.loc[("across_vself", "segment"), "settings"] == 4


def test_the_interval_of_the_variance_is_that_of_a_bootstrap_over_samples(tmp_path):
    """Against plain loops: resampled videos, scored anew."""
    study = open_study(draw_study(tmp_path, [("across_vcross", s) for s in PRESETS], videos=40))
    row = smoothing.stability(study).set_index("level").loc["segment"]
    of_samples = np.stack([scores.sample_scores(run)[:, 0, :3] for run in study])
    rng = np.random.default_rng(5)
    drawn = []
    for _ in range(2000):
        rows = rng.integers(40, size=40)
        drawn.append(np.var(100 * of_samples[:, rows].mean(axis=1), axis=0, ddof=1).mean())
    half = stats.t.ppf(0.975, 39) * np.std(drawn) * np.sqrt(40 / 39)
    assert row["variance_high"] == pytest.approx(row["variance"] + half, rel=0.1)
    assert row["variance_low"] == pytest.approx(max(row["variance"] - half, 0), abs=half / 10)
