from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mbias.records import shards, summary
from mbias.records.summary import attention_summary, presence


def test_summary_by_hand():
    wav = np.array([0.95, 0.2, 0.5, 0.92]).reshape(2, 2, 1, 1)
    wav = np.concatenate([wav, 1 - wav], axis=2)
    present = np.array([[True, False], [False, True]])[..., None]
    summary = attention_summary(wav, present)
    names = ("mean", "q05", "q25", "q50", "q75", "q95", "saturated")
    everywhere = dict(zip(names, summary[0, :, 0, 0], strict=True))
    assert everywhere["mean"] == pytest.approx(0.6425)
    assert everywhere["q50"] == pytest.approx((0.5 + 0.92) / 2)
    assert everywhere["saturated"] == 0.5
    where_present = dict(zip(names, summary[1, :, 0, 0], strict=True))
    assert where_present["mean"] == pytest.approx(0.935)
    assert where_present["saturated"] == 1
    assert np.isnan(attention_summary(wav, ~present & present)[1]).all()


def test_weak_labels_make_every_segment_present():
    weak = np.array([[True, False]])
    assert presence({"weak": weak}, ("audio", "visual")).tolist() == [[[True, False]]]
    assert presence({}, ("audio", "visual")) is None


def by_definition(attention, present):
    """The summary of all weights at once, each statistic by NumPy's function."""
    columns = np.ascontiguousarray(attention.reshape(-1, *attention.shape[-2:]).transpose(1, 2, 0))
    mask = np.broadcast_to(present, (*attention.shape[:-2], attention.shape[-1])).reshape(-1, attention.shape[-1])
    summary = np.full((2, 7, *attention.shape[-2:]), np.nan, dtype=np.float32)
    for modality, category in np.ndindex(attention.shape[-2:]):
        column = columns[modality, category]
        for scope, values in enumerate((column, column[mask[:, category]])):
            if len(values):
                quantiles = np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95])
                summary[scope, :, modality, category] = [
                    values.mean(dtype=np.float64),
                    *quantiles,
                    np.mean(values > 0.9),
                ]
    return summary


@given(
    attention=arrays.array_shapes(min_dims=3, max_dims=4, max_side=7).flatmap(
        lambda shape: arrays.arrays(np.float32, shape, elements=st.floats(0, 1, width=32))
    ),
    seed=st.integers(0, 9),
    part=st.sampled_from([1, 40, 200, 2**20]),
    piece=st.sampled_from([1, 40, 2**20]),
    fewest=st.integers(1, 3),
    long=st.sampled_from([1, 20, 10_000]),
)
def test_categories_at_a_time_make_the_summary_of_all(attention, seed, part, piece, fewest, long):
    samples, *between, _, categories = attention.shape
    present = np.random.default_rng(seed).random((samples, *([1] * len(between)), categories)) < 0.5
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(summary, "_PART", part)
        patch.setattr(summary, "_LONG", long)
        patch.setattr(shards, "PIECE", piece)
        patch.setattr(summary.ColumnsInMemory, "fewest", fewest)
        found = attention_summary(attention, present)

    assert found.tobytes() == by_definition(attention, present).tobytes()


COLUMNS = st.one_of(
    arrays.arrays(np.float32, st.integers(1, 300), elements=st.floats(0, 1, width=32)),
    arrays.arrays(np.float32, st.integers(1, 300), elements=st.sampled_from([0, 0.25, 0.5, 1])),
    st.integers(1, 20_000).map(lambda number: np.random.default_rng(number).random(number, dtype=np.float32)),
    st.integers(1, 20_000).map(lambda number: np.sort(np.random.default_rng(number).random(number, dtype=np.float32))),
    st.integers(1, 20_000).map(lambda number: np.random.default_rng(number).beta(0.1, 0.1, number).astype(np.float32)),
)


@given(COLUMNS, st.sampled_from([1, 2, 17, 1000]))
def test_quantiles_of_long_columns_are_those_of_numpy_to_the_last_bit(column, step):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(summary, "_STEP", step)
        found = summary._quantiles(column)

    expected = np.quantile(column, [0.05, 0.25, 0.5, 0.75, 0.95])
    assert expected.dtype == found.dtype
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("number", [8191, 8193, 20_000])
def test_long_columns_have_the_same_bits_one_at_a_time(number, monkeypatch):
    attention = np.random.default_rng(number).random((number, 2, 3), dtype=np.float32)
    present = attention[:, 0] < 0.3
    whole = attention_summary(attention, present)
    monkeypatch.setattr(summary, "_PART", 1)
    monkeypatch.setattr(summary.ColumnsInMemory, "fewest", 1)

    assert attention_summary(attention, present).tobytes() == whole.tobytes()
    assert whole.tobytes() == by_definition(attention, present).tobytes()
