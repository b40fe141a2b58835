"""The vocabulary: names in files, names on screen, and validation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbias.errors import BadInputError
from mbias.terms import PRESETS, Modality, Smoothing, Variant, recorded_smoothing, smoothing_name


def test_display_names():
    assert [v.display_name for v in Variant] == [
        "A_self + V_self",
        "A_self + V_cross",
        "A_cross + V_self",
        "A_cross + V_cross",
    ]
    assert [s.display_name for s in PRESETS.values()] == ["No-LS", "LS-A", "LS-V", "LS-AV"]
    names = ("ls_v0.1", "ls_v0.2", "ls_a0.2_v0.2", "ls_a0.2_v0.1", "ls_v0.2_k4", "ls_a0.1_k3", "mixup_0")
    shown = ["LS-V", "LS-V 0.2", "LS-AV 0.2", "LS-AV 0.2/0.1", "LS-V 0.2 K 4", "LS-A 0.1 K 3", "MIXUP-0"]
    assert [smoothing_name(name) for name in names] == shown


def test_the_name_of_a_variant_states_which_modality_attends_to_the_other():
    assert [(v.audio_cross, v.visual_cross) for v in Variant] == [
        (False, False),
        (False, True),
        (True, False),
        (True, True),
    ]


@given(audio=st.integers(0, 99), visual=st.integers(0, 99), k=st.integers(2, 30))
def test_a_smoothing_is_parsed_from_its_name(audio, visual, k):
    if audio == visual == 0:
        k = 2
    smoothing = Smoothing(audio / 100, visual / 100, k)
    assert Smoothing.parse(smoothing.name) == smoothing


@given(audio=st.integers(0, 99), visual=st.integers(0, 99), k=st.integers(2, 30))
def test_the_kind_of_a_smoothing_is_the_preset_of_its_modalities(audio, visual, k):
    smoothing = Smoothing(audio / 100, visual / 100, k)
    preset = PRESETS[smoothing.kind]
    assert [preset[m] > 0 for m in Modality] == [audio > 0, visual > 0]
    assert bool(smoothing.strength) == bool(audio or visual)


@given(delta=st.integers(1, 99))
def test_a_preset_takes_the_delta_it_is_given(delta):
    presets = [Smoothing.parse(name, delta / 100) for name in PRESETS]
    assert [smoothing.kind for smoothing in presets] == list(PRESETS)
    assert [smoothing.strength for smoothing in presets] == ["", *3 * [f"{delta / 100:g}"]]
    assert Smoothing.parse("ls_v0.3", delta / 100) == Smoothing(visual=0.3)


def test_a_record_without_a_smoothing_has_none():
    assert [recorded_smoothing(name) for name in (None, "mixup", "ls_v2")] == [None, None, None]
    assert recorded_smoothing("ls_v") == PRESETS["ls_v"]


@pytest.mark.parametrize("name", ["", "ls", "LS-V", "ls_a1", "ls_v0.1_a0.1", "ls_a0.1_k1", "ls_k3"])
def test_an_invalid_smoothing_is_refused(name):
    with pytest.raises(BadInputError):
        Smoothing.parse(name)


def test_the_error_for_an_unknown_variant_lists_the_variants():
    with pytest.raises(BadInputError, match="across_vself"):
        Variant.parse("across")
