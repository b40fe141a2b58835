from __future__ import annotations

import pandas as pd

from mbias import open_study
from mbias.analysis.losses import coincidence
from mbias.tables.words import Words, plural, with_words, words_of
from tests.drawn_runs import draw_run
from tests.other_models import record_other


def test_words_are_those_of_the_records(tmp_path):
    paper = Words.of(open_study(draw_run(tmp_path / "han")))
    other = Words.of(open_study(record_other(tmp_path / "other", ("text", "image"), stand_ins=())))

    assert paper == Words()
    assert (other.joint_loss, other.weight, other.probability) == ("L_total", "W", "p_joint")
    assert (other.samples, other.units) == ("examples", "examples")


def test_records_that_differ_share_general_words(tmp_path):
    draw_run(tmp_path / "han")
    record_other(tmp_path / "other", ("text", "image"), stand_ins=())
    words = Words.of(open_study(tmp_path))

    assert (words.joint, words.sample, words.segments) == ("joint", "sample", False)
    assert words.modalities == ("audio", "visual", "text", "image")


def test_a_table_keeps_its_words_when_rows_are_selected(tmp_path):
    table = coincidence(record_other(tmp_path / "other", stand_ins=()))

    assert words_of(table[table["modality"] == "text"].reset_index(drop=True)).joint == "total"


def test_a_table_without_words_goes_by_its_modalities():
    named = pd.DataFrame({"first": ["text"], "second": ["image"]})

    assert words_of(pd.DataFrame({"modality": ["audio", "visual"]})).paper
    assert words_of(named).modalities == ("text", "image")
    assert not words_of(named).paper
    assert words_of(with_words(named, Words())).paper


def test_plurals():
    assert [plural(noun) for noun in ("clip", "story", "day", "box", "patch")] == [
        "clips",
        "stories",
        "days",
        "boxes",
        "patches",
    ]
