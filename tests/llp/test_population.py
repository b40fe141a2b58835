"""The statistics of LLP agree with the published numbers and are proper distributions."""

import numpy as np
import pytest

from mbias.llp.population import read_statistics
from mbias.terms import CATEGORIES

SPEECH = CATEGORIES.index("Speech")


def test_statistics_are_those_of_llp():
    llp = read_statistics()
    assert llp.label_set_counts.sum() == 10_000
    assert llp.category_shares[SPEECH] * sum(
        len(labels) * count for labels, count in zip(llp.label_sets, llp.label_set_counts, strict=True)
    ) == pytest.approx(4988)
    assert llp.carriers[SPEECH].tolist() == [0.7727, 0.002, 0.2253]
    np.testing.assert_allclose(llp.carriers.sum(axis=1), 1, atol=2e-4)
    np.testing.assert_allclose(llp.span_shares.sum(axis=-1), 1)
    lengths = llp.spans[:, 1] - llp.spans[:, 0]
    # A Speech event lasts 3.6285 s on average, and 9.79 % of them fill all ten segments.
    assert llp.span_shares[0, SPEECH] @ lengths == pytest.approx((3.6285 - 10 * 0.0979) / (1 - 0.0979), abs=1e-3)


def test_every_span_is_shorter_than_the_video_and_not_empty():
    spans = read_statistics().spans
    lengths = spans[:, 1] - spans[:, 0]
    assert (lengths.min(), lengths.max()) == (1, 9)
    assert len({tuple(span) for span in spans.tolist()}) == len(spans) == 54
