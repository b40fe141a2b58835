"""Sampled events follow the statistics of LLP and the knobs that scale them."""

import numpy as np
import pytest

from mbias.llp.event_sampler import Planter, carrier_shares
from mbias.llp.knobs import ByCategory, Knobs
from mbias.llp.population import read_statistics
from mbias.terms import CATEGORIES

SPEECH, DOG = (CATEGORIES.index(name) for name in ("Speech", "Dog"))


def presences(knobs: Knobs, category: int, count: int = 600) -> np.ndarray:
    """Sample one category, bool (video, segment, modality)."""
    planter, rng = Planter(knobs), np.random.default_rng(5)
    return np.array([planter.presence([category], rng)[:, :, category] for _ in range(count)])


def shares(present: np.ndarray) -> tuple[float, float, float]:
    """Return the shares of videos in which the category is only heard, only seen, and both."""
    heard, seen = present.any(axis=1).T
    return float((heard & ~seen).mean()), float((seen & ~heard).mean()), float((heard & seen).mean())


def test_default_knobs_reproduce_carriers_durations_and_asynchrony_of_llp():
    present = presences(Knobs(), SPEECH, 3000)
    assert shares(present) == pytest.approx((0.7727, 0.002, 0.2253), abs=0.03)
    heard = present[present[:, :, 0].any(axis=1), :, 0]
    starts = (heard & ~np.pad(heard, ((0, 0), (1, 0)))[:, :-1]).sum()
    assert heard.sum() / starts == pytest.approx(3.63, rel=0.1)
    both = present[present.any(axis=1).all(axis=1)]
    assert (both[:, :, 0] == both[:, :, 1]).all(axis=1).mean() == pytest.approx(0.686, abs=0.06)
    assert both.all(axis=2).any(axis=1).mean() > 0.99  # the two times of an audio-visual event overlap


def test_off_screen_and_silent_knobs_scale_their_shares():
    assert shares(presences(Knobs(off_screen=ByCategory(0)), SPEECH))[0] == 0
    assert shares(presences(Knobs(silent=ByCategory(0)), DOG))[1] == 0
    assert shares(presences(Knobs(silent=ByCategory(1, {"Dog": 4})), DOG))[1] == pytest.approx(4 * 0.1294, abs=0.06)


def test_shares_that_sum_to_more_than_one_are_reduced_in_proportion():
    scaled = carrier_shares(np.array([[0.5, 0.25, 0.25]]), np.array([2.0]), np.array([2.0]))
    np.testing.assert_allclose(scaled, [[2 / 3, 1 / 3, 0]])
    np.testing.assert_allclose(
        carrier_shares(np.array([[0.5, 0.25, 0.25]]), np.array([0.5]), np.array([1.0])), [[0.25, 0.25, 0.5]]
    )


def test_asynchrony_knob_makes_audio_and_visual_times_identical_or_different():
    for scale, same in ((0, 1.0), (10, 0.0)):
        present = presences(Knobs(asynchrony=ByCategory(scale)), DOG)
        both = present[present.any(axis=1).all(axis=1)]
        assert (both[:, :, 0] == both[:, :, 1]).all(axis=1).mean() == pytest.approx(same, abs=0.02)


def test_cooccurrence_knob_replaces_label_sets_by_independent_labels():
    label_sets = {frozenset(labels) for labels in read_statistics().label_sets}
    for share, has_new_sets in ((1.0, False), (0.0, True)):
        planter, rng = Planter(Knobs(cooccurrence=share)), np.random.default_rng(1)
        drawn = [planter.labels(rng) for _ in range(300)]
        assert any(frozenset(labels) not in label_sets for labels in drawn) == has_new_sets
        assert all(len(set(labels)) == len(labels) for labels in drawn)


def test_gaps_knob_lets_a_sound_and_a_look_fill_the_video():
    rng = np.random.default_rng(0)
    presence = np.zeros((10, 2, 25), bool)
    presence[3:5, 0, SPEECH] = presence[6:, 1, DOG] = True
    drawn = np.array([Planter(Knobs(gaps=ByCategory(0, {"Dog": 0.4}))).signal(presence, rng) for _ in range(2000)])

    np.testing.assert_array_equal(drawn[:, :, 0, SPEECH], np.broadcast_to(presence[:, 0, SPEECH], (2000, 10)))
    filled = drawn[:, :, 1, DOG].all(axis=1)
    assert filled.mean() == pytest.approx(0.4, abs=0.04)
    np.testing.assert_array_equal(drawn[~filled][:, :, 1, DOG].any(axis=0), presence[:, 1, DOG])
    assert drawn.any(axis=(0, 1)).sum() == 2  # nothing is heard or seen that has no event in that modality
