"""Measures by hand and by plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from mbias import Run, Study, open_study
from mbias.analysis import reliance
from mbias.analysis.measures.catalogue import estimates
from mbias.analysis.measures.coalitions import FEWEST
from mbias.errors import BadInputError, NotApplicableError
from mbias.passes import WHOLE, Pass
from mbias.records.probes import read_probe
from mbias.tables.layout import left_out
from tests.analysis.measures.modelled import modelled_run, sigmoid, use_of
from tests.drawn_runs import TABLE, draw_external_probe, draw_run, draw_study


@pytest.fixture(scope="module")
def single_run(tmp_path_factory):
    return Run(draw_run(tmp_path_factory.mktemp("reliance") / "one", videos=40, categories=3))


@pytest.fixture(scope="module")
def table(single_run):
    return reliance.measures(Study((single_run,)))


def _of(table, measure, outcome="", baseline=""):
    rows = table[(table["kind"] == measure) & (table["outcome"] == outcome) & (table["baseline"] == baseline)]
    return {row.modality: row.value for row in rows.itertuples()}


def _answers(run, baseline):
    probe = read_probe(run)
    replaced = [(), ("visual",), ("audio",), ("audio", "visual")]
    return [probe.values(WHOLE if not names else Pass(baseline, names), "p_joint").astype(float) for names in replaced]


def _probability(run, joint, category):
    """Mean p_wsl where the label is present, by a plain loop."""
    weak = run.truth["weak"]
    values = [joint[n, category] for n in range(len(joint)) if weak[n, category]]
    return sum(values) / len(values)


def _f_score(run, joint, category):
    weak = run.truth["weak"]
    tp = fp = fn = 0
    for n in range(len(joint)):
        predicted, true = joint[n, category] >= 0.5, weak[n, category]
        tp, fp, fn = tp + (predicted and true), fp + (predicted and not true), fn + (not predicted and true)
    return 2 * tp / (2 * tp + fp + fn)


def _mean_over_categories(run, outcome, joint):
    kept = [c for c in range(3) if run.truth["weak"][:, c].sum() >= FEWEST]
    return sum(outcome(run, joint, c) for c in kept) / len(kept)


@pytest.mark.parametrize(("name", "outcome"), [("probability", _probability), ("f_score", _f_score)])
def test_shapley_by_plain_loops(single_run, table, name, outcome):
    av, a, v, none = (_mean_over_categories(single_run, outcome, joint) for joint in _answers(single_run, "mean"))
    computed = _of(table, "Shapley", name, "mean")

    assert computed["audio"] == pytest.approx(0.5 * (av - v + a - none))
    assert computed["visual"] == pytest.approx(0.5 * (av - a + v - none))


def test_log_loss_shapley_by_plain_loops(single_run, table):
    def log_loss(run, joint, category):
        weak = run.truth["weak"]
        p = [min(max(joint[n, category], 1e-7), 1 - 1e-7) for n in range(len(joint))]
        return sum(np.log(q) if weak[n, category] else np.log(1 - q) for n, q in enumerate(p)) / len(p)

    av, a, v, none = (_mean_over_categories(single_run, log_loss, joint) for joint in _answers(single_run, "mean"))
    assert _of(table, "Shapley", "log_loss", "mean")["audio"] == pytest.approx(0.5 * (av - v + a - none))


def test_drop_and_cooperation_by_plain_loops(single_run, table):
    av, a, v, none = (_mean_over_categories(single_run, _probability, joint) for joint in _answers(single_run, "mean"))
    zero = [_mean_over_categories(single_run, _probability, joint) for joint in _answers(single_run, "zero")]

    assert _of(table, "drop", "probability", "mean") == pytest.approx({"audio": av - v, "visual": av - a})
    assert _of(table, "drop", "probability", "zero") == pytest.approx(
        {"audio": zero[0] - zero[2], "visual": zero[0] - zero[1]}
    )
    assert _of(table, "cooperation", "probability", "mean") == pytest.approx({"both": av - a - v + none})


def test_perceptual_score_and_utilisation_by_plain_loops(single_run, table):
    permuted = [_mean_over_categories(single_run, _f_score, joint) for joint in _answers(single_run, "permuted")]
    mean = [_mean_over_categories(single_run, _f_score, joint) for joint in _answers(single_run, "mean")]

    assert _of(table, "perceptual", "f_score", "permuted")["visual"] == pytest.approx(
        (permuted[0] - permuted[1]) / permuted[0]
    )
    assert _of(table, "utilisation", "f_score", "mean")["audio"] == pytest.approx((mean[0] - mean[2]) / mean[0])


def test_swap_by_plain_loops(single_run, table):
    probe, weak = read_probe(single_run), single_run.truth["weak"]
    swapped = Pass("swapped", ("visual",))
    donors, joint = probe.values(swapped, "donors"), probe.values(swapped, "p_joint")
    of_category = []
    for c in range(3):
        follows = []
        for n in range(len(weak)):
            if weak[n, c] and donors[n] >= 0:
                own = np.mean([joint[n, k] for k in range(3) if weak[n, k]])
                on_donor = np.mean([joint[n, k] for k in range(3) if weak[donors[n], k]])
                follows.append(1.0 if on_donor > own else 0.5 if on_donor == own else 0.0)
        of_category.append(np.mean(follows))

    assert _of(table, "swap", "", "swapped")["visual"] == pytest.approx(np.mean(of_category))


def test_segment_f_score_by_plain_loops(single_run, table):
    probe = read_probe(single_run)

    def f_audio(replaced_pass):
        p, joint = probe.values(replaced_pass, "p"), probe.values(replaced_pass, "p_joint")
        scores = []
        for c in range(3):
            tp = fp = fn = 0
            for n in range(len(p)):
                for t in range(p.shape[1]):
                    predicted = p[n, t, 0, c] >= 0.5 and joint[n, c] >= 0.5
                    true = single_run.truth["audio"][n, t, c]
                    tp, fp, fn = tp + (predicted and true), fp + (predicted and not true), fn + (not predicted and true)
            scores.append(2 * tp / (2 * tp + fp + fn))
        return np.mean(scores)

    expected = f_audio(WHOLE) - f_audio(Pass("mean", ("visual",)))
    assert _of(table, "drop", "f_audio", "mean")["visual"] == pytest.approx(expected)


def test_branch_scores_and_contribution_by_plain_loops(single_run, table):
    wav, wtp, p = (single_run.values(name, "last") for name in ("wav", "wtp", "p"))
    weak = single_run.truth["weak"]
    scores, shares = [], []
    for c in range(3):
        having = [n for n in range(len(weak)) if weak[n, c]]
        scores.append(np.mean([sum(wtp[n, t, 0, c] * p[n, t, 0, c] for t in range(10)) for n in having]))
        phi = [
            [sum(wtp[n, t, m, c] * wav[n, t, m, c] * p[n, t, m, c] for t in range(10)) for m in range(2)]
            for n in having
        ]
        shares.append(np.mean([both[0] / sum(both) for both in phi]))

    assert _of(table, "branch score")["audio"] == pytest.approx(np.mean(scores), abs=1e-6)
    assert _of(table, "contribution")["audio"] == pytest.approx(np.mean(shares), abs=1e-6)


def test_intervals_hold_their_estimates_and_balances_their_range(table):
    known = table.dropna(subset=["balance"])

    assert (known["value_low"] <= known["value"]).all()
    assert (known["value"] <= known["value_high"]).all()
    assert known["balance_low"].min() >= -1
    assert known["balance_high"].max() <= 1


def test_a_run_without_a_probe_says_how_to_get_one(tmp_path):
    path = draw_run(tmp_path / "run", probe=False)

    with pytest.raises(BadInputError, match=r"not probed.*run `mbias probe"):
        reliance.measures(open_study(path))


def test_measures_that_follow_the_same_inputs_agree(tmp_path):
    table = reliance.agreement(open_study(draw_study(tmp_path, TABLE[:5], seeds=(0, 1), videos=60)))
    row = table[(table["over"] == "settings") & (table["other"] == "drop (p, mean)")].iloc[0]
    of_shapley = table[(table["measure"] == "Shapley (p, mean)") & (table["other"] == "drop (p, mean)")]

    assert row["number"] == 5
    assert (of_shapley["rho"] > 0.3).all()
    assert list(of_shapley["number"]) == [5, 10]
    assert table["rho"].dropna().between(-1, 1).all()
    assert table["rho_low"].dropna().between(-1, 1).all()


@pytest.fixture(scope="module")
def additive(tmp_path_factory):
    """A run whose outputs depend on audio twice as much as on the picture, in three of four categories."""
    rng = np.random.default_rng(1)
    inputs = {name: rng.normal(size=100) for name in ("audio", "visual")}

    def function(a, v):
        return np.stack([sigmoid(2 * a + v)] * 3 + [sigmoid(a + 2 * v)], axis=1)

    weak = function(*inputs.values()) > 0.5
    weak[:, 1] &= np.cumsum(weak[:, 1]) <= 19
    return modelled_run(tmp_path_factory.mktemp("use") / "mine", function, inputs, weak)


def test_the_table_of_use_is_what_use_estimates(additive):
    used, table = use_of(additive), reliance.use(additive)

    assert list(table["modality"]) == ["audio", "visual"]
    for m, row in enumerate(table.itertuples()):
        assert row.change == pytest.approx(np.sqrt(used.change[m].point[0] / 4))
        assert (row.share, row.interaction) == (used.share[m].point[0], used.interaction.point[0])
        assert row.help == used.help("squared_error")[m].point[0]
        assert row.help_log_loss == used.help("log_loss")[m].point[0]
        for name in ("change", "share", "help", "help_log_loss", "interaction"):
            assert getattr(row, f"{name}_low") < getattr(row, name) < getattr(row, f"{name}_high")
    assert table["share"].sum() == pytest.approx(1)


def test_what_use_shows_is_said(additive):
    table = reliance.use(additive)
    (sentence,) = reliance.finding(table)
    audio, visual = table.itertuples()

    assert sentence.startswith("mine: the share of the change when a modality is that of other samples is ")
    assert f"{audio.share:.2f} [{audio.share_low:.2f}, {audio.share_high:.2f}] for audio, " in sentence
    assert f"{visual.share:.2f} [{visual.share_low:.2f}, {visual.share_high:.2f}] for visual" in sentence
    assert f"the squared error then changes by {audio.help:+.2g} [" in sentence


def test_without_labels_it_is_not_known_whether_a_modality_helps(tmp_path):
    rng = np.random.default_rng(1)
    inputs = {name: rng.normal(size=50) for name in ("audio", "visual")}
    table = reliance.use(modelled_run(tmp_path / "mine", lambda a, v: sigmoid(a + v)[:, None], inputs))

    assert table[["help", "help_low", "help_log_loss"]].isna().all(axis=None)
    assert reliance.finding(table)[0].endswith("] for visual.")


def test_categories_of_use_are_those_with_enough_labels(additive):
    used, table = use_of(additive), reliance.categories(additive)
    weak = additive.truth["weak"]

    assert list(table["category"].unique()) == ["C0", "C2", "C3"]
    assert list(table["samples"]) == [n for c in (0, 2, 3) for n in [weak[:, c].sum()] * 2]
    assert list(table["change"]) == [
        pytest.approx(np.sqrt(used.change[m].point[1 + c])) for c in (0, 2, 3) for m in (0, 1)
    ]
    assert left_out(table) == ["Left out: C1 (fewer than 20 labelled samples)."]


def test_without_permuted_passes_use_does_not_apply(tmp_path):
    with pytest.raises(NotApplicableError, match=r"replaced by 'permuted'; call mbias\.probe .* mbias\.write_probe"):
        reliance.use(draw_external_probe(tmp_path / "mine"))
    with pytest.raises(NotApplicableError, match="fewer than 20 labelled samples in each"):
        reliance.categories(draw_run(tmp_path / "few"))


def test_three_modalities_have_a_use(tmp_path):
    rng = np.random.default_rng(1)
    inputs = {name: rng.normal(size=100) for name in ("audio", "visual", "text")}
    weak = (inputs["text"] > 0)[:, None]
    run = modelled_run(tmp_path / "mine", lambda a, v, t: sigmoid(a + v + 3 * t)[:, None], inputs, weak)
    table = reliance.use(run, estimates(run))

    assert list(table["modality"]) == ["audio", "visual", "text"]
    assert table["share"].idxmax() == 2
    assert left_out(table) == []
    with pytest.raises(NotApplicableError, match="compare exactly two modalities, and the run has 3"):
        reliance.measures(run)
