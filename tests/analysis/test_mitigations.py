"""What mitigations change, beside none."""

import numpy as np
import pytest

import mbias
from mbias.analysis.compare import comparison
from mbias.analysis.mitigations import changes, finding
from mbias.errors import NotApplicableError
from tests.drawn_runs import draw_run

SEEDS = (0, 1, 2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three seeds without a mitigation and with one that takes three times as long."""
    folder = tmp_path_factory.mktemp("mitigated")
    for seed in SEEDS:
        draw_run(folder / f"none-{seed}", seed=seed, videos=30)
        draw_run(folder / f"ogm-{seed}", seed=seed, videos=30, mitigation="ogm_ge alpha=0.5", seconds=3.0)
    return folder


def quantity(table, name, of=""):
    return table[(table["quantity"] == name) & (table["of"] == of)].iloc[0]


def test_changes_are_those_of_the_comparison_with_none(folder):
    study = mbias.open_study(folder)
    table = changes(study)
    compared = comparison(study.select(mitigation="none"), study.select(mitigation="ogm_ge alpha=0.5"))

    assert set(table["mitigation"]) == {"ogm_ge alpha=0.5"}
    for name in ("type_average", "audio_only", "visual_only"):
        row = compared[(compared["quantity"] == name) & (compared["level"] == "segment")].iloc[0]
        found = quantity(table, name)
        assert (
            found[["none", "value", "difference_low"]].tolist()
            == row[["value_a", "value_b", "difference_low"]].tolist()
        )
    assert not table["quantity"].duplicated().any()


def test_the_least_use_is_the_share_of_the_modality_that_is_used_least_without(folder):
    table = changes(folder)
    use, balance = quantity(table, "use", of="audio"), quantity(table, "balance")

    # The drawn outputs fade most where the picture is replaced.
    assert balance["none"] < 0
    assert use["none"] == pytest.approx((1 + balance["none"]) / 2)
    assert use["difference"] == pytest.approx(balance["difference"] / 2)
    assert use["difference_low"] == pytest.approx(balance["difference_low"] / 2)
    shares = mbias.reliance(mbias.open_study(folder).select(mitigation="none"))
    assert use["none"] == pytest.approx(shares.set_index("modality").loc["audio", "share"], abs=1e-6)


def test_time_is_relative_to_none(folder):
    time = quantity(changes(folder), "time")
    assert (time["none"], time["value"], time["difference"]) == pytest.approx((1, 3, 2))
    assert np.isnan(time["p"])
    assert time["improvement"] == 1


def test_the_improvement_is_the_part_of_pairs_of_seeds(folder):
    study = mbias.open_study(folder)
    by_mitigation = {
        name: mbias.open_study(runs)
        for name in ("none", "ogm_ge alpha=0.5")
        for runs in [study.select(mitigation=name)]
    }
    table = {name: [mbias.attention(run, epoch="best") for run in runs] for name, runs in by_mitigation.items()}
    means = {
        name: [t[(t["scope"] == "all") & (t["modality"] == "audio")]["attention"].item() for t in tables]
        for name, tables in table.items()
    }
    wins = [a > b for a in means["ogm_ge alpha=0.5"] for b in means["none"]]
    assert quantity(changes(folder), "attention a")["improvement"] == pytest.approx(np.mean(wins))


def test_the_finding_names_what_is_raised(folder):
    table = changes(folder).assign(
        p=[0.01 if name in ("use", "type_average") else 0.5 for name in changes(folder)["quantity"]]
    )
    table.loc[table["quantity"] == "use", "difference"] = 0.1
    table.loc[table["quantity"] == "type_average", "difference"] = -0.1
    assert finding(table) == [
        "A_cross + V_cross, LS-V, 1 mitigation beside none (3 seeds, p adjusted): the use of audio is raised by ogm_ge "
        "alpha=0.5; Type@AV is lowered by ogm_ge alpha=0.5."
    ]
    nothing = finding(table.assign(p=0.5))[0]
    assert nothing.endswith(
        "the use of audio is changed by none beyond chance; Type@AV is changed by none beyond chance."
    )


def test_without_a_mitigation_the_question_does_not_apply(folder, tmp_path):
    study = mbias.open_study(folder)
    with pytest.raises(NotApplicableError, match="no run has a mitigation"):
        changes(study.select(mitigation="none"))
    with pytest.raises(NotApplicableError, match="no such setting without a mitigation to compare with"):
        changes(study.select(mitigation="ogm_ge alpha=0.5"))


def test_a_mitigation_without_its_none_is_left_out(folder, tmp_path):
    other = draw_run(tmp_path / "other", "across_vself", videos=30, mitigation="agm")
    table = changes([folder, other])
    assert list(table.attrs["left_out"]) == ["A_cross + V_self, LS-V, agm"]


def test_another_smoothing_is_compared_too(folder, tmp_path):
    for seed in SEEDS:
        draw_run(tmp_path / f"no-{seed}", smoothing="no_ls", seed=seed, videos=30)
    table = changes([folder, tmp_path])
    assert list(dict.fromkeys(table["mitigation"])) == ["ogm_ge alpha=0.5", "No-LS"]
    assert set(table["smoothing"]) == {"ls_v"}
    compared = comparison(mbias.open_study(folder).select(mitigation="none"), tmp_path).set_index("quantity")
    attention = table[(table["mitigation"] == "No-LS") & (table["quantity"] == "attention a")].iloc[0]
    assert attention["difference"] == pytest.approx(compared.loc["attention a", "difference"])
