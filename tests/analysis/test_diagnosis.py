from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mbias import Pass, Study, open_study, write_probe
from mbias.analysis import diagnosis
from mbias.analysis.measures.catalogue import estimates, of_use
from mbias.errors import NotApplicableError
from mbias.records.run import Run
from mbias.tables.layout import left_out
from tests.analysis.measures.modelled import modelled_run, sigmoid
from tests.drawn_runs import draw_external_probe, draw_run, draw_study


def _weighted(*weights):
    """Outputs of two modalities with these weights, one pair by category."""

    def function(a, v):
        return np.stack([sigmoid(x * a + y * v) for x, y in weights], axis=1)

    return function


def _inputs(size=200):
    rng = np.random.default_rng(1)
    return {"audio": rng.normal(size=size), "visual": rng.normal(size=size)}


def _run(path, *weights, size=200, **options):
    inputs = _inputs(size)
    # The same labels whatever the weights.
    weak = np.repeat((2 * inputs["audio"] + inputs["visual"] > 0)[:, None], len(weights), axis=1)
    return modelled_run(path, _weighted(*weights), inputs, weak, **options)


def _verdicts(*runs):
    return diagnosis.verdicts(Study(runs))


def _sentence(*runs):
    (sentence,) = diagnosis.finding(_verdicts(*runs))
    return sentence


def test_a_verdict_has_what_it_rests_on(tmp_path):
    row = _verdicts(_run(tmp_path / "mine", (3.0, 1.0))).iloc[0]

    assert (row["run"], row["verdict"], row["flags"], row["contradicts"]) == ("mine", "biased toward audio", "", "")
    assert (row["first"], row["second"], row["level"]) == ("audio", "visual", 0.95)
    assert 0.2 < row["balance_low"] < row["balance"] < row["balance_high"] < 1
    assert row["size_low"] < row["size"] < row["size_high"]
    assert row["interaction_low"] < row["interaction"] < row["interaction_high"]
    assert np.isnan(row["attention"])
    assert not row["misleads"]
    assert row[["seeds_needed", "samples_needed"]].isna().all()
    assert row["samples"] == 200


def test_the_sentence_of_one_seed_is_about_this_network(tmp_path):
    sentence = _sentence(_run(tmp_path / "mine", (3.0, 1.0)))

    assert sentence.startswith("mine: biased toward audio; balance of audio and visual +0.")
    assert "one seed, 200 samples: holds for this trained network, not for its training" in sentence


def test_the_sentence_of_several_seeds_counts_them(tmp_path):
    runs = [_run(tmp_path / str(seed), (3.0, 1.0 + 0.05 * seed), seed=seed) for seed in range(3)]

    assert "(3 seeds, 200 samples)" in _sentence(*runs)
    assert "this trained network" not in _sentence(*runs)


def test_balanced_is_said_with_the_interval_that_it_rests_on(tmp_path):
    run = _run(tmp_path / "mine", (2.0, 2.0), size=600)
    row = _verdicts(run).iloc[0]

    assert (row["verdict"], row["level"]) == ("balanced", 0.9)
    assert row["p_balanced"] <= 0.05
    assert f"[{row['balance_low']:+.2f}, {row['balance_high']:+.2f}] at 90 %" in _sentence(run)


def test_why_there_is_nothing_to_attribute_is_said(tmp_path):
    inputs = _inputs(4000)
    label = (inputs["audio"] > 0)[:, None]
    constant = modelled_run(tmp_path / "constant", lambda a, v: (0.3 + 1e-6 * (a > 0))[:, None], inputs, label)
    unrelated = np.random.default_rng(5).random((4000, 1)) < 0.5
    shuffled = modelled_run(tmp_path / "shuffled", _weighted((3.0, 1.0)), inputs, unrelated)

    assert "nothing to attribute; the outputs change by less than 5% of a perfect predictor's;" in _sentence(constant)
    assert "nothing to attribute; the outputs do not tell present labels from absent ones" in _sentence(shuffled)
    assert "balance" not in _sentence(constant)


def test_why_a_verdict_is_undetermined_is_said_where_it_is_not_the_balance(tmp_path):
    inputs = _inputs()
    unrelated = np.random.default_rng(5).random((200, 1)) < 0.5
    sentence = _sentence(modelled_run(tmp_path / "mine", _weighted((3.0, 1.0)), inputs, unrelated))

    assert "; it is not certain that the outputs tell present labels from absent ones; record more samples" in sentence
    assert "times as many samples" not in sentence


def test_flags_are_said(tmp_path):
    rng = np.random.default_rng(1)
    inputs = {name: rng.random(400) < 0.5 for name in ("audio", "visual")}
    label = (inputs["audio"] ^ inputs["visual"])[:, None]
    run = modelled_run(tmp_path / "mine", lambda a, v: (0.1 + 0.8 * (a ^ v))[:, None], inputs, label)

    assert _verdicts(run)["flags"].item() == "synergic"
    assert _sentence(run).endswith("; synergic.")


def test_more_samples_would_decide_an_undetermined_verdict_of_one_seed(tmp_path):
    run = _run(tmp_path / "mine", (2.0, 1.4), size=100)
    row = _verdicts(run).iloc[0]

    assert row["verdict"] == "undetermined"
    assert np.isnan(row["seeds_needed"])
    assert 1 < row["samples_needed"] < np.inf
    assert f"; about {row['samples_needed']:.1f} times as many samples would decide it for this network" in _sentence(
        run
    )
    assert _sentence(run).endswith("; how much seeds differ is not known.")


def test_more_seeds_would_decide_an_undetermined_verdict_of_seeds_that_differ(tmp_path):
    runs = [_run(tmp_path / str(s), (2.0, w), size=1500, seed=s) for s, w in enumerate((0.9, 1.1, 1.7, 1.3))]
    row = _verdicts(*runs).iloc[0]

    assert row["verdict"] == "undetermined"
    assert 4 < row["seeds_needed"] <= 100
    assert f"about {row['seeds_needed']:.0f} seeds" in _sentence(*runs)
    assert "would decide it, if the balance stays the same." in _sentence(*runs)


def test_two_of_three_modalities_that_are_used_alike_stay_undetermined(tmp_path):
    rng = np.random.default_rng(3)
    inputs = {name: rng.normal(size=600) for name in ("audio", "visual", "text")}

    def function(a, v, t):
        return sigmoid(2 * a + 2 * v + 0.3 * t)[:, None]

    run = modelled_run(tmp_path / "mine", function, inputs, function(*inputs.values()) > 0.5)
    row = _verdicts(run).iloc[0]

    assert (row["verdict"], row["samples_needed"]) == ("undetermined", np.inf)
    assert "with these balances, more samples would not decide it" in _sentence(run)


def test_of_three_modalities_the_one_that_matters_is_named(tmp_path):
    rng = np.random.default_rng(3)
    inputs = {name: rng.normal(size=300) for name in ("audio", "visual", "text")}
    run = modelled_run(
        tmp_path / "mine", lambda a, v, t: sigmoid(3 * t)[:, None], inputs, (inputs["text"] > 0)[:, None]
    )
    table = _verdicts(run)

    assert table["verdict"].item() == "uses text alone"
    assert table["first"].item() == "text"
    # The measures of two modalities do not apply; the verdict itself is not among what is left out.
    assert not any("use (permuted)" in note for note in left_out(table))
    assert any(note.startswith("Left out: use (swapped), ") and "and the run has 3" in note for note in left_out(table))


def test_without_labels_there_is_a_verdict(tmp_path):
    run = modelled_run(tmp_path / "mine", _weighted((3.0, 1.0)), _inputs())
    table = _verdicts(run)

    assert table["verdict"].item() == "biased toward audio"
    assert not any("use (permuted)" in note for note in left_out(table))


def test_donors_without_a_common_label_can_contradict(tmp_path):
    inputs = _inputs()
    weak = np.stack([inputs["audio"] > 0, inputs["audio"] <= 0], axis=1)

    def model(a, v):
        return np.stack([sigmoid(3 * a + v), 1 - sigmoid(3 * a + v)], axis=1)

    def only_the_picture(a, v):
        """What comes out where only the picture counts with such donors."""
        whole = model(inputs["audio"], inputs["visual"])
        return np.where((v != inputs["visual"])[:, None], 1 - whole, whole)

    same, other = (
        modelled_run(tmp_path / name, model, inputs, weak, swapped=swapped)
        for name, swapped in (("same", model), ("other", only_the_picture))
    )
    assert _verdicts(same)["verdict"].item() == "biased toward audio"
    assert _verdicts(same)["contradicts"].item() == ""
    assert _verdicts(other)["contradicts"].item().split("|")[0] == "use (swapped)"
    assert "; depends on the stand-in; use (swapped) and swap (swapped) contradict this" in _sentence(other)
    assert "depends on the stand-in" in _verdicts(other)["flags"].item().split("|")
    assert "contradict" not in _sentence(same)


def test_attention_that_points_elsewhere_is_said(tmp_path):
    """Under LS-V the drawn attention is on audio; what p_wsl depends on is the picture."""
    run = Run(draw_run(tmp_path / "run", smoothing="ls_v", videos=80, categories=3))
    table = _verdicts(run)

    assert table["verdict"].item() == "biased toward visual"
    assert table["attention"].item() > 0.5
    assert table["misleads"].item()
    assert "the attention, W_a = 0." in _sentence(run)
    assert "favours the other modality" in _sentence(run)


def test_categories_with_enough_positives_have_verdicts_and_the_others_are_named(tmp_path):
    inputs = _inputs()

    def function(a, v):
        return _weighted((3.0, 0.5), (3.0, 0.5), (3.0, 0.5), (1.0, 3.0))(a, v)

    weak = function(*inputs.values()) > 0.5
    weak[:, 1] = weak[:, 2] & (np.cumsum(weak[:, 2]) <= 19)
    weak[:, 2] &= np.cumsum(weak[:, 2]) <= 20
    run = modelled_run(tmp_path / "mine", function, inputs, weak)
    table = diagnosis.categories(Study((run,)))

    assert list(table["category"]) == ["C0", "C2", "C3"]
    assert list(table["samples"]) == [weak[:, c].sum() for c in (0, 2, 3)]
    assert table["samples"].iloc[1] == 20
    assert left_out(table) == ["Left out: C1 (fewer than 20 labelled samples)."]
    assert table["p"].between(0, 1).all()
    assert list(table["discordant"]) == [False, False, True]
    assert _verdicts(run)["discordant"].item() == "C3"
    assert _verdicts(run)["discordant_number"].item() == 1
    assert "; 1 discordant category: C3; 1 category of fewer than 20 labelled samples is not judged." in _sentence(run)


def test_where_no_modality_is_named_no_category_is_discordant(tmp_path):
    run = _run(tmp_path / "mine", (3.0, 1.0), (1.0, 3.0), size=600)

    assert _verdicts(run)["verdict"].item() == "balanced"
    assert not diagnosis.categories(Study((run,)))["discordant"].any()


def test_where_samples_make_seeds_uncertain_no_number_of_seeds_is_named(tmp_path):
    runs = [_run(tmp_path / str(s), (2.0, w), size=100, seed=s) for s, w in enumerate((1.5, 1.52, 1.48))]
    row = _verdicts(*runs).iloc[0]

    assert row["verdict"] == "undetermined"
    assert np.isnan(row["seeds_needed"])
    assert f"; about {row['samples_needed']:.1f} times as many samples would decide it" in _sentence(*runs)


def test_where_nothing_would_decide_it_that_is_said(tmp_path):
    runs = [_run(tmp_path / str(s), (2.0, w), size=100, seed=s) for s, w in enumerate((0.9, 2.1, 1.3))]
    row = _verdicts(*runs).iloc[0]

    assert np.isnan(row["seeds_needed"])
    assert row["samples_needed"] == np.inf
    assert _sentence(*runs).endswith("if the balance stays the same, no number of seeds up to 100 would decide it.")


def test_without_a_category_of_enough_positives_there_is_no_table_of_them(tmp_path):
    with pytest.raises(NotApplicableError, match="fewer than 20 labelled samples in each; record more samples"):
        diagnosis.categories(Study((_run(tmp_path / "mine", (3.0, 1.0), size=24),)))


def _with_old_probe(path, **options):
    """A run whose probe has the passes of the mean baseline alone."""
    draw_run(path, **options)
    run = Run(path)
    joint = run.values("p_joint")
    replaced = [("audio",), ("visual",), ("audio", "visual")]
    write_probe(
        run, "last", {Pass(): {"p_joint": joint}, **{Pass("mean", m): {"p_joint": joint / 2} for m in replaced}}
    )
    return run


def test_an_old_probe_says_which_pass_is_missing_and_how_to_make_it(tmp_path):
    trained, external = _with_old_probe(tmp_path / "trained"), draw_external_probe(tmp_path / "external")

    for function in (diagnosis.verdicts, diagnosis.categories):
        with pytest.raises(
            NotApplicableError, match=r"no pass with audio replaced by 'permuted'; run `mbias probe .*trained`"
        ):
            function(trained.path)
        with pytest.raises(
            NotApplicableError, match=r"replaced by 'permuted'; call mbias\.probe .* mbias\.write_probe"
        ):
            function(external)


def test_beside_settings_with_a_verdict_an_old_probe_is_left_out(tmp_path):
    draw_study(tmp_path, [("across_vcross", "ls_a")], videos=40)
    _with_old_probe(tmp_path / "old")
    table = diagnosis.verdicts(tmp_path)

    assert list(table["smoothing"]) == ["ls_a"]
    assert any(note.startswith("Left out: use (permuted) (old: ") for note in left_out(table))


def test_estimates_may_be_given(tmp_path):
    study = open_study(draw_study(tmp_path, [("across_vcross", s) for s in ("ls_a", "ls_v")], videos=40))

    pd.testing.assert_frame_equal(diagnosis.verdicts(study, estimates(study)), diagnosis.verdicts(study))
    pd.testing.assert_frame_equal(diagnosis.categories(study, of_use(study)), diagnosis.categories(study))


def test_what_happened_in_training_explains_the_verdict(tmp_path):
    study = open_study(draw_run(tmp_path / "run", videos=40))
    table = diagnosis.verdicts(study)

    (sentence,) = diagnosis.explanations(table, study)
    assert sentence.startswith("In training, A_cross + V_cross, LS-V: L_wsl followed L_")
    assert "one piece of evidence" in sentence
    assert diagnosis.finding(table, study) == [*diagnosis.finding(table), sentence]


def test_what_the_balance_of_each_measure_would_say(tmp_path):
    table = diagnosis.measures(draw_study(tmp_path, [("across_vself", "no_ls")], videos=40))

    assert set(table["verdict"]) <= {"biased toward audio", "biased toward visual", "balanced", "undetermined"}
    assert "cross (p, cross)" not in set(table["measure"])
    by_name = table.set_index("measure")
    assert by_name.loc["use (permuted)", "causal"]
    assert not by_name.loc["attention", "causal"]
    assert (table["balance_low"] <= table["balance"]).all()
    assert (table["balance"] <= table["balance_high"]).all()
