"""F-scores against the original's values and a plain reading of the rule, video by video."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mbias.scores.f_scores import LEVELS, METRICS, as_table, f_scores, predictions
from mbias.terms import Level, Metric

GOLDEN = Path(__file__).resolve().parents[2].parent / "shared" / "golden"


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="the original metric's values are not beside the checkout")
def test_reference():
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
    """Runs of True as sets of segments, by reading from left to right."""
    found, run = [], set()
    for segment, on in enumerate([*active, False]):
        if on:
            run.add(segment)
        elif run:
            found.append(run)
            run = set()
    return found


def counts(predicted, truth, level):
    if level == Level.SEGMENT:
        pairs = list(zip(predicted, truth, strict=True))
        return np.array(
            [sum(p and t for p, t in pairs), sum(p and not t for p, t in pairs), sum(t and not p for p, t in pairs)]
        )
    mine, its = events(predicted), events(truth)
    right = [any(len(a & b) / len(a | b) >= 0.5 for b in its) for a in mine]
    found = [any(len(a & b) / len(a | b) >= 0.5 for a in mine) for b in its]
    return np.array([sum(right), len(mine) - sum(right), len(its) - sum(found)])


def video_score(rows):
    """Mean F over the categories with something in them; 1 where there is none."""
    f = [2 * tp / (2 * tp + fp + fn) for tp, fp, fn in rows if tp + fp + fn]
    return np.mean(f) if f else 1.0


def plain_f_scores(predicted, truth):
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
def test_equals_the_rule_read_plainly(data, segments, categories):
    shape = (2, segments, 2, categories)
    predicted, truth = (data.draw(arrays(bool, shape)) for _ in range(2))
    np.testing.assert_allclose(f_scores(predicted, truth), plain_f_scores(predicted, truth), atol=1e-12)


def test_video_with_nothing_active_scores_one():
    nothing = np.zeros((1, 10, 2, 25), dtype=bool)
    assert (f_scores(nothing, nothing) == 1).all()


def test_event_worked_by_hand():
    predicted, truth = np.zeros((2, 1, 10, 2, 1), dtype=bool)
    predicted[0, 0:6, 0] = True
    truth[0, 0:3, 0] = True  # IoU 3 / 6: just right
    truth[0, 8:10, 0] = True  # missed
    table = as_table(f_scores(predicted, truth))
    assert table["event"]["audio"] == pytest.approx(2 / 3)
    assert table["segment"]["audio"] == pytest.approx(2 * 3 / (2 * 3 + 3 + 2))
    assert table["event"]["visual"] == 1


def test_predictions_need_the_video_level_probability_too():
    p = np.array([0.5, 0.49, 0.9]).reshape(1, 1, 1, 3).repeat(2, axis=2)
    predicted = predictions(p, np.array([[0.5, 0.9, 0.49]]))
    assert predicted[0, 0].tolist() == [[True, False, False]] * 2
