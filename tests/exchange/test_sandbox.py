"""A crash of the library that reads a file ends only the separate process."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from mbias.errors import BadInputError
from mbias.exchange.sandbox import read_in_sandbox


def reader(folder, monkeypatch, code):
    """Write a module whose `read` executes ``code``, and return its name."""
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
        ("from mbias.errors import BadInputError; raise BadInputError('the file is wrong')", "the file is wrong"),
        pytest.param(
            "bytearray(2**40)",
            "far more memory than its size",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux"),
        ),
    ],
)
def test_a_crash_becomes_bad_input(tmp_path, monkeypatch, code, message):
    path = tmp_path / "file.nc"
    path.write_bytes(b"x")
    with pytest.raises(BadInputError, match=message):
        read_in_sandbox(reader(tmp_path, monkeypatch, code), path)


def test_arrays_axes_and_text_are_returned(tmp_path, monkeypatch):
    code = (
        "import numpy as np; from mbias.exchange.named_array import NamedArray; "
        "return {'a': NamedArray(np.eye(3), ('x', 'y'), {'x': ('p', 'q', 'r')}), 'b': NamedArray(np.array('text'))}"
    )
    arrays = read_in_sandbox(reader(tmp_path, monkeypatch, code), tmp_path)
    assert np.array_equal(arrays["a"].values, np.eye(3))
    assert (arrays["a"].axes, arrays["a"].coordinates) == (("x", "y"), {"x": ("p", "q", "r")})
    assert (str(arrays["b"].values), arrays["b"].axes) == ("text", None)
