"""Which stand-in a verdict rests on, and what it can say without the pass with all modalities replaced."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mbias
from mbias import Pass
from mbias.analysis.comparing.use import balance_difference
from mbias.analysis.measures.replaced import outputs_replaced, stand_in_of_verdict
from mbias.analysis.measures.verdict import NOTHING, decide
from mbias.errors import NotApplicableError
from mbias.records.header import Header
from mbias.records.probes import read_probe, write_probe
from mbias.records.writer import RunWriter
from mbias.tables.layout import left_out
from tests.analysis.measures.modelled import modelled_run, sigmoid, use_of

AV = ("audio", "visual")


def alone(name, modalities=AV):
    return [Pass(name, (modality,)) for modality in modalities]


def answers(path, whole, replaced, labels=None, stand_in="no input"):
    """A run of one category with these outputs, and those with each modality replaced."""
    header = Header(AV, ("yes",), ("loss",), "loss", "test", {}, task="binary")
    samples = pd.DataFrame({"sample": [f"s{n}" for n in range(len(whole))]})
    RunWriter.create(path, header, samples, None if labels is None else {"weak": np.array(labels)}).commit({}, {})
    outputs = {Pass(): whole, **{Pass(stand_in, (m,)): values for m, values in replaced.items()}}
    write_probe(path, "last", {of: {"p_joint": np.array(values, float)[:, None]} for of, values in outputs.items()})
    return mbias.Run(path)


@pytest.mark.parametrize(
    ("passes", "expected"),
    [
        ([*alone("permuted"), *alone("blank"), Pass("blank", AV)], "permuted"),
        ([*alone("blank"), Pass("permuted", ("audio",))], "blank"),
        ([*alone("mean"), *alone("zero"), *alone("swapped")], "permuted"),
        ([*alone("blank"), *alone("noise"), Pass("noise", AV)], "noise"),
        ([*alone("blank"), *alone("noise")], "blank"),
        ([Pass("noise", ("visual",)), *alone("blank")], "blank"),
        ([Pass("noise", ("visual",)), Pass("permuted", ("audio",))], "permuted"),
        ([Pass("noise", ("visual",))], "noise"),
        ([], "permuted"),
    ],
)
def test_permuted_wins_then_the_most_complete_stand_in_of_ones_own(passes, expected):
    assert stand_in_of_verdict(AV, [[Pass(), *passes]]) == expected


def test_all_seeds_must_have_the_stand_in():
    permuted, blank = [Pass(), *alone("permuted"), *alone("blank")], [Pass(), *alone("blank")]
    assert stand_in_of_verdict(AV, [permuted, permuted]) == "permuted"
    assert stand_in_of_verdict(AV, [permuted, blank]) == "blank"


def test_three_passes_by_hand(tmp_path):
    run = answers(tmp_path / "run", [1, 0, 1, 0], {"audio": [0, 0, 0, 0], "visual": [1, 0, 1, 1]}, labels=[1, 0, 1, 0])
    used = use_of(run)

    assert used.stand_in == "no input"
    assert [change.point.tolist() for change in used.change] == [[0.5, 0.5], [0.25, 0.25]]
    assert [share.point[0] for share in used.share] == pytest.approx([2 / 3, 1 / 3])
    # A perfect predictor changes by 2 pi (1 - pi) = 0.5, as the outputs do without audio.
    assert used.extent.point.tolist() == [1.0, 1.0]
    assert np.isnan([used.size.point, used.interaction.point]).all()
    # Without visual, the outputs are 1 on present labels and 0.5 on absent ones.
    assert [part.point[0] for part in used.separation] == pytest.approx([1.0, 0.5, 1.0])
    assert [helped.point[0] for helped in used.help("squared_error")] == [0.5, 0.25]


def test_a_verdict_from_three_passes_says_what_it_rests_on(tmp_path):
    labels = np.arange(200) % 2
    run = answers(tmp_path / "run", labels, {"audio": np.zeros(200), "visual": labels}, labels, "no 'x'")
    table = mbias.diagnosis(run)
    row = table.loc[0]

    assert (row.verdict, row["flags"], row.stand_in) == ("uses audio alone", "", "no 'x'")
    assert np.isnan([row[f"{name}{end}"] for name in ("size", "interaction") for end in ("", "_low", "_high")]).all()
    (sentence,) = mbias.analysis.diagnosis.finding(table)
    assert "rests on \"no 'x'\" inputs, which the model may not know" in sentence
    note = "use (permuted) (run: not every modality was permuted; what it uses rests on \"no 'x'\" inputs"
    assert any(note in line for line in left_out(table))
    use = mbias.reliance(run)
    assert use["stand_in"].tolist() == ["no 'x'"] * 2
    assert "when a modality is replaced by \"no 'x'\" is 1.00" in mbias.analysis.reliance.finding(use)[0]


@pytest.mark.parametrize(("changed", "words"), [(0, NOTHING), (40, "uses audio alone")])
def test_without_labels_the_largest_single_change_is_judged(tmp_path, changed, words):
    whole = np.arange(200) % 2
    without = np.where(np.arange(200) < changed, 1 - whole, whole)
    run = answers(tmp_path / "run", whole, {"audio": without, "visual": whole})

    assert use_of(run).extent.point[0] == pytest.approx(changed / 200 / 0.5)
    assert decide(use_of(run)).words == words
    (sentence,) = mbias.analysis.diagnosis.finding(mbias.diagnosis(run))
    assert "nan" not in sentence
    assert "'no input' inputs" in sentence


def test_permuted_passes_without_those_of_all_together(tmp_path):
    rng = np.random.default_rng(0)
    inputs = {m: rng.normal(size=300) for m in AV}
    run = modelled_run(
        tmp_path / "run", lambda a, v: sigmoid(3 * a * np.sign(v))[:, None], inputs, (inputs["audio"] > 0)[:, None]
    )
    before, probe = use_of(run), read_probe(run)
    assert "synergic" in decide(before).flags
    kept = [of_pass for of_pass in probe.passes if of_pass.replaced != AV]
    arrays = {
        of_pass: {name: probe.values(of_pass, name) for name in ("p_joint", "donors")[: 1 + bool(of_pass.replaced)]}
        for of_pass in kept
    }
    write_probe(run, "last", arrays)
    after = use_of(run)

    assert after.stand_in == "permuted"
    for first, second in zip(before.share, after.share, strict=True):
        np.testing.assert_array_equal(first.interval(), second.interval())
    assert not {"synergic", "redundant"} & set(decide(after).flags)
    np.testing.assert_array_equal(before.extent.point, before.size.point)


def test_what_is_missing_is_named(tmp_path):
    run = answers(tmp_path / "run", [1, 0], {"audio": [0, 0]}, stand_in="no input")
    with pytest.raises(NotApplicableError, match=r"no pass with visual replaced by 'no input'; call mbias\.probe"):
        use_of(run)
    with pytest.raises(NotApplicableError, match="no pass with audio replaced by 'permuted'"):
        outputs_replaced(run, "permuted")


def test_balances_of_two_stand_ins_are_not_compared(tmp_path):
    replaced = {"audio": [0, 0, 0, 0], "visual": [1, 0, 1, 1]}
    first, second = (
        use_of(answers(tmp_path / name, [1, 0, 1, 0], replaced, stand_in=name)) for name in ("permuted", "blank")
    )
    with pytest.raises(NotApplicableError, match="probed with 'blank' inputs, the other with 'permuted'"):
        balance_difference(first, second)


@pytest.mark.parametrize("task", ["multilabel", "single_label", "regression"])
def test_categories_read_one_at_a_time_give_the_same_estimates(tmp_path, monkeypatch, task):
    rng = np.random.default_rng(3)
    values = rng.random((30, 4))
    true = values > 0.7
    header = Header(AV, (*"wxyz",), ("loss",), "loss", "test", {}, task=task)
    samples = pd.DataFrame({"sample": [*map(str, range(30))], "group": [str(n // 2) for n in range(30)]})
    truth = {"target": values} if task == "regression" else {"weak": np.eye(4)[values.argmax(axis=1)] > 0}
    truth = {"weak": true} if task == "multilabel" else truth
    RunWriter.create(tmp_path / "run", header, samples, truth).commit({}, {})
    outputs = {Pass(): {"p_joint": values / values.sum(axis=1, keepdims=True)}}
    for replaced, donors in ((("audio",), rng.permutation(30)), (("visual",), rng.permutation(30))):
        mixed = values + 0.5 * values[donors]
        outputs[Pass("permuted", replaced)] = {"p_joint": mixed / mixed.sum(axis=1, keepdims=True), "donors": donors}
    write_probe(tmp_path / "run", "last", outputs)

    def estimates():
        used = use_of(mbias.Run(tmp_path / "run"))
        helps = used.help("error_rate") if task == "single_label" else used.help("squared_error")
        return [*used.change, *(share.estimate for share in used.share), *used.separation, *helps]

    whole = estimates()
    monkeypatch.setattr("mbias.analysis.measures.replaced._BLOCK", 1)
    for one, several in zip(estimates(), whole, strict=True):
        np.testing.assert_allclose(one.point, several.point, rtol=1e-12)
        np.testing.assert_allclose(one.se, several.se, rtol=1e-9)
