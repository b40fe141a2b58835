"""The delta that MSE_wsl,m implies, measured and published."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import mbias
from mbias import Header, RunWriter, open_study
from mbias.analysis.losses import coincidence, seeds
from mbias.analysis.paper.implied import ABOVE, LAYOUT, finding, implied
from mbias.analysis.paper.published import MATCHED, checks
from mbias.errors import NotApplicableError
from mbias.tables.layout import lay_out, notes
from tests.drawn_runs import draw_run, draw_study


def _run(path, losses, smoothing="ls_v0.2", **training):
    """A run with these losses (L_a, L_v, L_wsl) as optimised, by epoch."""
    header = Header(
        modalities=("audio", "visual"),
        categories=("Dog",),
        losses=("audio", "visual", "wsl"),
        joint_loss="wsl",
        split="test",
        arrays={},
        training={"variant": "across_vcross", "smoothing": smoothing, "seed": 0, **training},
    )
    writer = RunWriter.create(path, header, pd.DataFrame({"sample": ["a"]}))
    for values in losses:
        writer.commit({name: {"optimised": v} for name, v in zip(("audio", "visual", "wsl"), values, strict=True)}, {})
    return path


def _of_visual(table):
    return table[table["modality"] == "visual"].set_index("source")


def test_a_run_that_fits_its_labels_implies_the_delta_it_was_trained_with(tmp_path):
    """L_v is the floor of delta 0.2, and L_wsl and L_a are 0."""
    visual = -0.9 * math.log(0.9) - 0.1 * math.log(0.1)
    table = implied(_run(tmp_path / "run", [(1e-4, visual, 0.0)] * 3))
    row = _of_visual(table).loc["measured"]

    assert row["mse"] == pytest.approx(0.1057, abs=5e-5)
    assert (row["delta"], row["implied"], row["floor_share"]) == pytest.approx((0.2, 0.2, 1.0))
    assert ABOVE not in notes(table)


def test_by_hand_with_the_published_row_beside_it(tmp_path):
    table = implied(_run(tmp_path / "run", [(0.3, 0.5, 0.2), (0.1, 0.4, 0.1)]), published=True)
    rows = _of_visual(table)

    assert list(table["source"]) == ["measured", "measured", "published", "published"]
    # (0.3^2 + 0.3^2) / 2; the floor of delta 0.2 is 0.3251.
    assert rows.loc["measured", "mse"] == pytest.approx(0.09)
    assert rows.loc["measured", "floor_share"] == pytest.approx(0.1057 / 0.09, abs=1e-3)
    assert rows.loc["published", "mse"] == 0.104
    assert rows.loc["published", "implied"] == pytest.approx(0.198, abs=5e-4)
    assert rows.loc["published", "floor_share"] == pytest.approx(0.1057 / 0.104, abs=1e-3)
    assert set(table["smoothing"]) == {"ls_v0.2"}
    audio = table[table["modality"] == "audio"].set_index("source")
    assert audio.loc["published", "mse"] == 9e-8
    assert audio[["implied", "floor_share"]].isna().all(axis=None)
    assert {ABOVE, MATCHED, *checks()} <= set(notes(table))


def test_the_layout_says_what_does_not_apply(tmp_path):
    wide, _ = lay_out(implied(_run(tmp_path / "run", [(0.3, 0.5, 0.2)]), published=True), LAYOUT)

    assert wide.to_numpy().tolist() == [
        ["measured", "audio", "0.01", "0", "not smoothed", ""],
        ["measured", "visual", "0.09", "0.2", "0.178", "117%"],
        ["published", "audio", "9e-08", "0", "not smoothed", ""],
        ["published", "visual", "0.104", "if 0.2", "0.198", "102%"],
    ]
    above, _ = lay_out(implied(_run(tmp_path / "far", [(0.1, 2.0, 0.2)])), LAYOUT)
    assert above.loc[above["modality"] == "visual", "implied delta"].item() == "above every floor"


def test_a_study_at_two_deltas_has_the_published_row_beside_each(tmp_path):
    study = draw_study(tmp_path, [("across_vcross", "ls_v"), ("across_vcross", "ls_v0.2"), ("across_vself", "ls_v")])
    table = implied(study, published=True)
    paper = _of_visual(table).loc["published"].set_index("smoothing")

    assert list(paper["delta"]) == [0.1, 0.2]
    assert paper["floor_share"].to_list() == pytest.approx([0.0394 / 0.104, 0.1057 / 0.104], abs=1e-3)
    assert set(paper["mse"]) == {0.104}
    assert set(paper["variant"]) == {"across_vcross"}
    assert [sentence.split(": ")[0] for sentence in finding(table)] == [
        f"A_cross + V_cross, {name}" for name in ("LS-V", "LS-V", "LS-V 0.2", "LS-V 0.2")
    ]
    assert finding(table)[3].endswith("and 102% of the published MSE.")


def test_means_over_seeds_are_those_of_the_table_of_seeds(tmp_path):
    study = draw_study(tmp_path, [("across_vcross", "ls_v0.2")], seeds=range(3))
    row = _of_visual(implied(study)).loc["measured"]
    expected = seeds(study).set_index(["kind", "modality"]).loc[("optimised", "visual")]

    assert row["seeds"] == 3
    for end in ("", "_low", "_high"):
        assert row[f"mse{end}"] == expected[f"mse{end}"]
    assert row["implied_low"] < row["implied"] < row["implied_high"]


def test_published_true_selects_this_table(tmp_path):
    study = open_study(draw_run(tmp_path / "run"))

    pd.testing.assert_frame_equal(mbias.losses(study, published=True), implied(study, published=True))
    pd.testing.assert_frame_equal(mbias.losses(study), coincidence(study))


def test_what_has_no_implied_delta_is_left_out_with_the_reason(tmp_path):
    _run(tmp_path / "k4", [(0.3, 0.5, 0.2)], "ls_v0.2_k4")
    _run(tmp_path / "zero", [(0.2, 0.5, 0.2)], "ls_v0.3")
    _run(tmp_path / "sound", [(0.3, 0.5, 0.2)], "ls_a0.2")
    draw_run(tmp_path / "mine", external=True)
    table = implied(tmp_path, published=True)

    assert set(table["smoothing"]) == {"ls_a0.2"}
    said = " ".join(notes(table))
    assert "Left out: mine (it is not recorded which labels were smoothed)." in said
    assert "LS-V 0.2 K 4 (K is not 2, so that the floor depends on the labels)." in said
    assert "LS-V 0.3 (an MSE is 0, or a loss is not recorded at every epoch)." in said
    assert "published MSE (none of these settings is A_cross + V_cross, LS-V)." in said
    assert "published" not in set(table["source"])


def test_an_external_model_implies_nothing(tmp_path):
    with pytest.raises(NotApplicableError, match="not recorded which labels were smoothed, so an MSE implies no delta"):
        implied(draw_run(tmp_path / "mine", external=True))


def test_a_control_has_no_published_row(tmp_path):
    table = implied(_run(tmp_path / "run", [(0.3, 0.5, 0.2)], control="uniform"), published=True)

    assert list(table["source"]) == ["measured", "measured"]
    assert np.isfinite(table["implied"]).sum() == 1
