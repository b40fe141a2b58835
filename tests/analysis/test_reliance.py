"""Measures by hand, by plain loops, and against Captum's Shapley values."""

from __future__ import annotations

import numpy as np
import pytest

from mbias import Run, Study, open_study
from mbias.analysis import reliance
from mbias.analysis.measures import values
from mbias.analysis.measures.coalitions import FEWEST, coalition_parts
from mbias.analysis.measures.values import balance
from mbias.analysis.settings import settings
from mbias.errors import BadInputError
from mbias.records.probes import WHOLE, Pass, read_probe
from tests.drawn_runs import draw_run, draw_study

MODALITIES = ("audio", "visual")


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    return Run(draw_run(tmp_path_factory.mktemp("reliance") / "one", videos=40, categories=3))


@pytest.fixture(scope="module")
def table(one):
    return reliance.measures(Study((one,)))


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
def test_shapley_by_plain_loops(one, table, name, outcome):
    av, a, v, none = (_mean_over_categories(one, outcome, joint) for joint in _answers(one, "mean"))
    found = _of(table, "Shapley", name, "mean")

    assert found["audio"] == pytest.approx(0.5 * (av - v + a - none))
    assert found["visual"] == pytest.approx(0.5 * (av - a + v - none))


def test_log_loss_shapley_by_plain_loops(one, table):
    def log_loss(run, joint, category):
        weak = run.truth["weak"]
        p = [min(max(joint[n, category], 1e-7), 1 - 1e-7) for n in range(len(joint))]
        return sum(np.log(q) if weak[n, category] else np.log(1 - q) for n, q in enumerate(p)) / len(p)

    av, a, v, none = (_mean_over_categories(one, log_loss, joint) for joint in _answers(one, "mean"))
    assert _of(table, "Shapley", "log_loss", "mean")["audio"] == pytest.approx(0.5 * (av - v + a - none))


def test_drop_and_cooperation_by_plain_loops(one, table):
    av, a, v, none = (_mean_over_categories(one, _probability, joint) for joint in _answers(one, "mean"))
    zero = [_mean_over_categories(one, _probability, joint) for joint in _answers(one, "zero")]

    assert _of(table, "drop", "probability", "mean") == pytest.approx({"audio": av - v, "visual": av - a})
    assert _of(table, "drop", "probability", "zero") == pytest.approx(
        {"audio": zero[0] - zero[2], "visual": zero[0] - zero[1]}
    )
    assert _of(table, "cooperation", "probability", "mean") == pytest.approx({"both": av - a - v + none})


def test_perceptual_score_and_utilisation_by_plain_loops(one, table):
    permuted = [_mean_over_categories(one, _f_score, joint) for joint in _answers(one, "permuted")]
    mean = [_mean_over_categories(one, _f_score, joint) for joint in _answers(one, "mean")]

    assert _of(table, "perceptual", "f_score", "permuted")["visual"] == pytest.approx(
        (permuted[0] - permuted[1]) / permuted[0]
    )
    assert _of(table, "utilisation", "f_score", "mean")["audio"] == pytest.approx((mean[0] - mean[2]) / mean[0])


def test_swap_by_plain_loops(one, table):
    probe, weak = read_probe(one), one.truth["weak"]
    swapped = Pass("swapped", ("visual",))
    donors, joint = probe.values(swapped, "donors"), probe.values(swapped, "p_joint")
    of_category = []
    for c in range(3):
        follows = []
        for n in range(len(weak)):
            if weak[n, c] and donors[n] >= 0:
                own = np.mean([joint[n, k] for k in range(3) if weak[n, k]])
                theirs = np.mean([joint[n, k] for k in range(3) if weak[donors[n], k]])
                follows.append(1.0 if theirs > own else 0.5 if theirs == own else 0.0)
        of_category.append(np.mean(follows))

    assert _of(table, "swap", "", "swapped")["visual"] == pytest.approx(np.mean(of_category))


def test_segment_f_score_by_plain_loops(one, table):
    probe = read_probe(one)

    def f_audio(of):
        p, joint = probe.values(of, "p"), probe.values(of, "p_joint")
        scores = []
        for c in range(3):
            tp = fp = fn = 0
            for n in range(len(p)):
                for t in range(p.shape[1]):
                    predicted = p[n, t, 0, c] >= 0.5 and joint[n, c] >= 0.5
                    true = one.truth["audio"][n, t, c]
                    tp, fp, fn = tp + (predicted and true), fp + (predicted and not true), fn + (not predicted and true)
            scores.append(2 * tp / (2 * tp + fp + fn))
        return np.mean(scores)

    expected = f_audio(WHOLE) - f_audio(Pass("mean", ("visual",)))
    assert _of(table, "drop", "f_audio", "mean")["visual"] == pytest.approx(expected)


def test_branch_scores_and_contribution_by_plain_loops(one, table):
    wav, wtp, p = (one.values(name, "last") for name in ("wav", "wtp", "p"))
    weak = one.truth["weak"]
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


def test_shapley_values_are_captums():
    torch = pytest.importorskip("torch")
    captum = pytest.importorskip("captum.attr")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)).double()

    def model(audio, visual):
        return torch.sigmoid(net(torch.cat([audio, visual], dim=1)))[:, 0]

    audio, visual = torch.randn(5, 3).double(), torch.randn(5, 3).double()
    baseline = torch.full((1, 3), 0.3).double(), torch.full((1, 3), -0.2).double()
    theirs = captum.ShapleyValues(model).attribute(
        (audio, visual), baselines=baseline, feature_mask=(torch.zeros(1, 3).long(), torch.ones(1, 3).long())
    )
    with torch.no_grad():
        expand = [one.expand(5, 3) for one in baseline]
        v = [model(audio, visual), model(audio, expand[1]), model(expand[0], visual), model(*expand)]
    ours = values.shapley(torch.stack(v, dim=-1).numpy())

    np.testing.assert_allclose(ours, np.stack([one[:, 0].detach().numpy() for one in theirs], axis=1), atol=1e-12)


@pytest.mark.parametrize(
    ("model", "shapley", "cooperation", "drops"),
    [
        (lambda a, v: a, (1, 0), 0, (1, 0)),
        (lambda a, v: 0.5 * a + 0.5 * v, (0.5, 0.5), 0, (0.5, 0.5)),
        (lambda a, v: a * v, (0.5, 0.5), 1, (1, 1)),  # both are needed
        (lambda a, v: max(a, v), (0.5, 0.5), -1, (0, 0)),  # either suffices
    ],
)
def test_toy_models_whose_answer_is_known(model, shapley, cooperation, drops):
    v = np.array([model(1, 1), model(1, 0), model(0, 1), model(0, 0)], dtype=float)

    assert tuple(values.shapley(v)) == shapley
    assert values.cooperation(v) == cooperation
    assert tuple(values.drops(v)) == drops


def test_balance_has_its_range_and_its_sign():
    assert balance(np.array([1.0, 0.0, 0.5, -0.1]), np.array([0.0, 2.0, 0.5, 0.3])) == pytest.approx([1, -1, 0, -1])
    assert np.isnan(balance(np.zeros(1), np.zeros(1))).all()


def test_intervals_hold_their_estimates_and_balances_their_range(table):
    known = table.dropna(subset=["balance"])

    assert (known["value_low"] <= known["value"]).all()
    assert (known["value"] <= known["value_high"]).all()
    assert known["balance_low"].min() >= -1
    assert known["balance_high"].max() <= 1


def test_seeds_are_one_setting_and_widen_no_mean(tmp_path):
    study = open_study(draw_study(tmp_path, [("across_vcross", "ls_v")], seeds=(0, 1, 2), videos=30))
    (setting,) = settings(study)
    table = reliance.measures(Study(tuple(study)))

    assert set(table["seeds"]) == {3}
    assert setting.display_name == "A_cross + V_cross, LS-V"


def test_other_samples_cannot_be_one_setting(tmp_path):
    a = draw_run(tmp_path / "a", seed=0, videos=8)
    b = draw_run(tmp_path / "b", seed=1, videos=9)

    with pytest.raises(BadInputError, match="recorded on other samples"):
        settings(open_study([a, b]))


def test_a_run_without_a_probe_says_how_to_get_one(tmp_path):
    path = draw_run(tmp_path / "run", probe=False)

    with pytest.raises(BadInputError, match=r"it is not probed.*run `mbias probe"):
        reliance.measures(open_study(path))


def test_three_modalities_do_not_apply(external):
    with pytest.raises(BadInputError, match="3 modalities, where measures of reliance are for two"):
        reliance.measures(external)


def test_measures_that_follow_the_same_inputs_agree(tmp_path):
    study = open_study(draw_study(tmp_path, [("across_vcross", "ls_v")], seeds=range(6), videos=60))
    table = reliance.agreement(study)
    row = table[(table["over"] == "runs") & (table["other"] == "drop (p, mean)")].iloc[0]

    assert row["number"] == 6
    assert row["rho"] > 0.3
    assert table["rho"].dropna().between(-1, 1).all()


def test_coalitions_average_over_draws(one):
    parts = coalition_parts(one, "probability", "permuted")

    assert parts.shape == (40, 3, 4, 2)
    assert (parts[:, :, :, 1] == one.truth["weak"][:, :, None]).all()
