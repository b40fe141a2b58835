"""From a model to a verdict in one call, for every task."""

from __future__ import annotations

import numpy as np
import pytest

import mbias
from mbias import BadInputError

RNG = np.random.default_rng(0)
LEFT, RIGHT = RNG.normal(size=(2, 300, 3))


def softmax(logits):
    p = np.exp(logits)
    return p / p.sum(axis=1, keepdims=True)


MODELS = {
    "multilabel": (lambda left, right: 1 / (1 + np.exp(-4 * left)), LEFT > 0),
    "single_label": (lambda left, right: softmax(4 * left), LEFT.argmax(axis=1)),
    "binary": (lambda left, right: 1 / (1 + np.exp(-4 * left[:, 0])), LEFT[:, 0] > 0),
    "regression": (lambda left, right: 100 * left[:, 0], 100 * LEFT[:, 0] + RNG.normal(size=300)),
}
INPUTS = {"left": LEFT, "right": RIGHT}


@pytest.mark.parametrize("task", MODELS)
def test_every_task_has_a_verdict_and_drops_by_hand(task):
    predict, labels = MODELS[task]

    found = mbias.diagnose(predict, INPUTS, labels, task=task, draws=3)

    assert found.verdict == "uses left alone"
    row = found.use.set_index("modality").loc["left"]
    probe = mbias.records.probes.read_probe(found.study.runs[0])
    true = found.study.runs[0].labels
    passes = [mbias.Pass()] + [mbias.Pass("permuted", ("left",), draw) for draw in range(3)]
    whole, *replaced = [probe.values(of_pass, "p_joint").astype(float) for of_pass in passes]
    assert row["help"] == pytest.approx(np.mean((np.array(replaced) - true) ** 2) - np.mean((whole - true) ** 2))
    if task in ("single_label", "binary"):
        right = [(p.argmax(1) == true.argmax(1)) if task == "single_label" else (p >= 0.5) == true for p in replaced]
        of_whole = (whole.argmax(1) == true.argmax(1)) if task == "single_label" else (whole >= 0.5) == true
        assert row["help_accuracy"] == pytest.approx(of_whole.mean() - np.mean(right))


def test_the_unit_of_a_target_does_not_change_the_verdict():
    """Targets in different units count by their standard deviations."""
    target = np.stack([LEFT[:, 0], 1000 * RIGHT[:, 0]], axis=1)

    found = mbias.diagnose(
        lambda left, right: np.stack([left[:, 0], 1000 * right[:, 0]], 1), INPUTS, target, "regression"
    )

    assert found.verdict == "balanced"
    assert found.use["change"].to_numpy() == pytest.approx([1, 1], abs=0.1)
    assert set(found.categories["verdict"]) == {"uses left alone", "uses right alone"}


def test_several_networks_make_one_setting_of_several_seeds():
    networks = [lambda left, right, k=k: 1 / (1 + np.exp(-(3 + k) * left)) for k in range(3)]

    found = mbias.diagnose(networks, INPUTS, LEFT > 0, name="late fusion")

    assert found.verdicts.loc[0, ["variant", "seeds"]].tolist() == ["late fusion", 3]
    assert found.sentence.startswith("late fusion: uses left alone;")
    assert "3 seeds" in found.sentence


def test_the_record_can_be_kept(tmp_path):
    predict, labels = MODELS["binary"]
    found = mbias.diagnose(predict, INPUTS, labels, "binary", draws=1)

    study = found.save(tmp_path / "kept")

    assert mbias.validate(tmp_path / "kept")["fault"].tolist() == [""]
    assert mbias.diagnosis(study).loc[0, "verdict"] == found.verdict
    with pytest.raises(BadInputError, match="is not empty; give a new folder"):
        found.save(tmp_path / "kept")
    several = mbias.diagnose([predict, predict], INPUTS, labels, "binary", draws=1, name="twice")
    assert len(several.save(tmp_path / "two")) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "two"]


def test_it_is_shown_in_a_notebook_and_drawn():
    predict, labels = MODELS["binary"]
    found = mbias.diagnose(predict, INPUTS, labels, "binary", draws=1, name="<b>")

    assert "&lt;b&gt;: uses left alone" in found._repr_html_()
    assert found.figure().axes[0].has_data()
    assert repr(found).startswith("<Diagnosis: <b>: uses left alone")
    assert found.flags == ()


def test_groups_and_names_reach_the_record():
    predict, labels = MODELS["single_label"]
    found = mbias.diagnose(
        predict, INPUTS, labels, "single_label", groups=np.arange(300) // 3, categories=("x", "y", "z"), draws=1
    )

    assert len(set(found.study.runs[0].groups)) == 100
    assert found.study.runs[0].header.categories == ("x", "y", "z")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "softmax"}, "task: 'softmax' given; take one of"),
        ({"inputs": {"left": LEFT}}, "inputs: 1 input given; give those of two modalities or more"),
        ({"inputs": [LEFT, RIGHT]}, "inputs: .* is not a dict"),
        ({"inputs": {"left": LEFT, "right": RIGHT[1:]}}, "inputs: 'right' has 299 samples in place of 300"),
        ({"labels": LEFT[:, 0]}, "labels: holds values other than 0 and 1; task 'binary' needs 0 or 1"),
        ({"labels": [0, 1]}, r"labels: has the shape \(2,\)"),
        ({"predict": lambda left, right: 9 * left[:, 0]}, "which are not probabilities; give .*torch.sigmoid"),
        ({"predict": []}, "predict: an empty list"),
        ({"draw": 3}, "diagnose: unknown option 'draw'; take output, draws, "),
        ({"predict": lambda x: x}, "predict: it is called as predict"),
        ({"groups": ["a"]}, "groups: 1 group for 300 samples"),
        ({"categories": ("yes", "no")}, "'binary' has one category"),
        ({"inputs": {"left": [], "right": []}}, "inputs: 'left' holds no sample"),
        ({"inputs": {"left": LEFT[:1], "right": RIGHT[:1]}}, "inputs: 1 sample given; give two or more"),
        (
            {"task": "single_label"},
            r"predict returned the shape \(2,\) for 2 samples; return a probability for each class",
        ),
        ({"task": "multilabel", "categories": ("x", "y")}, "categories: 2 names for 1 output of predict"),
        ({"labels": [np.nan] * 300}, "labels: row 0 has a missing value"),
    ],
)
def test_a_wrong_argument_is_one_sentence(changes, message):
    predict, labels = MODELS["binary"]
    arguments = {"predict": predict, "inputs": INPUTS, "labels": labels, "task": "binary", **changes}

    with pytest.raises(BadInputError, match=message) as error:
        mbias.diagnose(**arguments)
    assert "\n" not in str(error.value)


def _copies(rng, samples=400):
    """Three copies of a signal, of which a model takes the majority, and one modality that adds a little."""
    signal = rng.normal(size=samples)
    inputs = {name: signal.copy() for name in ("a", "b", "d")} | {"c": rng.normal(size=samples)}

    def predict(a, b, d, c):
        votes = np.sign(a) + np.sign(b) + np.sign(d)
        return 1 / (1 + np.exp(-3 * np.sign(votes) - 0.4 * c))

    return predict, inputs, signal > 0


def test_modalities_that_stand_in_for_each_other_leave_the_others_without_a_verdict():
    predict, inputs, labels = _copies(np.random.default_rng(0))

    found = mbias.diagnose(predict, inputs, labels, "binary")
    assert found.verdict == "undetermined"
    assert "modalities stand in for each other" in found.sentence

    without = {name: inputs[name] for name in ("a", "b", "d")}
    copies = mbias.diagnose(lambda a, b, d: predict(a, b, d, 0 * a), without, labels, "binary")
    assert copies.verdict == "undetermined"
    assert "stand in for each other" in copies.sentence
    assert "nan" not in copies.sentence
    assert copies.flags == ("redundant",)


def test_tables_are_permuted_without_their_index():
    pandas = pytest.importorskip("pandas")
    a, b = (pandas.Series(values[:, 0]) for values in (LEFT, RIGHT))

    found = mbias.diagnose(lambda a, b: 1 / (1 + np.exp(-4 * a - 0.5 * b)), {"a": a, "b": b}, a > 0, "binary")

    assert found.verdict in ("uses a alone", "biased toward a")


def test_a_few_wild_targets_do_not_hide_what_a_regression_uses():
    target = LEFT[:, 0].copy()
    target[:3] = (100, -100, 9999)

    found = mbias.diagnose(lambda left, right: left[:, 0], INPUTS, target, "regression")

    assert found.verdict == "uses left alone"


def test_a_weak_model_has_nothing_to_attribute_but_is_said_to_help():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 4000))
    p = 1 / (1 + np.exp(-0.3 * a))

    found = mbias.diagnose(lambda a, b: 1 / (1 + np.exp(-0.3 * a)), {"a": a, "b": b}, rng.random(4000) < p, "binary")

    assert found.verdict == "nothing to attribute"
    assert "less than 5% of a perfect predictor's, though a helps beyond chance" in found.sentence


@pytest.mark.parametrize(("samples", "groups"), [(4, None), (300, [0, 1] * 150)])
def test_too_few_independent_samples_get_no_verdict(samples, groups):
    predict, labels = MODELS["binary"]
    inputs = {name: values[:samples] for name, values in INPUTS.items()}

    found = mbias.diagnose(predict, inputs, labels[:samples], "binary", groups)

    assert found.verdict == "undetermined"
    assert found.flags == ()
    assert "independent samples or groups are too few" in found.sentence


def test_labels_of_one_value_are_as_if_there_were_none():
    predict, labels = MODELS["binary"]

    found = mbias.diagnose(predict, INPUTS, np.zeros_like(labels), "binary")

    assert found.verdict == "uses left alone"


def test_a_saved_diagnosis_refuses_other_inputs(tmp_path):
    predict, labels = MODELS["binary"]
    run = mbias.diagnose(predict, INPUTS, labels, "binary", draws=1).save(tmp_path / "kept").runs[0]
    before = (run.path / "probe" / "outputs.safetensors").read_bytes()

    with pytest.raises(BadInputError, match="differs from the recorded p_joint"):
        mbias.probe(run, predict, {"left": LEFT[::-1], "right": RIGHT[::-1]}, draws=1)
    assert (run.path / "probe" / "outputs.safetensors").read_bytes() == before
