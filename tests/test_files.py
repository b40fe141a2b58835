"""Files are written atomically, and unreadable JSON is refused."""

import os
import sys

import pytest

from mbias.errors import BadInputError
from mbias.files import append_line, read_json, remove_temporaries, write_bytes, write_json, write_text


def test_what_is_written_is_read_back_and_nothing_else_remains(tmp_path):
    write_json(tmp_path / "a.json", {"name": "A\u0304", "values": [1, 0.5, None]})
    assert read_json(tmp_path / "a.json", "note", "") == {"name": "A\u0304", "values": [1, 0.5, None]}
    write_text(tmp_path / "a.json", "[]")
    assert read_json(tmp_path / "a.json", "note", "") == []
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_write_that_fails_keeps_the_old_file_and_leaves_no_temporary(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_bytes(path, b"old")

    def fail(_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space left"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_json_with_nan_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", float("nan"))
    assert list(tmp_path.iterdir()) == []


def test_lines_are_appended_to_a_new_or_existing_file(tmp_path):
    append_line(tmp_path / "a.jsonl", "first")
    append_line(tmp_path / "a.jsonl", "second")
    assert (tmp_path / "a.jsonl").read_text() == "first\nsecond\n"


def test_only_temporary_files_are_removed(tmp_path):
    (tmp_path / "run").mkdir()
    for name in ("run/.a.json.12.tmp", ".b.json.12.tmp", "run/a.json", "c.tmp", ".hidden"):
        (tmp_path / name).write_text("")
    remove_temporaries(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [".hidden", "a.json", "c.tmp"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such note; write it again"),
        (b"{", "not a readable note"),
        (b"\xff", "not a readable note"),
        (b"[" * 200_000, "not a readable note"),
    ],
)
def test_unreadable_json_is_refused_in_one_line(tmp_path, content, message):
    path = tmp_path / "note.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInputError) as error:
        read_json(path, "note", "write it again")
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)
    assert str(error.value).endswith("write it again")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes")
def test_a_pipe_and_an_oversized_file_are_refused_without_reading_them(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInputError, match="not a regular file"):
        read_json(tmp_path / "pipe", "note", "")
    monkeypatch.setattr("mbias.files.LARGEST_JSON", 3)
    (tmp_path / "large").write_text("[1, 2]")
    with pytest.raises(BadInputError, match="at most 3 bytes"):
        read_json(tmp_path / "large", "note", "")
