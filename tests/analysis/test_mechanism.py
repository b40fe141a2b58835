from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mbias import Study, open_study
from mbias.analysis import mechanism
from mbias.errors import BadInputError, NotApplicableError
from mbias.records.writer import RunWriter
from tests.drawn_runs import draw_run, draw_study
from tests.other_models import MODALITIES, record_other


def test_branches_that_fit_their_labels_do_as_section_5_3_says(tmp_path):
    study = open_study(draw_study(tmp_path, [("across_vcross", name) for name in ("no_ls", "ls_a", "ls_v", "ls_av")]))
    table = mechanism.fitted(study).set_index("smoothing")

    assert list(table.index) == ["no_ls", "ls_a", "ls_v", "ls_av"]
    assert table.loc["ls_v", "optimum"] == pytest.approx(1)
    assert table.loc["ls_a", "optimum"] == pytest.approx(0)
    assert list(table["free"]) == [True, False, False, True]
    # All weight on the smoothed modality: p_wsl is 0.95 or 0.05, which costs -ln 0.95.
    assert table.loc["ls_v", "loss_second"] == pytest.approx(-np.log(0.95))


def test_optima_are_compared_with_what_was_trained(tmp_path):
    run = open_study(draw_run(tmp_path / "run", smoothing="ls_a")).runs[0]
    table = mechanism.optima(Study((run,)))
    wav = run.values("wav", "last")

    assert table["trained"].to_numpy() == pytest.approx(wav[:, :, 0].mean(axis=(0, 1)), abs=1e-6)
    assert (table["loss_optimum"] <= table[["loss_trained", "loss_half"]].min(axis=1) + 1e-12).all()
    assert mechanism.finding(table)[0].startswith("LS-A: for the trained p_a and p_v")


def test_seeds_have_intervals(tmp_path):
    study = open_study(draw_study(tmp_path, [("across_vcross", "ls_a")], seeds=(0, 1, 2)))
    table, runs = mechanism.seeds(study).iloc[0], mechanism.optima(study).groupby("seed")["optimum"].mean()

    assert (table["seeds"], table["optimum"]) == (3, pytest.approx(runs.mean()))
    half = 4.302653 * runs.std() / np.sqrt(3)  # Student's t of two degrees of freedom
    assert table["optimum_high"] == pytest.approx(min(runs.mean() + half, 1))
    assert table["optimum_low"] == pytest.approx(max(runs.mean() - half, 0))


def test_external_runs_are_not_seeds_of_one_setting(tmp_path):
    for name in ("one", "other"):
        draw_run(tmp_path / name, external=True)

    with pytest.raises(BadInputError, match="every setting has one seed"):
        mechanism.seeds(open_study(tmp_path))


def test_of_three_modalities_each_is_weighted_against_the_others(tmp_path):
    path = record_other(tmp_path / "run", stand_ins=())
    run, table = open_study(path).runs[0], mechanism.optima(path)
    weights, p, weak = run.values("wav").mean(axis=0, dtype=float), run.values("p").astype(float), run.truth["weak"]
    mixed = (weights * p).sum(axis=1)
    loss = -np.where(weak, np.log(mixed), np.log1p(-mixed)).mean(axis=0)

    assert list(dict.fromkeys(table["modality"])) == list(MODALITIES[:3])
    # All mixtures are the same at the trained weights.
    for _, rows in table.groupby("modality", sort=False):
        assert rows["loss_trained"].to_numpy() == pytest.approx(loss, abs=1e-6)
    assert (table["loss_optimum"] <= table["loss_trained"] + 1e-12).all()
    assert table["trained"].to_numpy() == pytest.approx(weights.ravel(), abs=1e-6)


def test_two_of_three_modalities_that_are_equal_are_as_one_other(tmp_path):
    """With a modality twice, each half of the weight, the third one is weighted as if there were two."""
    two = record_other(tmp_path / "two", MODALITIES[:2], stand_ins=())
    run = open_study(two).runs[0]
    arrays = {name: run.values(name) for name in ("wav", "p")}
    names = ("text", "image", "copy")
    header = dataclasses.replace(run.header, modalities=names, losses=("total",))
    writer = RunWriter.create(tmp_path / "three", header, run.samples, run.truth)
    halves = arrays["wav"][:, [0, 1, 1]] * np.array([1, 0.5, 0.5])[:, None]
    writer.commit({}, {"wav": halves, "p": arrays["p"][:, [0, 1, 1]]})
    of_two, of_three = (mechanism.optima(tmp_path / name) for name in ("two", "three"))
    text = of_three[of_three["modality"] == "text"]

    for column in ("optimum", "trained", "loss_optimum", "freedom"):
        assert text[column].to_numpy() == pytest.approx(of_two[column].to_numpy(), abs=1e-5)


def test_which_labels_another_model_smoothed_is_not_known(tmp_path):
    path = record_other(tmp_path / "run", stand_ins=())

    with pytest.raises(NotApplicableError, match="whether the labels of text or image or sensor were smoothed"):
        mechanism.fitted(path)
