"""An epoch written from blocks of samples, beside the same epoch written from whole arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbias import Run, RunWriter
from mbias.errors import BadInputError
from mbias.records import summary
from mbias.records.validate import faults
from mbias.records.writing import columns_on_disk
from tests.records.written import CATEGORIES, DIMENSIONS, SAMPLES, SEGMENTS, drawn_attention, header

ARRAYS = {"wav": DIMENSIONS, "p_joint": ("video", "category"), "wtp": DIMENSIONS, "maps": ("modality", "video")}


def new_writer(path, labels="weak", **arrays):
    names = pd.DataFrame({"video": [f"v{i}" for i in range(SAMPLES)]})
    known = np.random.default_rng(3).random((SAMPLES, SEGMENTS, len(CATEGORIES))) < 0.3
    truth = {"weak": {"weak": known.any(axis=1)}, "dense": {"audio": known}, "none": {}}[labels]
    return RunWriter.create(path, header(arrays=ARRAYS | arrays), names, truth)


def epoch_arrays(names=("wtp", "wav", "p_joint")):
    rng = np.random.default_rng(1)
    return {name: drawn_attention(5) if name == "wav" else rng.random(_shape(name)) for name in names}


def _shape(name):
    return (SAMPLES, len(CATEGORIES)) if name == "p_joint" else (SAMPLES, SEGMENTS, 2, len(CATEGORIES))


def in_blocks(arrays, sizes):
    begin = 0
    for size in sizes:
        yield {name: array[begin : begin + size] for name, array in arrays.items()}
        begin += size


def files(path):
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


SIZES = st.lists(st.integers(0, SAMPLES)).map(lambda cuts: np.diff([0, *sorted(cuts), SAMPLES]).tolist())
"""Sizes of blocks that make up all samples; some may be empty."""


@settings(deadline=None, max_examples=50)  # each example syncs files
@given(
    sizes=SIZES,
    names=st.permutations(["wav", "p_joint", "wtp"]).flatmap(lambda names: st.sampled_from([names, names[:2]])),
    labels=st.sampled_from(["weak", "dense", "none"]),
    block=st.sampled_from([1, 100, 2**26]),
    part=st.sampled_from([1, 2**25]),
)
def test_blocks_make_the_record_of_whole_arrays(tmp_path_factory, sizes, names, labels, block, part):
    root = tmp_path_factory.mktemp("records")
    arrays = epoch_arrays(names)
    new_writer(root / "whole", labels).commit({"wsl": {"optimised": 0.5}}, arrays)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns_on_disk, "_BLOCK", block)
        patch.setattr(summary, "_PART", part)
        new_writer(root / "blocks", labels).commit({"wsl": {"optimised": 0.5}}, in_blocks(arrays, sizes))

    assert files(root / "blocks") == files(root / "whole")
    assert faults(root / "blocks") == []


def test_attention_of_other_dimensions_comes_in_blocks_too(tmp_path):
    dimensions = ("video", "head", "category", "modality")
    arrays = {"wav": np.random.default_rng(0).random((SAMPLES, 2, len(CATEGORIES), 2))}
    new_writer(tmp_path / "whole", wav=dimensions).commit({}, arrays)
    new_writer(tmp_path / "blocks", wav=dimensions).commit({}, in_blocks(arrays, [2, 4]))

    assert files(tmp_path / "blocks") == files(tmp_path / "whole")


def _renamed(blocks):
    for number, block in enumerate(blocks):
        yield block if number != 1 else {"wav": block["wav"]}


def _changed(name, change):
    def changed(blocks):
        for number, block in enumerate(blocks):
            yield block if number != 1 else block | {name: change(block[name])}

    return changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda blocks: list(blocks)[:2], "arrays: the blocks end after 4 of 6 videos, so the epoch is not committed"),
        (lambda blocks: [*blocks, *in_blocks(epoch_arrays(), [1])], "arrays: block 4 ends with sample 7, but the run"),
        (lambda blocks: [], "arrays: block 1 holds no array"),
        (lambda blocks: [1, 2], "arrays: block 1: 1 is not a dict; give the next samples"),
        (_renamed, "arrays: block 2 holds wav, block 1 wtp, wav, p_joint; give the rows of every array"),
        (_changed("wav", lambda rows: rows[:1]), r"block 2: array 'wtp' has shape \(2, 4, 2, 3\); it must be video"),
        (_changed("wav", lambda rows: rows * np.nan), "block 2: array 'wav' holds NaN or infinity at epoch 2"),
        (_changed("wtp", lambda rows: rows[:, :1]), r"block 2: array 'wtp' has shape \(2, 1, 2, 3\); as in block 1"),
        (_changed("p_joint", lambda rows: rows + 7), "block 2: array 'p_joint' holds 7.* not probabilities"),
        (_changed("p_joint", lambda rows: "text"), "block 2: array 'wtp' has shape"),
    ],
)
def test_a_wrong_block_commits_nothing(tmp_path, change, message):
    writer = new_writer(tmp_path / "run")
    writer.commit({}, epoch_arrays())
    before = files(tmp_path)
    with pytest.raises(BadInputError, match=message):
        writer.commit({}, change(in_blocks(epoch_arrays(), [2, 2, 2])))

    assert files(tmp_path) == before
    assert writer.commit({}, in_blocks(epoch_arrays(), [3, 3])).epoch == 2


def test_an_error_of_the_iterator_commits_nothing(tmp_path):
    def broken():
        yield from in_blocks(epoch_arrays(), [2, 2])
        raise KeyError("the model failed")

    writer = new_writer(tmp_path / "run")
    before = files(tmp_path)
    with pytest.raises(KeyError, match="the model failed"):
        writer.commit({}, broken())

    assert files(tmp_path) == before
    assert Run(tmp_path / "run").commits == ()


def test_arrays_whose_rows_are_not_samples_are_given_whole(tmp_path):
    writer = new_writer(tmp_path / "run")
    with pytest.raises(BadInputError, match="'maps' is modality x video; blocks of samples need video first"):
        writer.commit({}, iter([{"maps": np.zeros((2, SAMPLES))}]))


def test_what_is_neither_arrays_nor_blocks_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="arrays: None is not a dict; give the arrays by name, or an iterator"):
        new_writer(tmp_path / "run").commit({}, None)
