from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mbias import Run, open_study
from mbias.analysis.attention import categories, contributions, finding, movement, seeds, shares
from mbias.analysis.per_run.pooling import shares_of
from mbias.analysis.per_run.scopes import contributions_of
from mbias.errors import BadInputError
from tests.drawn_runs import draw_run, draw_study


@pytest.fixture(scope="module")
def single_run(study):
    return next(run for run in study if (run.variant, run.smoothing) == ("across_vcross", "no_ls"))


def _rows(table, run):
    return table[table["run"] == run.name]


def test_distribution_is_that_of_the_recorded_weights(study, single_run):
    weights = single_run.values("wav", "best")
    table = _rows(categories(study), single_run)
    everywhere = table[table["scope"] == "all"].set_index(["modality", "category"])

    for m, modality in enumerate(single_run.header.modalities):
        for c, category in enumerate(single_run.header.categories):
            cell, row = weights[:, :, m, c], everywhere.loc[(modality, category)]
            assert row["mean"] == pytest.approx(cell.mean(), abs=1e-6)
            assert row["q25"] == pytest.approx(np.quantile(cell, 0.25), abs=1e-6)
            assert row["saturated"] == pytest.approx((cell > 0.9).mean(), abs=1e-6)


def test_a_categorys_mean_has_the_textbook_interval_over_samples(tmp_path):
    study = open_study(draw_study(tmp_path, [("across_vcross", "no_ls")], videos=80))
    of_samples = study.runs[0].values("wav", "last").mean(axis=1, dtype=float)
    table = categories(study)
    row = table[table["scope"] == "all"].iloc[3]
    textbook = stats.t.interval(0.95, 79, of_samples[:, 0, 3].mean(), stats.sem(of_samples[:, 0, 3]))

    assert (row["mean_low"], row["mean_high"]) == pytest.approx(textbook, abs=0.003)


def test_present_counts_segments_with_the_category_in_either_modality(study, single_run):
    weights, truth = single_run.values("wav", "best"), single_run.truth
    mask = truth["audio"] | truth["visual"]
    table = _rows(categories(study), single_run)
    present = table[table["scope"] == "present"].set_index(["modality", "category"])

    assert len(present) == 2 * int(mask.any(axis=(0, 1)).sum())
    for (modality, category), row in present.iterrows():
        c = single_run.header.categories.index(category)
        cell = weights[:, :, single_run.header.modalities.index(modality), c][mask[:, :, c]]
        assert row["mean"] == pytest.approx(cell.mean(), abs=1e-6)
        assert pd.isna(row["mean_low"]) == (mask[:, :, c].any(axis=1).sum() < 5)


def test_contributions_add_up_to_the_prediction(study, single_run):
    table = _rows(contributions(study), single_run)
    everywhere = table[table["scope"] == "all"]

    assert everywhere.groupby("category", sort=False)["phi"].sum().to_numpy() == pytest.approx(
        single_run.values("p_joint", "best").mean(axis=0), abs=1e-6
    )
    assert everywhere.groupby("category")["share"].sum().to_numpy() == pytest.approx(1)


def test_contributions_by_plain_loops(study, single_run):
    wav, wtp, p = (single_run.values(name, "best") for name in ("wav", "wtp", "p"))
    table = _rows(contributions(study), single_run)
    having = np.flatnonzero(single_run.truth["weak"][:, 0])
    shares_of = []
    for n in having:
        phi = [sum(float(wtp[n, t, m, 0] * wav[n, t, m, 0] * p[n, t, m, 0]) for t in range(10)) for m in range(2)]
        shares_of.append(phi[0] / sum(phi))
    row = table[(table["scope"] == "present") & (table["modality"] == "audio") & (table["category"] == "Speech")].iloc[
        0
    ]

    assert row["share"] == pytest.approx(np.mean(shares_of), abs=1e-6)
    assert row["samples"] == len(having) == 4
    assert pd.isna(row["share_low"])
    assert pd.isna(row["share_high"])


def test_the_interval_of_a_share_is_students_over_the_positive_samples(tmp_path):
    run = Run(draw_run(tmp_path / "run", videos=20))
    share = shares_of(contributions_of(run, "last"))[run.truth["weak"][:, 1], 0, 1]
    rows = contributions(run).query("scope == 'present' and modality == 'audio'").set_index("category")
    row = rows.loc[run.header.categories[1]]
    textbook = stats.t.interval(0.95, len(share) - 1, share.mean(), stats.sem(share))

    assert row["samples"] == len(share) < 20
    assert (row["share_low"], row["share_high"]) == pytest.approx(np.clip(textbook, 0, 1), abs=1e-6)


def test_shares_are_means_over_categories(study, single_run):
    row = _rows(shares(study), single_run).set_index(["scope", "modality"]).loc[("all", "audio")]
    weights = single_run.values("wav", "best")[:, :, 0]

    assert row["attention"] == pytest.approx(weights.mean(), abs=1e-6)
    assert row["toward"] == (weights.mean(axis=(0, 1)) > 0.5).sum()
    assert row["categories"] == 5


def test_movement_has_every_epoch_and_ends_where_the_last_one_is(study, single_run):
    table = movement(study).set_index(["variant", "smoothing"]).loc[("across_vcross", "no_ls")]
    audio = table[(table["scope"] == "all") & (table["modality"] == "audio")]

    assert list(audio["epoch"]) == [1, 2, 3]
    assert audio[["attention_low", "saturated_high"]].isna().all(axis=None)
    assert audio["attention"].iloc[-1] == pytest.approx(single_run.values("wav", "last")[:, :, 0].mean(), abs=1e-6)


def test_an_epoch_can_be_named(study, single_run):
    table = _rows(categories(study, epoch=1), single_run)

    assert set(table["epoch"]) == {1}
    with pytest.raises(BadInputError, match="no epoch 9; take 1 to 3"):
        categories(study, epoch=9)


def test_contributions_name_the_epochs_that_hold_them(study):
    with pytest.raises(BadInputError, match="epoch 1 does not hold the array 'wtp'; take epoch 3"):
        contributions(study, epoch=1)
    assert shares(study, epoch=1)["contribution"].isna().all()


def test_three_modalities(external):
    table = shares(external)
    everywhere = table[table["scope"] == "all"]

    assert list(everywhere["modality"]) == ["audio", "visual", "text"]
    assert everywhere["attention"].sum() == pytest.approx(1, abs=1e-5)
    assert finding(table)[0].startswith("external: mean W_a is ")


def test_finding_says_which_side(study):
    sentences = {sentence.split(":")[0]: sentence for sentence in finding(shares(study))}

    assert "toward audio in 5 of 5 categories" in sentences["LS-V"]
    assert "toward visual in 5 of 5 categories" in sentences["LS-A"]


@pytest.fixture(scope="module")
def three_seeds(tmp_path_factory):
    return open_study(draw_study(tmp_path_factory.mktemp("seeds"), [("across_vcross", "ls_a")], range(3), videos=30))


def test_over_seeds_the_mean_is_that_of_the_runs_and_the_interval_holds_their_spread(three_seeds):
    single = shares(three_seeds).groupby(["scope", "modality"])
    table = seeds(three_seeds).set_index(["scope", "modality"])

    assert set(table["seeds"]) == {3}
    for column in ("attention", "contribution"):
        assert table[column].to_dict() == pytest.approx(single[column].mean().to_dict())
        assert ((table[f"{column}_low"] <= table[column]) & (table[column] <= table[f"{column}_high"])).all()
    spread = single["attention"].agg(lambda values: values.max() - values.min())
    assert (table["attention_high"] - table["attention_low"] > spread).all()


def test_an_interval_over_samples_is_the_textbooks(single_run):
    """Mean over samples of the mean weight of audio over segments and categories, of 8 samples: a bootstrap of few."""
    of_samples = single_run.values("wav", "last")[:, :, 0].mean(axis=(1, 2), dtype=float)
    row = shares(open_study(single_run.path)).iloc[0]
    assert (row["scope"], row["modality"]) == ("all", "audio")
    half = stats.t.ppf(0.975, 7) * of_samples.std(ddof=1) / np.sqrt(8)
    assert row["attention_high"] - row["attention"] == pytest.approx(half, rel=0.1)


def test_of_one_seed_nothing_is_said_of_others(study):
    with pytest.raises(BadInputError, match="train more seeds"):
        seeds(study)
