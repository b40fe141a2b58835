import numpy as np
import pytest

from mbias.errors import BadInputError
from mbias.llp.knobs import ByCategory, Knobs, Pairs
from mbias.llp.planting import Planter, carrier_shares
from mbias.llp.population import read_statistics
from mbias.llp.signals import Signals, share_directions, unit_rows
from mbias.terms import CATEGORIES

SPEECH, DOG, BLENDER, VACUUM = (CATEGORIES.index(name) for name in ("Speech", "Dog", "Blender", "Vacuum_cleaner"))


def presences(knobs: Knobs, category: int, count: int = 600) -> np.ndarray:
    """bool (video, segment, modality) of one category."""
    planter, rng = Planter(knobs), np.random.default_rng(5)
    return np.array([planter.presence([category], rng)[:, :, category] for _ in range(count)])


def shares(present: np.ndarray) -> tuple[float, float, float]:
    heard, seen = present.any(axis=1).T
    return float((heard & ~seen).mean()), float((seen & ~heard).mean()), float((heard & seen).mean())


def test_statistics_are_llps():
    known = read_statistics()
    assert known.label_set_counts.sum() == 10_000
    assert known.category_shares[SPEECH] * sum(
        len(labels) * count for labels, count in zip(known.label_sets, known.label_set_counts, strict=True)
    ) == pytest.approx(4988)
    assert known.carriers[SPEECH].tolist() == [0.7727, 0.002, 0.2253]
    np.testing.assert_allclose(known.carriers.sum(axis=1), 1, atol=2e-4)
    np.testing.assert_allclose(known.span_shares.sum(axis=-1), 1)
    lengths = known.spans[:, 1] - known.spans[:, 0]
    # Speech is heard for 3.6285 s, 9.79 % of its events for all ten
    assert known.span_shares[0, SPEECH] @ lengths == pytest.approx((3.6285 - 10 * 0.0979) / (1 - 0.0979), abs=1e-3)


def test_default_events_have_llps_carriers_durations_and_asynchrony():
    present = presences(Knobs(), SPEECH, 3000)
    assert shares(present) == pytest.approx((0.7727, 0.002, 0.2253), abs=0.03)
    heard = present[present[:, :, 0].any(axis=1), :, 0]
    starts = (heard & ~np.pad(heard, ((0, 0), (1, 0)))[:, :-1]).sum()
    assert heard.sum() / starts == pytest.approx(3.63, rel=0.1)
    both = present[present.any(axis=1).all(axis=1)]
    assert (both[:, :, 0] == both[:, :, 1]).all(axis=1).mean() == pytest.approx(0.686, abs=0.06)
    assert both.all(axis=2).any(axis=1).mean() > 0.99  # what is heard and seen overlaps


def test_off_screen_and_silent_knobs_turn_their_shares():
    assert shares(presences(Knobs(off_screen=ByCategory(0)), SPEECH))[0] == 0
    assert shares(presences(Knobs(silent=ByCategory(0)), DOG))[1] == 0
    assert shares(presences(Knobs(silent=ByCategory(1, {"Dog": 4})), DOG))[1] == pytest.approx(4 * 0.1294, abs=0.06)


def test_shares_that_exceed_one_are_brought_down_in_proportion():
    scaled = carrier_shares(np.array([[0.5, 0.25, 0.25]]), np.array([2.0]), np.array([2.0]))
    np.testing.assert_allclose(scaled, [[2 / 3, 1 / 3, 0]])
    np.testing.assert_allclose(
        carrier_shares(np.array([[0.5, 0.25, 0.25]]), np.array([0.5]), np.array([1.0])), [[0.25, 0.25, 0.5]]
    )


def test_asynchrony_knob_makes_times_the_same_or_different():
    for scale, same in ((0, 1.0), (10, 0.0)):
        present = presences(Knobs(asynchrony=ByCategory(scale)), DOG)
        both = present[present.any(axis=1).all(axis=1)]
        assert (both[:, :, 0] == both[:, :, 1]).all(axis=1).mean() == pytest.approx(same, abs=0.02)


def test_cooccurrence_knob_breaks_label_sets_up():
    known = {frozenset(labels) for labels in read_statistics().label_sets}
    for share, odd in ((1.0, False), (0.0, True)):
        planter, rng = Planter(Knobs(cooccurrence=share)), np.random.default_rng(1)
        drawn = [planter.labels(rng) for _ in range(300)]
        assert any(frozenset(labels) not in known for labels in drawn) == odd
        assert all(len(set(labels)) == len(labels) for labels in drawn)


def test_confusable_sounds_share_their_direction_and_pictures_do_not():
    own = unit_rows(np.random.default_rng(0).standard_normal((25, 20_000)))
    knobs = Knobs(confusable=0.8, confusable_pairs=Pairs.parse("Blender+Vacuum_cleaner"))
    mixed = share_directions(own, knobs, np.random.default_rng(1))
    alike = mixed @ mixed.T
    assert alike[BLENDER, VACUUM] == pytest.approx(0.8, abs=0.02)
    assert alike[BLENDER, SPEECH] == pytest.approx(0, abs=0.03)
    np.testing.assert_array_equal(mixed[SPEECH], own[SPEECH])


def test_strength_knobs_are_by_modality_and_category():
    knobs = Knobs(audio_strength=ByCategory(2, {"Dog": 8}), category_spread=0.0, event_spread=0.0)
    strengths = Signals(knobs, seed=0).strengths(np.random.default_rng(0))
    assert strengths[0, DOG] == 8
    assert strengths[0, SPEECH] == 2
    assert (strengths[1] == np.float32(knobs.visual_strength.default)).all()


def test_knobs_are_read_as_they_are_written():
    texts = {"off_screen": "0.5,Speech=2", "confusable_pairs": "Car+Dog", "confusable": "0.3", "silent": None}
    knobs = Knobs.parse(texts)
    assert knobs.off_screen.array()[[SPEECH, DOG]].tolist() == [2, 0.5]
    assert knobs.silent == Knobs().silent
    assert knobs.to_json() | {"off_screen": "0.5,Speech=2", "confusable_pairs": "Car+Dog"} == knobs.to_json()
    assert Knobs.parse({name: str(value) for name, value in knobs.to_json().items()}) == knobs


@pytest.mark.parametrize(
    ("knob", "text", "words"),
    [
        ("off_screen", "x", "--off-screen: 'x' is not a number"),
        ("off_screen", "1,Sperch=2", "'Sperch=2' is no CATEGORY=NUMBER"),
        ("silent", "-1", "--silent: '-1'"),
        ("video_noise", "nan", "--video-noise: 'nan'"),
        ("cooccurrence", "1.5", "cooccurrence is 1.5: it must be from 0 to 1"),
        ("confusable_pairs", "Car+Dog,Dog+Cat", "each once"),
        ("confusable_pairs", "Car", "take pairs"),
    ],
)
def test_a_knob_out_of_its_range_is_refused(knob, text, words):
    with pytest.raises(BadInputError) as error:
        Knobs.parse({knob: text})
    assert words in str(error.value)
