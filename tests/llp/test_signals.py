"""Simulated features: directions, strengths and frames."""

import numpy as np
import pytest

from mbias.llp.features import pool_rows
from mbias.llp.knobs import ByCategory, Knobs, Pairs
from mbias.llp.signals import Signals, share_directions, unit_rows
from mbias.llp.streams.presets import CLIP_CLAP_STREAMS, HAN_STREAMS
from mbias.terms import CATEGORIES

SPEECH, DOG, BLENDER, VACUUM = (CATEGORIES.index(name) for name in ("Speech", "Dog", "Blender", "Vacuum_cleaner"))


def test_the_directions_of_a_confusable_pair_correlate_and_others_do_not():
    own = unit_rows(np.random.default_rng(0).standard_normal((25, 20_000)))
    knobs = Knobs(confusable=0.8, confusable_pairs=Pairs.parse("Blender+Vacuum_cleaner"))
    mixed = share_directions(own, knobs, np.random.default_rng(1))
    cosines = mixed @ mixed.T
    assert cosines[BLENDER, VACUUM] == pytest.approx(0.8, abs=0.02)
    assert cosines[BLENDER, SPEECH] == pytest.approx(0, abs=0.03)
    np.testing.assert_array_equal(mixed[SPEECH], own[SPEECH])


def test_strength_knobs_set_the_strength_per_modality_and_category():
    knobs = Knobs(audio_strength=ByCategory(2, {"Dog": 8}), category_spread=0.0, event_spread=0.0)
    strengths = Signals(knobs, seed=0).strengths(np.random.default_rng(0))
    assert strengths[0, DOG] == 8
    assert strengths[0, SPEECH] == 2
    assert (strengths[1] == np.float32(knobs.visual_strength.default)).all()


def test_the_mean_of_the_frames_of_a_segment_is_the_pooled_frame():
    signals, rng = Signals(Knobs(), seed=0), np.random.default_rng(0)
    pooled = rng.standard_normal((10, 2048)).astype(np.float32)
    frames = signals.rows(HAN_STREAMS[1], pooled, rng).reshape(10, 8, 2048)
    np.testing.assert_allclose(frames.mean(axis=1), pooled, atol=1e-5)
    assert frames.std(axis=1).mean() > 0.5


def test_the_means_of_a_simulated_feature_map_are_the_pooled_rows():
    signals, rng = Signals(Knobs(), seed=0, streams=CLIP_CLAP_STREAMS), np.random.default_rng(0)
    pooled = rng.standard_normal((10, 768)).astype(np.float32)
    rows = signals.rows(CLIP_CLAP_STREAMS[0], pooled, rng)
    assert (rows.shape, rows.dtype) == ((64, 768), np.float32)
    np.testing.assert_allclose(pool_rows(rows), pooled, atol=1e-5)
    # The bands and the steps within a segment differ.
    assert (rows[:32] - rows[32:]).std() > 0.5
    assert rows[:3].std(axis=0).mean() > 0.5


def test_a_file_with_one_row_per_segment_holds_the_pooled_rows():
    signals, pooled = Signals(Knobs(), seed=0, streams=CLIP_CLAP_STREAMS), np.ones((10, 768), np.float32)
    np.testing.assert_array_equal(signals.rows(CLIP_CLAP_STREAMS[1], pooled, np.random.default_rng(0)), pooled)


def test_an_event_changes_only_the_streams_and_segments_that_carry_it():
    signals = Signals(Knobs(), seed=0)
    silent, barking = np.zeros((2, 10, 2, 25), bool)
    barking[3:5, 0, DOG] = True
    strengths = signals.strengths(np.random.default_rng(1))
    before, after = (signals.features(presence, strengths, np.random.default_rng(2)) for presence in (silent, barking))
    assert np.flatnonzero((before["audio"] != after["audio"]).any(axis=1)).tolist() == [3, 4]
    for stream in ("frames", "motion"):
        np.testing.assert_array_equal(before[stream], after[stream])
