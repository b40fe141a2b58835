"""F-scores agree with the original evaluation, and with a direct implementation video by video."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mbias.scores.f_scores import LEVELS, METRICS, as_table, event_counts, f_scores, predictions, segment_counts
from mbias.terms import Level, Metric

GOLDEN = Path(__file__).resolve().parents[2].parent / "shared" / "golden"


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="the reference scores are not available")
def test_scores_agree_with_the_original_evaluation():
    reference = np.load(GOLDEN / "f_scores_reference.npz", allow_pickle=False)
    shape = reference["shape"]
    masks = np.unpackbits(reference["masks"])[: np.prod(shape)].reshape(shape).astype(bool)
    predicted, truth = (masks[:, kind].transpose(0, 3, 1, 2) for kind in (slice(0, 2), slice(2, 4)))
    scores = f_scores(predicted, truth)
    order = [METRICS.index(m) for m in (Metric.AUDIO, Metric.VISUAL, Metric.EVENT_AVERAGE, Metric.AUDIO_VISUAL)]
    for level in range(2):
        expected = reference["scores"][:, 4 * level : 4 * level + 4]
        np.testing.assert_allclose(scores[:, level][:, order], expected, atol=1e-9, rtol=0)


def events(active):
    """Return the runs of True as sets of segments."""
    runs, run = [], set()
    for segment, on in enumerate([*active, False]):
        if on:
            run.add(segment)
        elif run:
            runs.append(run)
            run = set()
    return runs


def counts(predicted, truth, level):
    if level == Level.SEGMENT:
        pairs = list(zip(predicted, truth, strict=True))
        return np.array(
            [sum(p and t for p, t in pairs), sum(p and not t for p, t in pairs), sum(t and not p for p, t in pairs)]
        )
    predicted_events, true_events = events(predicted), events(truth)
    right = [any(len(a & b) / len(a | b) >= 0.5 for b in true_events) for a in predicted_events]
    detected = [any(len(a & b) / len(a | b) >= 0.5 for a in predicted_events) for b in true_events]
    return np.array([sum(right), len(right) - sum(right), len(detected) - sum(detected)])


def video_score(rows):
    """Return the mean F over the active categories, or 1 if no category is active."""
    f = [2 * tp / (2 * tp + fp + fn) for tp, fp, fn in rows if tp + fp + fn]
    return np.mean(f) if f else 1.0


def direct_f_scores(predicted, truth):
    scores = np.empty((len(predicted), len(LEVELS), len(METRICS)))
    for video, (p, t) in enumerate(zip(predicted, truth, strict=True)):
        for i, level in enumerate(LEVELS):
            categories = range(p.shape[2])
            audio, visual = ([counts(p[:, m, c], t[:, m, c], level) for c in categories] for m in range(2))
            both = [counts(p[:, :, c].all(axis=1), t[:, :, c].all(axis=1), level) for c in categories]
            a, v, av = map(video_score, (audio, visual, both))
            pooled = video_score([x + y for x, y in zip(audio, visual, strict=True)])
            scores[video, i] = a, v, av, (a + v + av) / 3, pooled
    return scores


@settings(max_examples=60, deadline=None)
@given(data=st.data(), segments=st.integers(1, 11), categories=st.integers(1, 3))
def test_scores_equal_a_direct_implementation(data, segments, categories):
    shape = (2, segments, 2, categories)
    predicted, truth = (data.draw(arrays(bool, shape)) for _ in range(2))
    np.testing.assert_allclose(f_scores(predicted, truth), direct_f_scores(predicted, truth), atol=1e-12)


def test_a_video_without_active_categories_scores_one():
    nothing = np.zeros((1, 10, 2, 25), dtype=bool)
    assert (f_scores(nothing, nothing) == 1).all()


def test_an_example_computed_by_hand():
    predicted, truth = np.zeros((2, 1, 10, 2, 1), dtype=bool)
    predicted[0, 0:6, 0] = True
    truth[0, 0:3, 0] = True  # IoU 3 / 6, exactly the threshold
    truth[0, 8:10, 0] = True  # missed
    table = as_table(f_scores(predicted, truth))
    assert table["event"]["audio"] == pytest.approx(2 / 3)
    assert table["segment"]["audio"] == pytest.approx(2 * 3 / (2 * 3 + 3 + 2))
    assert table["event"]["visual"] == 1


def test_predictions_also_need_the_video_level_probability():
    p = np.array([0.5, 0.49, 0.9]).reshape(1, 1, 1, 3).repeat(2, axis=2)
    predicted = predictions(p, np.array([[0.5, 0.9, 0.49]]))
    assert predicted[0, 0].tolist() == [[True, False, False]] * 2


def test_counts_are_per_row_and_add_element_wise():
    predicted = np.array([[True, True, False, True], [False, False, False, False]])
    truth = np.array([[True, False, False, False], [True, True, False, True]])
    segments, runs = segment_counts(predicted, truth), event_counts(predicted, truth)
    assert [count.tolist() for count in segments] == [[1, 0], [2, 0], [0, 3]]
    assert [count.tolist() for count in runs] == [[1, 0], [1, 0], [0, 2]]
    assert [count.tolist() for count in segments + runs] == [[2, 0], [3, 0], [0, 5]]
