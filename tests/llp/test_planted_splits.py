"""Splits of simulated LLP: sources, planted events, names and generators of videos."""

import re

import numpy as np
import pytest

from mbias.errors import BadInputError
from mbias.llp.event_sampler import Planter
from mbias.llp.knobs import ByCategory, Knobs
from mbias.llp.planted_splits import (
    FEATURES,
    PLANT,
    generator,
    plant_source,
    plant_split,
    read_source,
    video_name,
)
from mbias.llp.signals import Signals
from mbias.terms import CATEGORIES, Split


def samplers() -> tuple[Planter, Signals]:
    return Planter(Knobs()), Signals(Knobs(), seed=0)


def test_planted_labels_are_present_and_have_a_strength_only_where_present():
    planted = plant_split(5, Split.VAL, 0, *samplers())
    present = planted.presence.any(axis=1)
    for labels, of_video in zip(planted.labels, present, strict=True):
        assert {CATEGORIES[index] for index in np.flatnonzero(of_video.any(axis=0))} == set(labels)
    np.testing.assert_array_equal(planted.strengths > 0, present)


def test_a_signal_beyond_its_event_has_its_strength_and_no_label():
    knobs = Knobs(gaps=ByCategory(0.5))
    plain = plant_split(40, Split.VAL, 0, *samplers())
    planted = plant_split(40, Split.VAL, 0, Planter(knobs), Signals(knobs, seed=0))

    np.testing.assert_array_equal(planted.presence, plain.presence)
    assert planted.labels == plain.labels
    assert (planted.signal >= planted.presence).all()
    assert planted.signal.sum() > plain.signal.sum()
    np.testing.assert_array_equal(planted.strengths, plain.strengths)


def test_dense_labels_are_planted_and_weak_labels_are_completed(tiny):
    source = read_source(tiny, Split.VAL, None)
    np.testing.assert_array_equal(plant_source(source, Split.VAL, 0, *samplers()).presence, source.truth)
    train = plant_source(read_source(tiny, Split.TRAIN, None), Split.TRAIN, 0, *samplers())
    assert np.flatnonzero(train.presence.any(axis=(0, 1, 2))).tolist() == [CATEGORIES.index("Dog")]


def test_a_source_has_the_first_videos_and_refuses_more_than_there_are(tiny):
    assert read_source(tiny, Split.VAL, 1).videos == ("valueVideo1_0_10",)
    with pytest.raises(BadInputError, match="2 videos, fewer than the 3 requested; request fewer with --val"):
        read_source(tiny, Split.VAL, 3)


def test_video_names_have_the_format_of_llp_and_are_distinct():
    names = [video_name(seed, split, index) for seed in range(2) for split in Split for index in range(50)]
    assert len({name[:11] for name in names}) == len(names)
    for name in names:
        start, end = map(int, re.fullmatch(r"[\w-]{11}_(\d+)_(\d+)", name).groups())
        assert end - start == 10


def test_every_part_of_every_video_has_its_own_generator():
    draws = {
        generator(seed, split, index, part).random()
        for seed in range(2)
        for split in Split
        for index in range(2)
        for part in (PLANT, FEATURES)
    }
    assert len(draws) == 24
