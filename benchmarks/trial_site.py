"""What `benchmarks.trials` works with: commands, a folder with a study, kills, and restrictions of disks and memory."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from benchmarks.faults import STUDY, compare, trainer

COMMANDS = Path(sys.executable).parent
T = TypeVar("T")


class NotRunError(Exception):
    """The machine does not allow this trial."""


class Command:
    """A command started as a user starts it in a terminal, in a process group of its own."""

    def __init__(self, folder: Path, *words: str | Path, group: Path | None = None) -> None:
        self._log = folder / f"{time.monotonic_ns()}.log"
        line = [str(COMMANDS / words[0]), *map(str, words[1:])]
        if group:
            line = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(group / "cgroup.procs"), *line]
        with self._log.open("w") as log:
            self.process = subprocess.Popen(line, cwd=folder, stdout=log, stderr=log, process_group=0)

    def printed(self) -> str:
        """Everything the command has printed so far."""
        return self._log.read_text(encoding="utf-8")

    def line(self, pattern: str) -> str:
        """Wait for the first printed line that contains ``pattern``, and return it."""
        until(lambda: re.search(pattern, self.printed()) or self.process.poll() is not None)
        lines = [line for line in self.printed().splitlines() if re.search(pattern, line)]
        assert lines, f"{pattern!r} was not printed; the output is: {self.printed()}"
        return lines[0]

    def end(self, code: int = 0) -> Command:
        """Wait for the end, which must have this exit code; return the command."""
        actual = self.process.wait(timeout=600)
        assert actual == code, f"exit code {actual}, not {code}: {self.printed()}"
        return self

    def send(self, number: signal.Signals) -> None:
        """Send a signal to all remaining processes of the group, as a terminal does."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def is_over(self) -> bool:
        """Whether no process of the group is left."""
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return True
        return False


class Site:
    """The folder in which trials work: simulated data, a study, and its undisturbed result."""

    def __init__(self, root: Path) -> None:
        self.root, self.whole = root, root / "whole"
        self._begun: list[Command] = []
        self.define("study.toml")
        self.begin("mbias", "synth", "llp", "--train", "40", "--val", "12", "--test", "20", "--packed").end()
        self.study(self.whole).end()

    def define(self, name: str, **changes: str) -> str:
        """Write a definition: the study's, with some lines replaced. Return its file name."""
        text = STUDY
        for field, value in changes.items():
            text = re.sub(rf"(?m)^{field} = .*$", f"{field} = {value}", text)
        (self.root / name).write_text(text, encoding="utf-8")
        return name

    def begin(self, *words: str | Path, group: Path | None = None) -> Command:
        """Start a command."""
        self._begun.append(Command(self.root, *words, group=group))
        return self._begun[-1]

    def study(self, out: Path, *options: str, definition: str = "study.toml", group: Path | None = None) -> Command:
        """Start a study in the folder ``out``."""
        return self.begin("mbias", "study", definition, "--out", out, *options, group=group)

    def validate(self, out: Path) -> None:
        """Check that all runs in a folder are valid."""
        self.begin("mbias-analyze", "validate", out).end()

    def finish(self, out: Path) -> str:
        """Restart the study in ``out``; its result must equal the undisturbed one. Return a text that says so."""
        self.study(out).end()
        self.validate(out)
        compare(self.whole, out)
        return "restarted: 4 runs valid, equal to the undisturbed study"

    def end_all(self) -> None:
        """Kill the processes that a trial left behind."""
        for command in self._begun:
            command.send(signal.SIGKILL)
            command.process.wait()
        self._begun.clear()


def until(condition: Callable[[], T], seconds: float = 300) -> T:
    """Wait until ``condition`` returns something true, and return that."""
    end = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < end, f"the condition is still false after {seconds:.0f} s"
        time.sleep(0.01)
    return result


def committed(run: Path) -> int:
    """Number of committed epochs of a run."""
    log = run / "epochs.jsonl"
    return log.read_bytes().count(b"\n") if log.exists() else 0


def kill_trainer(run: Path) -> int:
    """Kill (-9) the process that trains a run, after a commit; return its id."""
    until(lambda: committed(run))
    pid = trainer(run / "lock")
    assert pid, f"{run.name} is not being trained"
    os.kill(pid, signal.SIGKILL)
    return pid


def await_another(run: Path, killed: int) -> None:
    """Wait until a process other than ``killed`` trains a run."""
    until(lambda: trainer(run / "lock") not in (None, killed))


@contextmanager
def mounted(folder: Path, *options: str | Path) -> Iterator[None]:
    """Mount something on a folder for the duration of the block."""
    if os.geteuid() != 0:
        raise NotRunError("only root can mount a small disk")
    folder.mkdir(exist_ok=True)
    _mount(*options, folder)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _mount(*options: str | Path) -> None:
    done = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotRunError(f"nothing can be mounted here ({done.stderr.strip()})")


@contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    """Make a folder read-only for the duration of the block."""
    if os.geteuid() == 0:
        # Permissions do not stop root.
        with mounted(folder, "--bind", folder):
            _mount("-o", "remount,ro,bind", folder)
            yield
        return
    mode = folder.stat().st_mode
    folder.chmod(0o555)
    try:
        yield
    finally:
        folder.chmod(mode)


class MemoryGroup:
    """A control group of the kernel (version 1 or 2) that measures and limits memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        version_2 = (folder / "memory.max").exists()
        names = ("memory.max", "memory.peak", "memory.events") if version_2 else _VERSION_1
        self._limit, self._peak, self._events = (folder / name for name in names)

    def limit(self, size: int) -> None:
        """Limit the memory of the group, in bytes."""
        self._limit.write_text(str(size))

    def peak(self) -> int:
        """Peak memory of the group, in bytes."""
        return int(self._peak.read_text())

    def kills(self) -> int:
        """Number of processes that the kernel killed because they were out of memory."""
        return int(dict(line.split() for line in self._events.read_text().splitlines())["oom_kill"])


_VERSION_1 = ("memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control")


@contextmanager
def memory_group() -> Iterator[MemoryGroup]:
    """Make a control group below the one of this process; remove it afterwards."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            parent = Path("/sys/fs/cgroup/memory") / path.lstrip("/")
            break
    else:
        parent = Path("/sys/fs/cgroup") / path.lstrip("/")
    folder = parent / f"mbias-trials-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        raise NotRunError(f"a control group cannot be made here ({error})") from None
    try:
        if not {"memory.max", "memory.limit_in_bytes"} & {file.name for file in folder.iterdir()}:
            raise NotRunError(f"control groups in {parent} do not limit memory")
        yield MemoryGroup(folder)
    finally:
        processes = folder / "cgroup.procs"
        for pid in processes.read_text().split():
            os.kill(int(pid), signal.SIGKILL)
        until(lambda: not processes.read_text())
        folder.rmdir()
