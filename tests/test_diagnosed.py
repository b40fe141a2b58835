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
    ],
)
def test_a_wrong_argument_is_one_sentence(changes, message):
    predict, labels = MODELS["binary"]
    arguments = {"predict": predict, "inputs": INPUTS, "labels": labels, "task": "binary", **changes}

    with pytest.raises(BadInputError, match=message) as error:
        mbias.diagnose(**arguments)
    assert "\n" not in str(error.value)
