from __future__ import annotations

import os

import pytest

from mbias.errors import BadInputError
from mbias.records.paths import record_file


def test_a_file_need_not_exist(tmp_path):
    assert record_file(tmp_path, "probe/probe.json") == tmp_path / "probe" / "probe.json"


def test_files_that_are_no_files_of_the_record_are_refused(tmp_path):
    (tmp_path / "outside").write_text("x")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "run" / "linked").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "run" / "pipe")

    for name in ("link", "linked/outside"):
        with pytest.raises(BadInputError, match=f"{name}: a symbolic link"):
            record_file(tmp_path / "run", name)
    with pytest.raises(BadInputError, match="pipe: not a regular file"):
        record_file(tmp_path / "run", "pipe")


def test_a_file_that_is_read_whole_has_a_largest_size(tmp_path):
    (tmp_path / "log").write_bytes(b"12345")

    assert record_file(tmp_path, "log", 5) == record_file(tmp_path, "log", None)
    with pytest.raises(BadInputError, match="5 bytes exceed the limit of 4 bytes"):
        record_file(tmp_path, "log", 4)
