"""The models trained on LLP after HAN."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mbias import Run, RunWriter, open_study
from mbias.analysis import variants
from mbias.analysis.paper.llp_line import BASELINE, LAYOUT, published_line
from mbias.analysis.per_run.sample_scores import sample_scores
from mbias.errors import NotApplicableError
from mbias.scores.f_scores import METRICS, PAPER_METRICS, f_scores
from mbias.tables.layout import lay_out, left_out, notes
from tests.drawn_runs import draw_run, draw_study

FOLLOW_UPS = Path(__file__).resolve().parents[3].parent / "shared" / "llp" / "follow_ups.md"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Two settings with two seeds each, of LLP's 25 categories."""
    settings = [("across_vself", "ls_v"), ("across_vcross", "ls_v")]
    return open_study(draw_study(tmp_path_factory.mktemp("line"), settings, seeds=(0, 1), categories=25, videos=20))


def score(table, model, metric, level):
    rows = table[table["model"].str.startswith(model) & (table["metric"] == metric) & (table["level"] == level)]
    return rows["f_score"].item()


@pytest.mark.skipif(not FOLLOW_UPS.is_file(), reason="the collected scores of the LLP line are not available")
def test_published_scores_are_those_collected():
    table = published_line()
    text = FOLLOW_UPS.read_text()
    rows = [line for line in text.splitlines() if line.startswith("|")][2:]
    assert len(rows) == 6
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        model = cells[0].split()[0].strip(",")
        segment = [float(number) for number in (*cells[1].split("/"), cells[2], cells[3])]
        assert [score(table, f"{model} ", metric, "segment") for metric in PAPER_METRICS] == segment
        averages = [score(table, f"{model} ", metric, "event") for metric in ("type_average", "event_average")]
        assert averages == [float(number) for number in cells[4].split("/")]
        of_model = table[table["model"].str.startswith(f"{model} ") & (table["level"] == "segment")]
        of_paper = of_model[of_model["metric"].isin(PAPER_METRICS)]
        assert (of_paper["second_hand"] == ("dagger" in cells[0])).all()
    for model, ao in (("HAN", 33.1), ("CMPAE", 48.2), ("CoLeaF", 49.3)):
        assert score(table, model, "audio_only", "segment") == ao
        assert str(ao) in text


def test_every_published_score_has_its_source_and_features():
    table = published_line()

    assert table[["features", "reference"]].notna().all(axis=None)
    assert not table.duplicated(["model", "metric", "level"]).any()
    assert table["f_score"].between(30, 75).all()
    # What a later paper introduced cannot have been read in HAN's.
    assert table.loc[table["metric"].isin(METRICS[len(PAPER_METRICS) :]), "second_hand"].all()
    own = table[(table["model"] == "HAN (ECCV 2020)") & (table["metric"] == "event_average")]
    assert not own["second_hand"].any()


def test_measured_scores_and_the_baseline_come_before_the_published_ones(drawn):
    table = variants.llp_line(drawn)
    segments = table[table["level"] == "segment"]

    assert list(dict.fromkeys(segments["source"])) == ["measured", "baseline", "published"]
    assert list(dict.fromkeys(segments["model"]))[:4] == [
        "A_cross + V_self, LS-V",
        "A_cross + V_cross, LS-V",
        BASELINE,
        "HAN (ECCV 2020)",
    ]
    runs = drawn.select(variant="across_vself")
    by_seed = [sample_scores(run)[:, 0, METRICS.index("audio_only")].mean() for run in runs]
    row = segments[(segments["model"] == "A_cross + V_self, LS-V") & (segments["metric"] == "audio_only")].iloc[0]
    assert row["f_score"] == pytest.approx(100 * np.mean(by_seed))
    assert row["low"] < row["f_score"] < row["high"]
    assert row["seeds"] == 2

    truth = drawn.runs[0].truth
    everywhere = np.repeat(np.repeat(truth["weak"][:, None, None], 10, axis=1), 2, axis=2)
    expected = 100 * f_scores(everywhere, np.stack([truth["audio"], truth["visual"]], axis=2)).mean(axis=0)
    for i, level in enumerate(("segment", "event")):
        assert [score(table, BASELINE, metric, level) for metric in METRICS] == pytest.approx(list(expected[i]))


def test_second_hand_scores_are_marked_and_the_note_says_where_they_were_read(drawn):
    table = variants.llp_line(drawn)
    wide, _ = lay_out(table, LAYOUT)
    shown = wide[wide["level"] == "segment"].set_index("model")

    assert shown.loc["HAN (ECCV 2020)", "Audio"] == "60.1"
    assert shown.loc["HAN (ECCV 2020)", "Ao"] == "33.1†"
    assert shown.loc["VALOR (NeurIPS 2023)", "Ao"] == ""
    text = " ".join(notes(table))
    assert "† Second hand, read in Table 1 of UWAV (CVPR 2025); in public notes on CoLeaF (ECCV 2024)" in text
    assert "CLIP, CLAP: E-CMANet (arXiv 2025)" in text
    assert "segment-level Type@AV is printed as 58.9, but the mean of its parts is 58.5" in text


def test_without_published_scores_there_is_no_note_on_them(drawn):
    table = variants.llp_line(drawn, published=False)

    assert set(table["source"]) == {"measured", "baseline"}
    assert notes(table) == ["Simulated data."]


def test_an_external_model_has_its_row(tmp_path):
    table = variants.llp_line(draw_run(tmp_path / "mine", external=True, categories=25))
    assert table["model"].iloc[0] == "mine"


def test_without_weak_labels_there_is_no_baseline_and_the_table_says_so(tmp_path):
    run = Run(draw_run(tmp_path / "mine", external=True, categories=25))
    dense = {name: array for name, array in run.truth.items() if name != "weak"}
    again = RunWriter.create(tmp_path / "dense", run.header, run.samples, dense)
    again.commit({"wsl": {"optimised": 0.5}}, {name: run.values(name) for name in ("p", "p_joint")})
    table = variants.llp_line(tmp_path / "dense", published=False)

    assert set(table["source"]) == {"measured"}
    assert left_out(table)[0].startswith(f"Left out: {BASELINE} (dense: the labels of its samples ('weak')")


def test_runs_that_are_not_of_llps_test_split_are_left_out_with_the_reason(drawn, tmp_path):
    other = draw_run(tmp_path / "other", external=True, categories=5)
    with pytest.raises(NotApplicableError, match="other: the published scores are of the test split of LLP"):
        variants.llp_line(other)
    table = variants.llp_line([*drawn, other])
    assert left_out(table) == [
        "Left out: other (other: the published scores are of the test split of LLP; this run is of other samples or "
        "categories)."
    ]
    assert pd.isna(table[table["source"] == "baseline"]["seeds"]).all()
