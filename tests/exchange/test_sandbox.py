"""What a format's library does to its process stays in that process."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from mbias.errors import BadInputError
from mbias.exchange.sandbox import read_in_sandbox


def reader(folder, monkeypatch, code):
    """A module ``READER`` whose `read` does what ``code`` says."""
    (folder / "reader_of_test.py").write_text(f"def read(path):\n    {code}\n")
    checkout = Path(__file__).resolve().parents[2]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(checkout)]))
    return "reader_of_test"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (f"import os; os.kill(os.getpid(), {int(signal.SIGSEGV)})", "reading it failed"),
        ("import os; os._exit(3)", "reading it failed"),
        ("raise RuntimeError('x')", "reading it failed"),
        ("from mbias.errors import BadInputError; raise BadInputError('mend it')", "mend it"),
        pytest.param(
            "bytearray(2**40)",
            "far more memory than it weighs",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux"),
        ),
    ],
)
def test_a_crash_is_a_clean_error(tmp_path, monkeypatch, code, message):
    path = tmp_path / "file.nc"
    path.write_bytes(b"x")
    with pytest.raises(BadInputError, match=message):
        read_in_sandbox(reader(tmp_path, monkeypatch, code), path)
