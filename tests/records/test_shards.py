"""Single arrays out of a file, beside safetensors' own reader."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors.numpy import load

from mbias.errors import BadInputError
from mbias.records import shards
from mbias.records.shards import inspect, read_array, read_arrays, write_arrays

KINDS = st.sampled_from(["?", "u1", "i1", "<u2", "<i4", "<u8", "<i8", "<f2", "<f4", "<f8"])
ARRAYS = arrays.arrays(KINDS, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))


@settings(deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=4).filter(lambda name: name != "__metadata__"), ARRAYS, min_size=1))
def test_one_array_is_what_safetensors_reads(tmp_path_factory, held):
    path = tmp_path_factory.getbasetemp() / "held.safetensors"
    whole = load(write_arrays(path, held))

    for name, array in whole.items():
        single = read_array(path, name)
        assert (single.dtype, single.shape) == (array.dtype, array.shape)
        assert single.tobytes() == array.tobytes()
    assert read_arrays(path).keys() == whole.keys()


@given(st.data())
def test_a_damaged_file_is_read_or_refused_in_one_line(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "damaged.safetensors"
    content = bytearray(write_arrays(path, {"p": np.arange(6.0).reshape(2, 3), "q": np.zeros(4, bool)}))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        read_array(path, "p")
    except BadInputError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [1000], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [-1, -2], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2], "data_offsets": [-8, 8]},
        {"dtype": "F32", "shape": [2.0], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 10**30]},
        {"dtype": "O", "shape": [1], "data_offsets": [0, 8]},
        {"shape": [2], "data_offsets": [0, 8]},
        [],
    ],
)
def test_a_header_that_lies_is_refused(tmp_path, entry):
    header = json.dumps({"p": entry}).encode()
    path = tmp_path / "lies.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))

    with pytest.raises(BadInputError, match="cut short or damaged"):
        read_array(path, "p")


@settings(deadline=None)
@given(
    st.dictionaries(st.text(min_size=1, max_size=4).filter(lambda name: name != "__metadata__"), ARRAYS, min_size=1),
    st.sampled_from([1, 10, 2**20]),
)
def test_a_file_that_is_read_once_holds_what_its_arrays_hold(tmp_path_factory, held, piece):
    path = tmp_path_factory.getbasetemp() / "inspected.safetensors"
    content = write_arrays(path, held)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "PIECE", piece)
        digest, found = inspect(path, sums=True)

    assert digest == hashlib.sha256(content).hexdigest()
    assert found.keys() == held.keys()
    for name, array in held.items():
        values = array.astype(float)
        assert (found[name].kind, found[name].shape) == (array.dtype, array.shape or (1,))
        extremes = found[name].extremes
        assert extremes.finite == np.isfinite(values).all()
        if values.size and extremes.finite:
            assert (extremes.low, extremes.high) == (values.min(), values.max())
        if values.size and values.ndim and extremes.finite and np.isfinite(values.sum(axis=-1)).all():
            assert extremes.from_one == np.abs(array.sum(axis=-1, dtype=float) - 1).max()


def test_a_file_whose_header_lies_is_digested_all_the_same(tmp_path):
    path = tmp_path / "lies.safetensors"
    for content in (b"", b"short", bytes(100), write_arrays(path, {"a": np.zeros(3)})[:-1]):
        path.write_bytes(content)
        assert inspect(path) == (hashlib.sha256(content).hexdigest(), None)
