"""The plan of an import shows what is guessed, and writes what the arrays hold."""

from __future__ import annotations

import numpy as np
import pytest

import mbias
from mbias.errors import BadInputError
from mbias.exchange.import_plan import make_plan
from mbias.exchange.named_array import NamedArray

WAV = np.random.default_rng(1).dirichlet((2, 1), size=(3, 8, 4, 5)).swapaxes(-1, -2).astype(np.float32)
"""(epoch, sample, segment, modality, category)"""

LOSSES = {"joint": [0.9, 0.7, 0.5]}


def named(*values, axes=None, coordinates=None):
    return [NamedArray(array, axes, coordinates) for array in values]


def test_the_plan_describes_what_it_writes(tmp_path):
    plan = make_plan({"wav": named(WAV), "truth_weak": named(np.eye(8, 5))}, {}, LOSSES)
    assert plan.lines() == [
        "modalities: audio, visual",
        "categories: 5 (category 1, category 2, category 3, category 4, ...)",
        "samples:    8 (sample 1, sample 2, sample 3, sample 4, ...)",
        "epochs:     3",
        "array wav: sample 8 x segment 4 x modality 2 x category 5 (guessed from the sizes), every epoch",
        "truth weak: 8 x 5",
        "loss joint: 0.9 to 0.5",
    ]
    plan.write(tmp_path / "run")
    run = mbias.Run(tmp_path / "run")
    assert [np.array_equal(run.values("wav", epoch), WAV[epoch - 1]) for epoch in (1, 2, 3)] == [True] * 3
    assert np.array_equal(run.truth["weak"], np.eye(8, 5) == 1)


def test_groups_are_shown_and_written(tmp_path):
    plan = make_plan({"wav": named(WAV)}, {}, {}, groups=["x", "y"] * 4)
    assert plan.lines()[3] == "groups:     2 (x, y)"
    plan.write(tmp_path / "run")
    assert mbias.Run(tmp_path / "run").groups.tolist() == ["x", "y"] * 4


def test_there_is_one_group_per_sample():
    with pytest.raises(BadInputError, match="groups: 1 group for 8 samples; give the group of every sample"):
        make_plan({"wav": named(WAV)}, {}, {}, groups=["x"])


def test_axes_and_names_of_the_file_are_used():
    coordinates = {"modality": ("video", "text"), "category": ("a", "b", "c", "d", "e")}
    axes = ("category", "sample", "segment", "modality")
    values = WAV[0].transpose(3, 0, 1, 2)
    plan = make_plan({"wav": named(values, axes=axes, coordinates=coordinates)}, {}, {})
    assert not plan.guessed
    assert plan.header.modalities == ("video", "text")
    assert plan.header.categories == ("a", "b", "c", "d", "e")
    assert plan.header.arrays == {"wav": ("sample", "segment", "modality", "category")}


def test_arrays_with_fewer_epochs_belong_to_the_last_ones(tmp_path):
    plan = make_plan({"wav": named(*WAV), "p": named(WAV[2])}, {}, LOSSES)
    assert any(line.startswith("array p: ") and line.endswith("the last 1 of 3 epochs") for line in plan.lines())
    plan.write(tmp_path / "run")
    assert ["p" in commit.arrays for commit in mbias.Run(tmp_path / "run").commits] == [False, False, True]


def test_named_attention_that_does_not_sum_to_one_is_noted():
    plan = make_plan({"wav": named(np.full((6, 2, 2), 0.9))}, {"wav": ("sample", "modality", "category")}, {})
    assert any("wav does not sum to 1 over modality" in line for line in plan.lines())


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        ({}, {"losses": {}}, "nothing to import"),
        ({"other": named(np.zeros(3))}, {}, r"'other' has shape \(3,\), whose axes cannot be guessed"),
        ({"wav": named(WAV)}, {"axes": {"wav": ("sample", "modality")}}, "2 axes are named"),
        ({"wav": named(WAV)}, {"categories": ("a", "b")}, "with axes guessed as epoch, sample"),
        ({"wav": named(WAV)}, {"modalities": ("a", "b", "c")}, "does not sum to 1 over modality"),
        ({"wav": named(*WAV, WAV)}, {}, "its files differ in shape"),
        ({"wav": named(WAV, WAV)}, {}, "in several files, each with an axis epoch"),
        ({"wav": named(WAV[:0])}, {}, "it holds no epoch"),
        ({"wav": named(WAV)}, {"losses": {"joint": [0.9, 0.7]}}, "the arrays have 3 epochs, the losses 2"),
        ({}, {"losses": {"joint": [0.9], "audio": [0.9, 0.7]}}, "differ in their number of epochs: joint 1, audio 2"),
        ({}, {"losses": {"loss": [0.9]}}, "the joint loss 'joint' is not among the losses loss"),
        ({"wav": named(WAV), "truth_weak": named(np.full((8, 5), 2))}, {}, "holds values other than 0 and 1"),
        ({"wav": named(WAV), "truth_weak": named(np.full((8, 5), 1j))}, {}, "'weak': .* does not hold numbers"),
        ({"wav": named(WAV)}, {"samples": ("a", "b")}, "its axis sample has size 8, not 2"),
        ({"wav": named(WAV[0]), "p": named(WAV[0, :4])}, {}, "differ in their size along sample: 4, 8"),
        ({"../x": named(WAV)}, {}, "/"),
    ],
)
def test_what_does_not_fit_is_refused(arrays, options, message):
    with pytest.raises(BadInputError, match=message) as error:
        make_plan(arrays, **{"axes": {}, "losses": LOSSES, **options})
    assert "\n" not in str(error.value)
