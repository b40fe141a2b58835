from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mbias import Run, open_study
from mbias.analysis import reliance
from mbias.analysis.compare import Kind, comparison, differences, finding
from mbias.analysis.per_run.sample_scores import sample_scores
from mbias.cli.analyze import main
from mbias.errors import BadInputError
from mbias.scores.f_scores import f_scores, predictions
from mbias.stats.significance import holm
from tests.drawn_runs import draw_run, draw_study
from tests.other_models import MODALITIES, record_other


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    for name, smoothing in (("a", "ls_a"), ("b", "ls_v")):
        draw_study(folder / name, [("across_vcross", smoothing)], seeds=range(6), videos=20)
    return folder / "a", folder / "b"


def _type_average(run):
    truth = np.stack([run.truth["audio"], run.truth["visual"]], axis=2)
    return f_scores(predictions(run.values("p", "best"), run.values("p_joint", "best")), truth)[:, 0, 3].mean()


def test_differences_are_paired_by_seed(two):
    a, b = map(open_study, two)
    row = comparison(a, b).query("quantity == 'type_average' and level == 'segment'").iloc[0]
    differences = [_type_average(y) - _type_average(x) for x, y in zip(a, b, strict=True)]

    assert row["difference"] == pytest.approx(np.mean(differences))
    assert row["d_z"] == pytest.approx(np.mean(differences) / np.std(differences, ddof=1))
    assert row["tested"] == "seeds and samples"
    assert row["seeds"] == 6


def test_a_difference_far_from_zero_is_significant_after_holms_correction(two):
    table = comparison(*map(open_study, two))
    row = table.query("quantity == 'attention a'").iloc[0]

    assert row["difference_low"] > 0.5
    assert row["cliffs_delta"] == 1
    assert row["p"] <= row["p_holm"] < 0.01
    assert "(6 seeds, over seeds and samples; Holm)" in finding(table)[0]


def test_p_is_at_most_5_percent_only_where_the_interval_excludes_zero(two):
    table = comparison(*map(open_study, two))
    off = (table["difference_low"] > 0) | (table["difference_high"] < 0)

    assert off[table["p"] <= 0.05].all()
    assert (table.loc[~off, "p"] > 0.05).all()


def test_a_study_against_itself_has_no_difference(two):
    study = open_study(two[0])
    table = comparison(study, study)

    assert (table["difference"] == 0).all()
    assert (table["p"] == 1).all()
    assert f"no difference in {len(table)} quantities is significant at 5 %" in finding(table)[0]


def test_one_run_each_is_tested_over_samples(tmp_path):
    a, b = (open_study(draw_run(tmp_path / name, smoothing=name, videos=20)) for name in ("ls_a", "ls_v"))
    table = comparison(a, b)

    assert set(table["tested"]) == {"samples"}
    assert table["p"].between(0, 1).all()
    assert "these two networks: " in finding(table)[0]
    assert "(one seed, over samples; Holm; other seeds may differ)" in finding(table)[0]


def test_with_one_seed_p_is_that_of_the_paired_t_test(tmp_path):
    a, b = (Run(draw_run(tmp_path / name, smoothing=name, videos=40)) for name in ("ls_a", "ls_v"))
    row = comparison(a, b).query("quantity == 'audio' and level == 'segment'").iloc[0]
    of_samples = [sample_scores(run)[:, 0, 0] for run in (b, a)]

    assert row["p"] == pytest.approx(stats.ttest_rel(*of_samples).pvalue, abs=0.02)


def _mean(values):
    """One kind of a mean and its parts, from values (seed, sample, side)."""
    parts = np.stack([values, np.ones_like(values)], axis=-1)[..., None, :]
    return Kind("means", [("mean", "")], None), parts


def test_groups_of_equal_samples_count_once():
    rng = np.random.default_rng(2)
    values = rng.normal(0, 1, (3, 40, 2))
    (alone,) = differences(*_mean(values))
    kind, repeated = _mean(np.repeat(values, 5, axis=1))
    (grouped,) = differences(kind, repeated, np.repeat(np.arange(40).astype(str), 5))
    (independent,) = differences(kind, repeated)

    assert grouped["tested"] == "seeds and groups"
    assert grouped["difference"] == pytest.approx(alone["difference"])
    for end in ("difference_low", "difference_high", "p"):
        assert grouped[end] == pytest.approx(alone[end], abs=0.04)
    width = grouped["difference_high"] - grouped["difference_low"]
    assert independent["difference_high"] - independent["difference_low"] < 0.8 * width


@pytest.mark.parametrize("spread", [0.001, 0.02])
def test_ten_points_are_found_with_six_seeds_and_no_difference_is_not(spread):
    """12 independent quantities: without a difference, Holm's correction is right for at most 5 % of the studies."""
    rng = np.random.default_rng(4)

    def adjusted(effect, seeds):
        p = []
        for _ in range(12):
            values = rng.normal(0, 0.2, (1, 60, 1)) + spread * rng.normal(0, 1, (seeds, 1, 2)) + (0, effect)
            p.append(differences(*_mean(values + rng.normal(0, 0.1, (seeds, 60, 2))))[0]["p"])
        return holm(np.array(p))

    assert (adjusted(0.1, 6) <= 0.05).all()
    false = [(adjusted(0.0, 3) <= 0.05).any() for _ in range(40)]
    assert np.mean(false) <= 0.1


def test_what_cannot_be_paired_is_said(tmp_path):
    a = open_study(draw_study(tmp_path / "a", [("across_vcross", "ls_a")], seeds=(0, 1)))
    b = open_study(draw_study(tmp_path / "b", [("across_vcross", "ls_v")], seeds=(2, 3)))
    c = open_study(draw_run(tmp_path / "c", videos=9))

    with pytest.raises(BadInputError, match="no seed in common"):
        comparison(a, b)
    with pytest.raises(BadInputError, match="different samples"):
        comparison(a, c)


def test_the_command_prints_the_table_and_what_it_says(two, capsys):
    assert main(["compare", str(two[0]), str(two[1])]) == 0
    printed = capsys.readouterr()
    assert "B - A" in printed.out
    assert "A_cross + V_cross, LS-V against A_cross + V_cross, LS-A" in printed.out
    assert main(["compare", str(two[0]), str(two[1]), "--format", "json"]) == 0


def test_the_share_of_each_of_three_modalities_is_compared(tmp_path):
    a, b = (record_other(tmp_path / f"run{seed}", MODALITIES[:3], seed=seed) for seed in (0, 1))
    table = comparison(a, b)
    rows = table[table["quantity"].str.startswith("share")].set_index("quantity")
    shares = [reliance.use(path).set_index("modality")["share"] for path in (a, b)]

    assert list(rows.index) == ["share text", "share image", "share sensor"]
    assert rows["value_a"].tolist() == pytest.approx(shares[0].tolist())
    assert rows["difference"].tolist() == pytest.approx((shares[1] - shares[0]).tolist())
    # Shares add up to 1, so their differences add up to 0.
    assert rows["difference"].sum() == pytest.approx(0, abs=1e-12)
    assert (rows["difference_low"] < rows["difference"]).all()
    assert table["p_holm"].to_numpy() == pytest.approx(holm(table["p"].to_numpy()))


def test_f_scores_of_other_events_are_named_after_them(tmp_path):
    path = record_other(tmp_path / "run", MODALITIES[:2], segments=True)
    table = comparison(path, path)

    assert table["quantity"].tolist()[:3] == ["text", "image", "text and image"]
    assert "attention text" in set(table["quantity"])
