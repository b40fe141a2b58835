"""Axes are checked if they are named, and guessed from the shape otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbias.errors import BadInputError
from mbias.exchange.axes import check_axes, guess_axes, record_order, sums_to_one, to_record_order

SEGMENTED = ("sample", "segment", "modality", "category")


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((8, 5), ("sample", "category")),
        ((8, 2, 5), ("sample", "modality", "category")),
        ((8, 4, 2, 5), SEGMENTED),
        ((3, 8, 4, 2, 5), ("epoch", *SEGMENTED)),
    ],
)
def test_the_usual_order_is_guessed(shape, axes):
    assert guess_axes("p", shape, {}) == axes
    assert guess_axes("p", shape, {"modality": 2, "category": 5}) == axes


def test_attention_with_two_axes_has_no_categories():
    assert guess_axes("wav", (8, 2), {}, attention=True) == ("sample", "modality")


@given(st.integers(0, 3), st.integers(0, 3))
def test_modality_and_category_are_found_by_size(modality, category):
    """Unique sizes identify these two axes at any position, and the others keep their order."""
    if modality == category:
        return
    axes = {modality: "modality", category: "category"}
    remaining = iter(("sample", "segment"))
    expected = tuple(axes.get(index) or next(remaining) for index in range(4))
    sizes = {"sample": 8, "segment": 4, "modality": 2, "category": 5}
    shape = tuple(sizes[axis] for axis in expected)
    assert guess_axes("wav", shape, {"modality": 2, "category": 5}) == expected


@pytest.mark.parametrize(
    ("shape", "sizes", "message"),
    [
        ((3,), {}, "cannot be guessed"),
        ((1,) * 6, {}, "cannot be guessed"),
        ((5, 3, 3), {"modality": 3, "category": 5}, "fits several axes or none"),
        ((8, 4, 5), {"modality": 2, "category": 5}, "fits several axes or none"),
    ],
)
def test_ambiguous_shapes_are_refused(shape, sizes, message):
    with pytest.raises(BadInputError, match=message) as error:
        guess_axes("wav", shape, sizes)
    assert "array 'wav' has shape" in str(error.value)
    assert "--axes" in str(error.value)


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        (("sample", "modality"), "2 axes are named: sample, modality"),
        (("sample", "sample", "modality"), "name each axis once"),
        (("segment", "modality", "category"), "one of them sample"),
    ],
)
def test_named_axes_that_do_not_fit_are_refused(axes, message):
    with pytest.raises(BadInputError, match=message):
        check_axes("wav", axes, (8, 2, 5))


@given(st.permutations([*SEGMENTED, "head"]))
def test_arrays_are_transposed_to_the_order_of_records(axes):
    sizes = {"sample": 8, "segment": 4, "modality": 2, "category": 5, "head": 3}
    values = np.random.default_rng(0).random([sizes[axis] for axis in axes])
    ordered = record_order(axes)
    assert (ordered[0], ordered[-2:]) == ("sample", ("modality", "category"))
    transposed = to_record_order(values, axes)
    assert transposed.shape == tuple(sizes[axis] for axis in ordered)
    assert transposed.dtype == np.float32
    np.testing.assert_array_equal(
        np.moveaxis(transposed, range(5), [axes.index(axis) for axis in ordered]), values.astype(np.float32)
    )


def test_attention_sums_to_one_over_modality():
    wav = np.random.default_rng(0).dirichlet((1, 1, 1), size=(8, 4))
    assert sums_to_one(wav, ("sample", "category", "modality"))
    assert not sums_to_one(wav, ("modality", "sample", "category"))
