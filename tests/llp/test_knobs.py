"""Knobs are read from text, written as text, and validated."""

import pytest

from mbias.errors import BadInputError
from mbias.llp.knobs import ByCategory, Knobs, Pairs
from mbias.terms import CATEGORIES

SPEECH, DOG = (CATEGORIES.index(name) for name in ("Speech", "Dog"))


def test_knobs_that_are_written_and_read_again_are_unchanged():
    texts = {"off_screen": "0.5,Speech=2", "confusable_pairs": "Car+Dog", "confusable": "0.3", "silent": None}
    knobs = Knobs.parse(texts)
    assert knobs.off_screen.array()[[SPEECH, DOG]].tolist() == [2, 0.5]
    assert knobs.silent == Knobs().silent
    assert knobs.to_json() | {"off_screen": "0.5,Speech=2", "confusable_pairs": "Car+Dog"} == knobs.to_json()
    assert Knobs.parse({name: str(value) for name, value in knobs.to_json().items()}) == knobs


@pytest.mark.parametrize("text", ["1", "0.5,Speech=1", "0,Dog=2,Cat=3.5"])
def test_the_text_of_a_number_per_category_is_parsed_back(text):
    assert str(ByCategory.parse(text)) == text


@pytest.mark.parametrize("text", ["-", "Car+Dog", "Car+Dog,Cello+Banjo"])
def test_the_text_of_pairs_is_parsed_back(text):
    assert str(Pairs.parse(text)) == text


@pytest.mark.parametrize(
    ("knob", "text", "words"),
    [
        ("off_screen", "x", "--off-screen: 'x' is not a number"),
        ("off_screen", "1,Sperch=2", "'Sperch=2' is not CATEGORY=NUMBER"),
        ("silent", "-1", "--silent: '-1'"),
        ("video_noise", "nan", "--video-noise: 'nan'"),
        ("gaps", "0.5,Dog=2", "gaps is 0.5,Dog=2: it is a share, so each number must be from 0 to 1"),
        ("cooccurrence", "1.5", "cooccurrence is 1.5: it must be from 0 to 1"),
        ("confusable_pairs", "Car+Dog,Dog+Cat", "each once"),
        ("confusable_pairs", "Car", "use pairs"),
    ],
)
def test_an_invalid_knob_is_refused_with_its_name(knob, text, words):
    with pytest.raises(BadInputError) as error:
        Knobs.parse({knob: text})
    assert words in str(error.value)
