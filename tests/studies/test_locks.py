"""A file has one holder, and a dead one is no obstacle."""

import os
import signal
import subprocess
import sys

import pytest

from mbias.studies.locks import HeldError, holder, locked

HOLD = """
import sys, time
from pathlib import Path
from mbias.studies.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def process(tmp_path):
    """A process that holds the file ``lock``."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "lock")], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_file_is_held_once_and_names_its_holder(tmp_path, process):
    assert f"process {process.pid} on " in holder(tmp_path / "lock")
    with pytest.raises(HeldError, match=f"held by process {process.pid} on "), locked(tmp_path / "lock"):
        pass


def test_a_file_that_a_killed_process_held_is_free(tmp_path, process):
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert (tmp_path / "lock").exists()
    assert holder(tmp_path / "lock") is None
    with locked(tmp_path / "lock"):
        assert f"process {os.getpid()} on " in holder(tmp_path / "lock")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_held_once_within_a_process_too(tmp_path):
    with locked(tmp_path / "lock"), pytest.raises(HeldError), locked(tmp_path / "lock"):
        pass
