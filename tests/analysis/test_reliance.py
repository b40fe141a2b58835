"""Measures by hand and by plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from mbias import Run, Study, open_study
from mbias.analysis import reliance
from mbias.analysis.measures.coalitions import FEWEST
from mbias.errors import BadInputError
from mbias.records.probes import WHOLE, Pass, read_probe
from tests.drawn_runs import draw_run, draw_study


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


def test_three_modalities_do_not_apply(external):
    with pytest.raises(BadInputError, match="3 modalities; measures of reliance need exactly two"):
        reliance.measures(external)


def test_measures_that_follow_the_same_inputs_agree(tmp_path):
    study = open_study(draw_study(tmp_path, [("across_vcross", "ls_v")], seeds=range(6), videos=60))
    table = reliance.agreement(study)
    row = table[(table["over"] == "runs") & (table["other"] == "drop (p, mean)")].iloc[0]

    assert row["number"] == 6
    assert row["rho"] > 0.3
    assert table["rho"].dropna().between(-1, 1).all()
