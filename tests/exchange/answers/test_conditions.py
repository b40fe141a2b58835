"""What the names of conditions mean."""

from __future__ import annotations

import pytest

from mbias.errors import BadInputError
from mbias.exchange.answers.conditions import Meaning, meaning, modalities_of


def removed(*modalities):
    return Meaning("removed", modalities)


def kept(*modalities):
    return Meaning("kept", modalities)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (("full", "Original", "all modalities", "both", "clean input"), Meaning("kept", all=True)),
        (
            ("av", "AV", "audio-visual", "audiovisual", "audio+video", "audio_and_visual", "a_v"),
            kept("audio", "visual"),
        ),
        (
            ("no audio", "no_audio", "w/o audio", "w/o_audio", "without-sound", "muted audio", "audio off"),
            removed("audio"),
        ),
        (("noAudio", "audio removed", "Silent Audio", "wo_audio"), removed("audio")),
        (("no video", "no vision", "blank frames", "drop_visual"), removed("visual")),
        (("no audio no video", "without audio and video"), removed("audio", "visual")),
        (("audio only", "audio-only", "only audio", "audioOnly", "audio", "a"), kept("audio")),
        (("swapped audio", "mismatched_audio", "audio shuffled"), Meaning("permuted", ("audio",))),
        (("swapped", "mismatched"), Meaning("permuted")),
        (("swapped both", "shuffle all"), Meaning("permuted", all=True)),
        (("none", "blind", "no input", "no modalities"), Meaning("removed", all=True)),
        (("text only", "question only"), kept("text")),
        (("", "?", "experiment 3", "with audio", "w/ audio", "-audio", "noisy audio", "muted", "random"), None),
        (("no audio only", "no audio, swapped video", "only", "full audio"), None),
    ],
)
def test_words(conditions, expected):
    assert {condition: meaning(condition) for condition in conditions} == dict.fromkeys(conditions, expected)


def test_modalities_that_are_given_may_have_any_name():
    assert meaning("no radar map") is None
    assert meaning("no radar", ["radar", "camera"]) == removed("radar")
    assert meaning("Kamera only", ["kamera"]) == kept("kamera")


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (("full", "no audio", "no video"), ["audio", "video"]),
        (("av", "a", "v"), ["audio", "visual"]),
        (("no_audio", "vision_only"), ["audio", "vision"]),
        (("full", "audio only", "video only", "text only"), ["audio", "video"]),
        (("full", "audio only", "video only", "no text"), ["audio", "video", "text"]),
        (("image only", "text only"), ["image", "text"]),
    ],
)
def test_modalities_are_named_by_conditions(conditions, expected):
    assert list(modalities_of([meaning(name) for name in conditions], conditions).values()) == expected


def test_one_modality_is_too_few():
    with pytest.raises(BadInputError, match=r"fewer than two modalities \(audio\); name all of them \(--modalities"):
        modalities_of([meaning("no audio")], ["no audio"])
