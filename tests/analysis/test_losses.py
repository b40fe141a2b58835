from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mbias import Header, RunWriter, open_study
from mbias.analysis.losses import coincidence, curves, finding, residuals, seeds
from mbias.errors import BadInputError, NotApplicableError
from mbias.reports import headlines
from tests.drawn_runs import draw_study


def _run(path, losses, arrays=None, joint_only=False):
    dimensions = ("video", "segment", "modality", "category")
    header = Header(
        modalities=("audio", "visual"),
        categories=("Dog",),
        losses=("wsl",) if joint_only else ("audio", "visual", "wsl"),
        joint_loss="wsl",
        split="test",
        arrays={"wav": dimensions, "wtp": dimensions, "p": dimensions, "p_joint": ("video", "category")},
        sample="video",
    )
    writer = RunWriter.create(path, header, pd.DataFrame({"video": ["a"]}))
    for epoch in losses:
        writer.commit(epoch, arrays or {})
    return open_study(path)


TWO_EPOCHS = [
    {
        "audio": {"optimised": 0.5, "hard": 0.5, "floor": 0.0},
        "visual": {"optimised": 0.9, "hard": 0.6, "floor": 0.2},
        "wsl": {"optimised": 0.4, "hard": 0.4, "floor": 0.0},
    },
    {
        "audio": {"optimised": 0.3, "hard": 0.3, "floor": 0.0},
        "visual": {"optimised": 0.5, "hard": 0.4, "floor": 0.2},
        "wsl": {"optimised": 0.3, "hard": 0.3, "floor": 0.0},
    },
]


def test_mse_by_hand(tmp_path):
    table = coincidence(_run(tmp_path / "run", TWO_EPOCHS)).set_index(["kind", "modality"])["mse"]

    assert table["optimised", "audio"] == pytest.approx((0.1**2 + 0.0) / 2)
    assert table["optimised", "visual"] == pytest.approx((0.5**2 + 0.2**2) / 2)
    assert table["excess", "visual"] == pytest.approx((0.3**2 + 0.0) / 2)
    assert table["hard", "visual"] == pytest.approx((0.2**2 + 0.1**2) / 2)


def test_ratio_is_one_for_the_modality_that_is_run_along(tmp_path):
    table = coincidence(_run(tmp_path / "run", TWO_EPOCHS)).set_index(["kind", "modality"])["ratio"]

    assert table["optimised", "audio"] == 1
    assert table["optimised", "visual"] == pytest.approx((0.5**2 + 0.2**2) / 0.1**2)


def test_where_a_loss_is_the_joint_one_there_is_no_ratio_over_seeds(tmp_path):
    same = {name: {"optimised": 1.0} for name in ("audio", "visual", "wsl")}
    runs = [_run(tmp_path / str(seed), [same]).runs[0].path for seed in range(2)]
    for seed, path in enumerate(runs):
        described = json.loads((path / "run.json").read_text()) | {"setting": "mine", "seed": seed}
        (path / "run.json").write_text(json.dumps(described))

    with pytest.raises(NotApplicableError, match="no ratio is known"):
        seeds(open_study(runs))


def test_over_seeds_by_hand(tmp_path):
    runs = draw_study(tmp_path, [("across_vcross", "ls_v")], range(3))
    single = coincidence(open_study(runs))
    table = seeds(open_study(runs)).set_index(["kind", "modality"])

    of_visual, of_audio = (
        np.log(single.loc[(single["kind"] == "optimised") & (single["modality"] == m), "mse"].to_numpy())
        for m in ("visual", "audio")
    )
    far, near = (of_visual, of_audio) if of_visual.mean() > of_audio.mean() else (of_audio, of_visual)
    low, high = np.exp(stats.t.interval(0.95, 2, (far - near).mean(), stats.sem(far - near)))
    row = table.loc["optimised"].loc[lambda rows: rows["ratio"].idxmax()]
    assert row["seeds"] == 3
    assert row["mse"] == pytest.approx(np.exp(far.mean()))
    assert (row["ratio"], row["ratio_low"], row["ratio_high"]) == pytest.approx(
        (np.exp((far - near).mean()), low, high)
    )


def test_finding_names_the_modality_and_the_numbers(tmp_path):
    (sentence,) = finding(coincidence(_run(tmp_path / "external", TWO_EPOCHS)))

    assert sentence.startswith(
        "external: L_wsl is closer to L_a: MSE_wsl,a = 5.0e-03 is 29 times smaller than MSE_wsl,v = 1.5e-01"
    )
    assert "against hard labels 5 times" in sentence


def test_a_loss_between_the_two_is_called_near_to_neither(tmp_path):
    losses = {"audio": {"optimised": 0.302}, "visual": {"optimised": 0.5}, "wsl": {"optimised": 0.4}}
    table = coincidence(_run(tmp_path / "run", [losses]))

    assert "as close to L_a as to L_v: MSE_wsl,a = 9.6e-03 and MSE_wsl,v = 1.0e-02" in finding(table)[0]
    assert headlines.losses(table).startswith("L_wsl is as close to one loss as to the other in ")


def test_curves_hold_every_epoch_and_the_excess_is_above_its_floor(tmp_path):
    table = curves(_run(tmp_path / "run", TWO_EPOCHS))
    excess = table[(table["loss"] == "visual") & (table["kind"] == "excess")]

    assert list(excess["epoch"]) == [1, 2]
    assert list(excess["value"]) == pytest.approx([0.7, 0.3])
    assert set(table.loc[table["joint"], "loss"]) == {"wsl"}


def test_eq6_leaves_nothing_where_attention_is_constant_and_the_covariance_where_not(tmp_path):
    # One video, two segments, W_tp 1/2 each. Eq. 3: 1/2 (0.9 * 0.8 + 0.1 * 0.2) + 1/2 (0.5 * 0.4 + 0.5 * 0.6) = 0.62.
    # Eq. 6: W_a = 0.7, W_v = 0.3, p_a = 0.6, p_v = 0.4, so 0.54.
    wav = np.array([[[[0.9], [0.1]], [[0.5], [0.5]]]])
    p = np.array([[[[0.8], [0.2]], [[0.4], [0.6]]]])
    wtp = np.full_like(p, 0.5)
    arrays = {"wav": wav, "wtp": wtp, "p": p, "p_joint": np.array([[0.62]])}
    row = residuals(_run(tmp_path / "varying", TWO_EPOCHS, arrays)).iloc[0]
    constant = {**arrays, "wav": wav.mean(axis=1, keepdims=True).repeat(2, axis=1), "p_joint": np.array([[0.54]])}

    assert row["largest"] == pytest.approx(0.08, abs=1e-6)
    assert row["mean"] == pytest.approx(0.08, abs=1e-6)
    assert row["eq3"] == pytest.approx(0, abs=1e-6)
    assert residuals(_run(tmp_path / "constant", TWO_EPOCHS, constant)).iloc[0]["largest"] == pytest.approx(0, abs=1e-6)


def test_the_mean_residual_has_an_interval_over_samples(study):
    table = residuals(study)

    assert (table["mean_low"] < table["mean"]).all()
    assert (table["mean"] < table["mean_high"]).all()


def test_an_external_run_has_its_losses_as_optimised_only(external):
    table = coincidence(external)

    assert set(table["kind"]) == {"optimised"}
    assert list(table["modality"]) == ["audio", "visual", "text"]
    assert table["variant"].isna().all()


def test_a_joint_loss_alone_cannot_be_compared(tmp_path):
    run = _run(tmp_path / "run", [{"wsl": {"optimised": 0.4}}], joint_only=True)

    with pytest.raises(BadInputError, match="only loss"):
        coincidence(run)


def test_residuals_need_their_arrays(tmp_path):
    with pytest.raises(BadInputError, match="no epoch holds wav, wtp, p and p_joint"):
        residuals(_run(tmp_path / "run", TWO_EPOCHS))


def test_no_epoch_yet_is_said(tmp_path):
    for function in (coincidence, curves):
        with pytest.raises(BadInputError, match="no epoch is committed yet"):
            function(_run(tmp_path / function.__name__, []))
