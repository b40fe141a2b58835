"""F-scores agree with the original evaluation, and with a direct implementation video by video."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mbias.llp.predictions import split_truth, weak_everywhere
from mbias.scores.f_scores import (
    LEVELS,
    METRICS,
    PAPER_METRICS,
    as_table,
    event_counts,
    f_scores,
    predictions,
    segment_counts,
)
from mbias.terms import Level, Metric, Split

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
GOLDEN, LLP = SHARED / "golden", SHARED / "llp"


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


def alone(events, m, c):
    """Whether a category is present in modality m and not in the other one, segment by segment."""
    return [bool(here and not there) for here, there in zip(events[:, m, c], events[:, 1 - m, c], strict=True)]


def direct_f_scores(predicted, truth):
    scores = np.empty((len(predicted), len(LEVELS), len(METRICS)))
    for video, (p, t) in enumerate(zip(predicted, truth, strict=True)):
        for i, level in enumerate(LEVELS):
            categories = np.flatnonzero((p | t).any(axis=(0, 1)))
            audio, visual = ([counts(p[:, m, c], t[:, m, c], level) for c in categories] for m in range(2))
            both = [counts(p[:, :, c].all(axis=1), t[:, :, c].all(axis=1), level) for c in categories]
            only = [[counts(alone(p, m, c), alone(t, m, c), level) for c in categories] for m in range(2)]
            a, v, av, ao, vo = map(video_score, (audio, visual, both, *only))
            pooled = video_score([x + y for x, y in zip(audio, visual, strict=True)])
            scores[video, i] = a, v, av, (a + v + av) / 3, pooled, ao, vo
    return scores


@settings(max_examples=60, deadline=None)
@given(data=st.data(), segments=st.integers(1, 11), categories=st.integers(1, 3))
def test_scores_equal_a_direct_implementation(data, segments, categories):
    shape = (2, segments, 2, categories)
    predicted, truth = (data.draw(arrays(bool, shape)) for _ in range(2))
    np.testing.assert_allclose(f_scores(predicted, truth), direct_f_scores(predicted, truth), atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), segments=st.integers(1, 11), categories=st.integers(1, 3))
def test_swapping_the_modalities_swaps_their_scores(data, segments, categories):
    shape = (2, segments, 2, categories)
    predicted, truth = (data.draw(arrays(bool, shape)) for _ in range(2))
    swapped = [Metric.VISUAL, Metric.AUDIO, *METRICS[2:5], Metric.VISUAL_ONLY, Metric.AUDIO_ONLY]
    scores = f_scores(predicted[:, :, ::-1], truth[:, :, ::-1])
    np.testing.assert_allclose(scores, f_scores(predicted, truth)[:, :, list(map(METRICS.index, swapped))], atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), segments=st.integers(1, 11), categories=st.integers(1, 3))
def test_a_prediction_that_is_the_same_in_both_modalities_has_no_event_of_one_alone(data, segments, categories):
    """Ao and Vo are then 1 for a video without such events, and otherwise 0."""
    same, truth = (data.draw(arrays(bool, (4, segments, modalities, categories))) for modalities in (1, 2))
    scores = f_scores(np.repeat(same, 2, axis=2), truth)
    for metric, m in ((Metric.AUDIO_ONLY, 0), (Metric.VISUAL_ONLY, 1)):
        none = ~(truth[:, :, m] & ~truth[:, :, 1 - m]).any(axis=(1, 2))
        assert (scores[:, :, METRICS.index(metric)] == none[:, None]).all()


def test_events_of_one_modality_alone_by_hand():
    """Heard in segments 0 to 5 and seen in 4 to 9; predicted as heard in 0 to 7 and seen in 4 to 7."""
    predicted, truth = np.zeros((2, 1, 10, 2, 1), dtype=bool)
    truth[0, 0:6, 0] = truth[0, 4:10, 1] = True
    predicted[0, 0:8, 0] = predicted[0, 4:8, 1] = True
    table = as_table(f_scores(predicted, truth))

    # Audio-only are segments 0 to 3 in both; visual-only are 6 to 9 in truth, and none in the prediction.
    assert table["segment"]["audio"] == pytest.approx(2 * 6 / (2 * 6 + 2))
    assert (table["segment"]["audio_only"], table["event"]["audio_only"]) == (1, 1)
    assert (table["segment"]["visual_only"], table["event"]["visual_only"]) == (0, 0)


def test_a_segment_that_is_wrongly_seen_too_is_lost_to_ao():
    """Heard in segments 0 to 4, and predicted so: audio is right. The last three are predicted as seen: Ao is not."""
    predicted, truth = np.zeros((2, 1, 10, 2, 2), dtype=bool)
    truth[0, 0:5, 0, 0] = predicted[0, 0:5, 0, 0] = predicted[0, 2:5, 1, 0] = True
    # In another category, nothing is true, and two segments are predicted as seen only.
    predicted[0, 8:10, 1, 1] = True
    table = as_table(f_scores(predicted, truth))

    assert (table["segment"]["audio"], table["event"]["audio"]) == (1, 1)
    assert table["segment"]["audio_only"] == pytest.approx(2 * 2 / (2 * 2 + 3))
    # The event of segments 0 and 1 overlaps that of 0 to 4 by 2 / 5.
    assert table["event"]["audio_only"] == 0
    assert (table["segment"]["visual_only"], table["event"]["visual_only"]) == (0, 0)


@pytest.mark.skipif(not LLP.is_dir(), reason="the published LLP annotations are not available")
def test_weak_labels_in_all_segments_score_as_the_definition_says():
    predicted, truth = weak_everywhere(LLP, Split.TEST), split_truth(LLP, Split.TEST)
    assert (len(truth.videos), predicted.videos) == (1200, truth.videos)
    scores = f_scores(predicted.p, truth.dense)
    np.testing.assert_allclose(scores, direct_f_scores(predicted.p, truth.dense), atol=1e-12)

    # Without a prediction of one modality alone, Ao and Vo are the shares of videos in which none is true.
    audio, visual = truth.dense[:, :, 0], truth.dense[:, :, 1]
    shares = [1 - (events & ~others).any(axis=(1, 2)).mean() for events, others in ((audio, visual), (visual, audio))]
    table = as_table(scores)
    for level in LEVELS:
        assert [table[level][Metric.AUDIO_ONLY], table[level][Metric.VISUAL_ONLY]] == pytest.approx(shares)


def test_the_table_has_the_metrics_that_are_asked_for():
    nothing = np.zeros((1, 10, 2, 25), dtype=bool)
    table = as_table(f_scores(nothing, nothing), PAPER_METRICS)
    assert list(table["event"]) == ["audio", "visual", "audio_visual", "type_average", "event_average"]


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
