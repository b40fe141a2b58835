"""The vocabulary: names in files, names on screen, and validation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbias.errors import BadInputError
from mbias.terms import PRESETS, Smoothing, Variant, smoothing_name


def test_display_names():
    assert [v.display_name for v in Variant] == [
        "A_self + V_self",
        "A_self + V_cross",
        "A_cross + V_self",
        "A_cross + V_cross",
    ]
    assert [s.display_name for s in PRESETS.values()] == ["No-LS", "LS-A", "LS-V", "LS-AV"]
    assert smoothing_name("ls_a0.2_v0.1") == "LS-A0.2-V0.1"


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


@pytest.mark.parametrize("name", ["", "ls", "LS-V", "ls_a1", "ls_v0.1_a0.1", "ls_a0.1_k1", "ls_k3"])
def test_an_invalid_smoothing_is_refused(name):
    with pytest.raises(BadInputError):
        Smoothing.parse(name)


def test_the_error_for_an_unknown_variant_lists_the_variants():
    with pytest.raises(BadInputError, match="across_vself"):
        Variant.parse("across")
