"""One process at a time, and a dead one is no obstacle."""

import os
import signal
import subprocess
import sys

import pytest

from mbias.studies.locks import HeldError, holder, locked
from mbias.studies.session import session

HOLD = """
import sys, time
from pathlib import Path
from mbias.studies.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """A process that holds the file ``lock``."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "lock")], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_file_is_held_once_and_names_its_holder(tmp_path, other):
    assert f"process {other.pid} on " in holder(tmp_path / "lock")
    with pytest.raises(HeldError, match=f"held by process {other.pid} on "), locked(tmp_path / "lock"):
        pass


def test_what_a_killed_process_held_is_free(tmp_path, other):
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    assert (tmp_path / "lock").exists()
    assert holder(tmp_path / "lock") is None
    with locked(tmp_path / "lock"):
        assert f"process {os.getpid()} on " in holder(tmp_path / "lock")
    assert list(tmp_path.iterdir()) == []


def test_within_one_process_too(tmp_path):
    with locked(tmp_path / "lock"), pytest.raises(HeldError), locked(tmp_path / "lock"):
        pass


def test_a_new_session_ends_those_of_dead_processes_and_no_other(tmp_path):
    (tmp_path / ".session-there-1").write_text("")
    with locked(tmp_path / ".session-here-2"), session(tmp_path) as mine:
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([".session-here-2", mine.name])
    assert list(tmp_path.iterdir()) == []
