"""The fields of answer logs are found by their names, and a wrong line is named."""

from __future__ import annotations

import json

import pytest

from mbias.errors import BadInputError
from mbias.exchange.answers.log import FIELDS, read_log

ENTRY = {"item": 1, "condition": "full", "answer": "yes", "correct": True}


def log(path, *entries):
    path.write_text("\n".join(entry if isinstance(entry, str) else json.dumps(entry) for entry in entries))
    return path


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        (ENTRY, ENTRY),
        ({"question_id": 1, "modality": "full", "pred": "yes", "answer": "no"}, {"gold": "answer", "answer": "pred"}),
        ({"id": 1, "setting": "full", "answer": "yes", "label": "yes"}, {"answer": "answer", "gold": "label"}),
        ({"doc_id": 1, "mode": "full", "response": "yes", "target": "yes"}, {"answer": "response", "gold": "target"}),
        ({"ID": 1, "Condition": "full", "Model Answer": "yes", "is-correct": 1}, {"answer": "Model Answer"}),
        ({**ENTRY, "video_id": "v", "trial": 0}, {"group": "video_id", "draw": "trial"}),
    ],
)
def test_fields_are_found_by_synonyms(tmp_path, entry, found):
    (read,), fields = read_log([log(tmp_path / "log.jsonl", entry)], {})
    assert (read.item, read.condition, read.answer) == ("1", "full", "yes")
    assert fields.items() >= (found if found is not ENTRY else {name: name for name in ENTRY}).items()


def test_fields_may_be_given(tmp_path):
    path = log(tmp_path / "log.jsonl", {**ENTRY, "name": "a", "said": "no", "split": "full"})
    (read,), fields = read_log([path], {"item": "name", "answer": "said"})
    assert (read.item, read.answer, fields["item"]) == ("a", "no", "name")


def test_the_file_is_the_condition_where_entries_have_none(tmp_path):
    entry = {name: value for name, value in ENTRY.items() if name != "condition"}
    entries, _ = read_log([log(tmp_path / f"{name}.jsonl", entry, "", entry) for name in ("full", "no_audio")], {})
    assert [(entry.condition, entry.line) for entry in entries] == [
        ("full", 1),
        ("full", 3),
        ("no_audio", 1),
        ("no_audio", 3),
    ]


@pytest.mark.parametrize(
    ("value", "expected"), [(True, True), (0, False), (1.0, True), ("False", False), ("yes", True)]
)
def test_what_correct_may_be(tmp_path, value, expected):
    (entry,), _ = read_log([log(tmp_path / "log.jsonl", {**ENTRY, "correct": value})], {})
    assert entry.correct is expected


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([ENTRY, "", "{'item': 1}"], "log.jsonl: line 3: not JSON .*; write one object per line"),
        ([ENTRY, "[" * 100_000], "line 2: not JSON"),
        ([ENTRY, [1, 2]], r"line 2: \[1, 2\] is not an object"),
        ([""], "log.jsonl: the log is empty"),
        ([ENTRY, {"item": 2}], "line 2: the field 'condition' is missing; add the condition"),
        ([{**ENTRY, "answer": ["yes"]}], r"line 1: the answer is \['yes'\], not text; write it as text"),
        ([{**ENTRY, "answer": 3}], "line 1: the answer is 3, not text"),
        ([{**ENTRY, "answer": None}], "line 1: the answer is None, not text"),
        ([{**ENTRY, "condition": 2}], "line 1: the condition is 2, not text"),
        ([{**ENTRY, "item": True}], "line 1: the item is True, not text"),
        ([{**ENTRY, "item": " "}], "line 1: the item is ' '; write printable text"),
        ([{**ENTRY, "item": "\ud800"}], "line 1: the item is .*; write printable text"),
        ([ENTRY, {**ENTRY, "correct": "maybe"}], "line 2: 'correct' is 'maybe', not true or false"),
        ([ENTRY, {**ENTRY, "correct": 0.5}], "line 2: 'correct' is 0.5, not true or false"),
        ([ENTRY, {**ENTRY, "correct": [1]}], r"line 2: 'correct' is \[1\], not true or false"),
        ([{"said": "yes", "item": 1}], "no field is known to hold the answer; name it with --field answer=FIELD"),
        ([{"answer": "yes", "correct": 1}], "no field is known to hold the item"),
        (
            [{"answer": "yes", "item": 1}],
            "no field says which answers are correct; name one with --field correct=FIELD",
        ),
    ],
)
def test_a_wrong_line_is_named(tmp_path, lines, message):
    with pytest.raises(BadInputError, match=message) as error:
        read_log([log(tmp_path / "log.jsonl", *lines)], {})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"itm": "id"}, f"fields: 'itm' given; take {', '.join(FIELDS)}"),
        ({"item": "id"}, "no line has a field 'id'; the fields are 'item, condition, answer, correct'"),
    ],
)
def test_a_wrong_field_is_named(tmp_path, fields, message):
    with pytest.raises(BadInputError, match=message):
        read_log([log(tmp_path / "log.jsonl", ENTRY)], fields)


def test_a_file_that_is_none_is_refused(tmp_path):
    for path, message in ((tmp_path / "missing.jsonl", "there is no such file"), (tmp_path, "not a regular file")):
        with pytest.raises(BadInputError, match=message):
            read_log([path], {})
    (tmp_path / "log.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInputError, match="not readable as UTF-8"):
        read_log([tmp_path / "log.jsonl"], {})
