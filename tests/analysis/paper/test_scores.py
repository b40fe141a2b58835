"""Tables 1 and 2, measured and published."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from mbias import Study, open_study
from mbias.analysis import smoothing, variants
from mbias.analysis.paper import published, scores
from mbias.errors import BadInputError
from mbias.terms import PRESETS
from tests.drawn_runs import draw_run, draw_study

PAPER = Path(__file__).resolve().parents[2].parent / "shared" / "paper"


def test_variance_of_the_published_table_is_what_the_paper_says():
    table = smoothing.variance(published.table2())
    both = table[table["level"] == "both"].set_index("variant")["variance"]

    assert both["across_vcross"] == pytest.approx(0.954, abs=5e-4)
    assert both["across_vself"] == pytest.approx(3.72, abs=5e-3)


def test_variance_with_the_misprint_mended():
    table = smoothing.variance(published.corrected(published.table2()))
    both = table[table["level"] == "both"].set_index("variant")["variance"]

    assert both["across_vself"] == pytest.approx(0.334, abs=5e-4)
    assert both["across_vcross"] == pytest.approx(0.954, abs=5e-4)


def test_the_misprinted_cell_is_found_with_its_value():
    found = published.misprints(published.table2())

    assert found.to_dict("records") == [
        {
            "variant": "across_vself",
            "smoothing": "ls_av",
            "level": level,
            "metric": "visual",
            "printed": printed,
            "implied": implied,
        }
        for level, printed, implied in (("segment", 49.3, 53.7), ("event", 42.8, 49.3))
    ]
    assert published.misprints(published.table1()).empty


@pytest.mark.parametrize(
    ("name", "read"), [("table1_variants.csv", published.table1), ("table2_smoothing.csv", published.table2)]
)
def test_shipped_tables_are_the_papers(name, read):
    if not (PAPER / name).exists():
        pytest.skip("the paper's tables are not beside this checkout")
    with (PAPER / name).open() as file:
        rows = [(*list(row.values())[:4], float(row["f_score"])) for row in csv.DictReader(file)]

    table = read()[["variant", "smoothing", "metric", "level", "f_score"]]
    assert [tuple(row) for row in table.itertuples(index=False)] == rows


def test_table1_takes_the_smoothing_most_variants_share(study):
    table = variants.scores(study)

    assert set(table["smoothing"]) == {"ls_v"}
    assert list(dict.fromkeys(table["variant"])) == ["aself_vself", "aself_vcross", "across_vself", "across_vcross"]
    run = next(run for run in study if run.name == "aself_vself-ls_v-0")
    cell = table[(table["variant"] == "aself_vself") & (table["metric"] == "visual") & (table["level"] == "event")]
    assert cell["f_score"].item() == 100 * run.commit("best").scores["test"]["event"]["visual"]


def test_table2_holds_the_variants_with_several_smoothings(study):
    table = smoothing.scores(study)

    assert set(table["variant"]) == {"across_vself", "across_vcross"}
    assert list(dict.fromkeys(table["smoothing"])) == ["no_ls", "ls_a", "ls_v", "ls_av"]


def test_measured_variance_by_hand(study):
    scores = smoothing.scores(study)
    of_metrics = []
    for metric in ("audio", "visual", "audio_visual"):
        one = scores[
            (scores["variant"] == "across_vself") & (scores["metric"] == metric) & (scores["level"] == "segment")
        ]["f_score"].to_numpy()
        of_metrics.append(((one - one.mean()) ** 2).sum() / 3)
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


def test_published_stand_beside_the_measured(study):
    table = variants.scores(study, published=True)
    assert list(dict.fromkeys(table["source"])) == ["measured", "published"]
    assert (table["source"] == "measured").sum() == (table["source"] == "published").sum()

    sources = set(smoothing.stability(study, published=True)["source"])
    assert sources == {"measured", "published", "published, corrected"}


def test_seeds_are_averaged_and_counted(tmp_path):
    settings = [("across_vself", "ls_v"), ("across_vcross", "ls_v")]
    study = open_study(draw_study(tmp_path, settings, seeds=(0, 1, 2)))
    values = [
        100 * run.commit("best").scores["test"]["segment"]["audio"] for run in study if run.variant == "across_vself"
    ]
    row = variants.scores(study).query("variant == 'across_vself' and metric == 'audio' and level == 'segment'").iloc[0]

    assert row["f_score"] == pytest.approx(np.mean(values))
    assert row["sd"] == pytest.approx(np.std(values, ddof=1))
    assert row["seeds"] == 3


def test_nothing_shared_is_one_line(tmp_path):
    read_in_sandbox = open_study(draw_study(tmp_path, [("across_vself", "ls_a"), ("across_vcross", "ls_v")]))

    with pytest.raises(BadInputError, match="no two variants in these runs share a smoothing"):
        variants.scores(read_in_sandbox)
    with pytest.raises(BadInputError, match="no variant in these runs was trained with two smoothings"):
        smoothing.scores(read_in_sandbox)


def test_foreign_run_has_no_place_in_the_tables(external):
    for function in (variants.scores, smoothing.scores):
        with pytest.raises(BadInputError, match="no variant and smoothing are known"):
            function(external)


def test_findings_name_the_leader_and_the_steadiest(study):
    table = variants.scores(study)
    best = table[(table["metric"] == "type_average") & (table["level"] == "segment")].sort_values("f_score").iloc[-1]

    sentence = variants.finding(table)[0]
    assert f"{best['f_score']:.1f} %" in sentence
    assert "one seed each: this may be chance" in sentence
    assert "across 4 settings" in smoothing.finding(smoothing.stability(study))[0]


def test_runs_of_one_name_stay_apart(tmp_path):
    paths = [draw_run(tmp_path / folder / "run", seed=seed) for seed, folder in enumerate("ab")]
    from mbias.analysis.losses import coincidence

    assert set(coincidence(Study(tuple(open_study(paths))))["run"]) == {"a/run", "b/run"}
