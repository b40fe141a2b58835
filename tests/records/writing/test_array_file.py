"""Files of arrays that are written piece by piece, beside those of safetensors."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from mbias.records.writing.array_file import new_array_file


@given(
    st.dictionaries(
        st.text(st.characters(codec="ascii", min_codepoint=48, max_codepoint=122), min_size=1, max_size=4),
        st.tuples(st.sampled_from(["<f4", "<i8", "|b1"]), st.lists(st.integers(0, 3), max_size=3)),
        min_size=1,
        max_size=5,
    ),
    st.randoms(use_true_random=False),
)
def test_arrays_written_one_by_one_make_the_file_of_safetensors(tmp_path_factory, kinds, random):
    rng = np.random.default_rng(0)
    arrays = {name: rng.integers(0, 2, shape).astype(kind) for name, (kind, shape) in kinds.items()}
    path = tmp_path_factory.mktemp("arrays") / "a.safetensors"
    order = list(arrays)
    random.shuffle(order)

    with new_array_file(path, {name: (array.dtype, array.shape) for name, array in arrays.items()}) as file:
        for name in order:
            file.add(name, arrays[name])
        size, sha256 = file.close()

    content = path.read_bytes()
    assert content == save(arrays)
    assert (size, sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_a_file_that_is_not_finished_leaves_the_old_one(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"old")

    with pytest.raises(KeyError), new_array_file(path, {"a": (np.dtype("<f4"), (2,))}) as file:
        file.add("a", np.zeros(2, np.float32))
        raise KeyError

    assert [(found.name, found.read_bytes()) for found in tmp_path.iterdir()] == [("a.safetensors", b"old")]
