"""Modality confusion: by hand, by brute force, and where the truth has a closed form."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mbias
from mbias import Header, NotApplicableError, Pass, Run, RunWriter
from mbias.analysis.measures.confusion import confusion, right
from mbias.records.probes import write_probe
from mbias.tasks import Task
from tests.other_models import record_other

WEAK = np.array([[1, 0], [0, 1], [1, 1], [0, 0]], dtype=bool)


def recorded(path, outputs, weak=WEAK, groups=None, modalities=("audio", "visual"), truth=True):
    """A run with a probe of these outputs; that of the pass in which nothing is replaced is recorded too."""
    header = Header(
        modalities,
        ("Dog", "Cat")[: weak.shape[1]],
        losses=("wsl",),
        joint_loss="wsl",
        split="test",
        arrays={"p_joint": ("sample", "category")},
    )
    samples = pd.DataFrame({"sample": [f"s{i}" for i in range(len(weak))]})
    if groups is not None:
        samples["group"] = groups
    writer = RunWriter.create(path, header, samples, {"weak": weak} if truth else None)
    writer.commit({"wsl": {"optimised": 0.5}}, {"p_joint": outputs[Pass()]["p_joint"]})
    write_probe(Run(path), "last", outputs)
    return Run(path)


def hits(*wanted):
    """Outputs that are a hit or a miss for each sample of `WEAK`."""
    by_sample = [([0.9, 0.9], [0.4, 0.1]), ([0.1, 0.5], [0.9, 0.4]), ([0.2, 0.9], [0.4, 0.4]), ([0.4, 0.4], [0.9, 0.1])]
    return {"p_joint": np.array([of[not hit] for of, hit in zip(by_sample, wanted, strict=True)])}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def values(table, stand_in="mean"):
    rows = table[table["stand_in"] == stand_in].set_index("modality")
    return {name: tuple(rows.loc[name, ["alone", "together", "confusion"]]) for name in rows.index}


def test_shares_by_hand(tmp_path):
    """Audio alone is right about the first three samples, visual alone about the last two, both about the first."""
    outputs = {
        Pass(): hits(True, False, False, False),
        Pass("mean", ("visual",)): hits(True, True, True, False),
        Pass("mean", ("audio",)): hits(False, False, True, True),
    }
    found = values(confusion(recorded(tmp_path / "run", outputs)))

    assert found == {"audio": (0.75, 0.25, 0.5), "visual": (0.5, 0.25, 0.5), "any": (1.0, 0.25, 0.75)}


def test_draws_are_averaged_and_any_is_of_the_same_draw(tmp_path):
    donors = {"donors": np.array([1, 0, 3, 2])}
    outputs = {
        Pass(): hits(False, False, False, True),
        Pass("permuted", ("visual",), 0): hits(True, False, False, True) | donors,
        Pass("permuted", ("visual",), 1): hits(False, False, False, False) | donors,
        Pass("permuted", ("audio",), 0): hits(True, True, False, False) | donors,
        Pass("permuted", ("audio",), 1): hits(False, True, True, False) | donors,
    }
    found = values(confusion(recorded(tmp_path / "run", outputs)), "permuted")

    assert found["audio"] == (0.25, 0.25, 0.125)
    assert found["visual"] == (0.5, 0.25, 0.5)
    # By draw, three and two samples are right alone; the fourth of the first draw is right together too.
    assert found["any"] == (0.625, 0.25, 0.5)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), samples=st.integers(2, 30), categories=st.integers(1, 4))
def test_what_is_right_equals_loops_over_samples(seed, samples, categories):
    rng = np.random.default_rng(seed)
    outputs, weak = rng.random((2, samples, categories)), rng.random((samples, categories)) < 0.4
    one = np.eye(categories + 1)[rng.integers(categories + 1, size=samples)]
    classes = rng.dirichlet(np.ones(categories + 1), (2, samples))

    for draw in range(2):
        for n in range(samples):
            found = [c for c in range(categories) if outputs[draw, n, c] >= 0.5]
            hit = any(weak[n, c] for c in found) if weak[n].any() else not found
            assert right(outputs, weak, Task.MULTILABEL)[draw, n] == hit
            best = max(range(categories + 1), key=lambda c: classes[draw, n, c])
            assert right(classes, one, Task.SINGLE_LABEL)[draw, n] == one[n, best]
            side = (outputs[draw, n, 0] >= 0.5) == weak[n, 0]
            assert right(outputs[..., :1], weak[:, :1], Task.BINARY)[draw, n] == side


def test_a_share_that_was_never_seen_may_still_be_above_zero(tmp_path):
    outputs = {
        Pass(): hits(True, True, True, True),
        Pass("mean", ("visual",)): hits(True, True, False, False),
        Pass("mean", ("audio",)): hits(False, False, False, False),
    }
    rows = confusion(recorded(tmp_path / "run", outputs)).set_index("modality")
    unseen = 1 - 0.025 ** (1 / 4)

    assert tuple(rows.loc["audio", ["confusion", "confusion_low", "confusion_high"]]) == pytest.approx((0, 0, unseen))
    assert tuple(rows.loc["audio", ["together_low", "together_high"]]) == pytest.approx((1 - unseen, 1))
    assert 0 < rows.loc["audio", "alone_low"] < 0.5 < rows.loc["audio", "alone_high"] < 1
    # Two groups of equal samples are two samples.
    grouped = confusion(recorded(tmp_path / "grouped", outputs, groups=["a", "a", "b", "b"]))
    assert grouped["confusion_high"].iloc[0] == pytest.approx(1 - 0.025 ** (1 / 2))


def test_a_model_that_one_modality_misleads_has_the_confusion_that_it_was_given():
    """It decides by a + 2 b what only a decides: a alone, with 0 for b, is always right."""
    a, b = np.random.default_rng(0).normal(size=(2, 2000, 1))
    own = {"silence": {"a": np.zeros(1), "b": np.zeros(1)}}
    inputs = {"a": a, "b": b}
    found = mbias.diagnose(lambda a, b: sigmoid(a + 2 * b)[:, 0], inputs, a[:, 0] > 0, task="binary", own=own)
    rows = confusion(found.study)
    of_a = rows[(rows["stand_in"] == "silence") & (rows["modality"] == "a")].iloc[0]

    assert of_a["alone"] == 1
    # The signs of a and a + 2 b differ with this probability.
    wrong = np.arctan(2) / np.pi
    assert of_a["confusion_low"] < wrong < of_a["confusion_high"]
    assert of_a["confusion_high"] - of_a["confusion_low"] < 0.06


def test_seeds_are_averaged(tmp_path):
    runs = [record_other(tmp_path / f"s{seed}", ("text", "image"), seed=seed, setting="mine") for seed in (0, 1)]
    table = confusion(runs)
    single = [confusion(run) for run in runs]

    assert set(table["seeds"]) == {2}
    for name in ("alone", "together", "confusion"):
        assert table[name].to_numpy() == pytest.approx(np.mean([of_run[name] for of_run in single], axis=0))


def test_of_three_modalities_all_but_one_must_have_been_replaced():
    inputs = dict(zip("abc", np.random.default_rng(1).normal(size=(3, 200, 1)), strict=True))
    labels = sum(inputs.values())[:, 0] > 0

    def found(**options):
        return mbias.diagnose(lambda a, b, c: sigmoid(a + b + c)[:, 0], inputs, labels, task="binary", **options)

    singles, together = found(), found(interactions=True)
    with pytest.raises(NotApplicableError, match=r"all modalities but one replaced; .* with interactions=True"):
        confusion(singles.study)
    table = confusion(together.study)
    assert list(table["modality"]) == ["a", "b", "c", "any"]
    assert set(table["stand_in"]) == {"permuted"}
    assert (table["alone"] - table["confusion"] <= table["together"]).all()


def test_what_lacks_labels_or_right_and_wrong_is_refused(tmp_path):
    outputs = {Pass(): hits(*4 * [True]), **{Pass("mean", (m,)): hits(*4 * [False]) for m in ("audio", "visual")}}
    with pytest.raises(NotApplicableError, match=r"the labels of its samples .* are not recorded"):
        confusion(recorded(tmp_path / "run", outputs, truth=False))
    inputs = dict(zip("ab", np.random.default_rng(2).normal(size=(2, 20, 1)), strict=True))
    numbers = mbias.diagnose(lambda a, b: a[:, 0] + b[:, 0], inputs, task="regression")
    with pytest.raises(NotApplicableError, match="a regression has no right and wrong outputs"):
        confusion(numbers.study)


def test_a_modality_that_is_replaced_only_where_others_attend_to_it_is_not_away(study):
    assert list(dict.fromkeys(confusion(study)["stand_in"])) == ["mean", "zero", "permuted", "swapped"]
