"""What a figure shows, in one sentence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mbias
from mbias.analysis import attention, losses, mechanism
from mbias.reports import headlines
from tests.drawn_runs import draw_study
from tests.other_models import record_other


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    settings = [("across_vcross", "ls_a"), ("across_vcross", "ls_v")]
    return mbias.open_study(draw_study(tmp_path_factory.mktemp("headlines"), settings, videos=30))


def test_attention_is_the_mean_of_each_setting(study):
    means = mbias.attention(study).query("scope == 'all' and modality == 'audio'")["attention"]

    assert headlines.attention(mbias.attention(study)) == (
        f"Mean W_a of A_cross + V_cross is {means.iloc[0]:.2f} in LS-A and {means.iloc[1]:.2f} in LS-V."
    )


def test_movement_goes_from_the_first_epoch_to_the_last(study):
    sentence = headlines.movement(mbias.attention(study, table="movement"))
    table = mbias.attention(study, table="movement").query("scope == 'all' and modality == 'audio'")
    first = table[table["smoothing"] == "ls_a"]["attention"]

    assert sentence.startswith("Between epochs 1 and 3, mean W_a of A_cross + V_cross changes from ")
    assert f"from {first.iloc[0]:.2f} to {first.iloc[-1]:.2f} in LS-A" in sentence


def test_optima_count_the_categories_on_the_same_side(study):
    table = mbias.mechanism(study)
    same = (table["optimum"] > 0.5) == (table["trained"] > 0.5)

    assert f"{same[table['smoothing'] == 'ls_a'].mean():.0%} of the categories in LS-A" in headlines.optima(table)


def test_measures_span_the_balances(study):
    table = mbias.reliance(study, table="measures")
    balances = table[(table["measure"] == "use (permuted)") & (table["modality"] == "audio")]["balance"]
    sentence = headlines.measures(table)

    assert f"{(balances > 0).sum()} of 2 settings" in sentence
    assert f"{balances.min():+.2f} [" in sentence
    assert f"{balances.max():+.2f} [" in sentence
    sentence_of_one = headlines.measures(table[table["smoothing"] == "ls_a"])
    assert sentence_of_one.startswith("The balance of use (permuted) is ")
    assert headlines.measures(table.assign(balance=np.nan)) == "The balance of use (permuted) is not known."


def test_use_names_the_modality_on_which_most_depends(study):
    table = mbias.reliance(study)
    visual = (table["modality"] == "visual") & (table["share"] > 0.5)

    assert headlines.use(table) == "The outputs depend most on visual in 2 of 2 settings."
    assert visual.sum() == 2
    assert headlines.use(table.assign(help_high=-0.1)).endswith(" A modality harms in 2 settings.")
    assert headlines.use(table.assign(share=np.nan)) == "The outputs of 2 settings depend on no modality."
    of_one = headlines.use(table[table["smoothing"] == "ls_a"])
    assert of_one.startswith("The outputs of A_cross + V_cross, LS-A depend most on visual: a share of 0.")


def test_verdicts_are_counted(study):
    table = mbias.diagnosis(study)
    counts = table["verdict"].value_counts()

    for verdict, count in counts.items():
        assert f"{count} {verdict}" in headlines.verdicts(table)
    of_one = headlines.verdicts(table.iloc[:1])
    assert of_one.startswith(f"A_cross + V_cross, LS-A: {table['verdict'].iloc[0]}; balance ")
    nothing = headlines.verdicts(table.iloc[:1].assign(verdict="nothing to attribute"))
    assert nothing == "A_cross + V_cross, LS-A: nothing to attribute."


def test_verdicts_on_categories_are_counted():
    verdicts = ["balanced", "biased toward audio", "nothing to attribute", "balanced"]
    table = pd.DataFrame(
        {"verdict": verdicts, "category": ["a", "b", "a", "b"], "discordant": [False, True, False, False]}
        | {"run": ["x", "x", "y", "y"], "variant": None, "smoothing": None, "mitigation": None, "control": None}
    )

    assert headlines.categories(table) == (
        "2 categories in 2 settings: 2 balanced, 1 biased toward audio and 1 nothing to attribute; 1 discordant."
    )


def test_the_largest_difference_that_holds_is_named():
    columns = ["quantity", "level", "difference", "difference_low", "difference_high", "p_holm"]
    rows = [("audio", "event", 0.2, 0.1, 0.3, 0.01), ("balance", "", -0.9, -1.0, -0.8, 0.2)]
    table = pd.DataFrame(rows, columns=columns)

    assert headlines.differences(table) == (
        "1 of 2 differences is significant at 5 % after Holm's correction; the largest is that of event-level Audio, "
        "+0.200 [+0.100, +0.300]."
    )
    assert headlines.differences(table.iloc[1:]).startswith("None of 1 differences is significant at 5 %")


def test_of_three_modalities_the_one_that_stands_out_is_named(tmp_path):
    path = record_other(tmp_path / "run", stand_ins=())

    assert headlines.attention(attention.shares(path)) == "The mean weight is largest on text in run (0.63)."
    assert headlines.movement(attention.movement(path)).endswith("mean W_text changes from 0.42 to 0.63 in run.")
    assert "L_total is" in headlines.losses(losses.coincidence(path))
    assert "the same side of 0.33" in headlines.optima(mechanism.optima(path))
