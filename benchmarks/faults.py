"""Kill a study (-9) repeatedly while it trains, and check that nothing committed is lost or repeated.

    python benchmarks/faults.py --kills 100

After every kill, the record of each run is validated, and every epoch committed so far must still be there, byte for
byte. When a study is complete, its records and weights must equal those of an undisturbed study, bit for bit. Then
another study starts, until ``--kills`` is reached. Half of the kills wait for a chosen moment of a commit; the others
come at a random time. Half of the kills hit a worker; the others hit the process of the study.

With ``--tasks`` the tasks of one run are killed instead of studies: the same checks in a tenth of the time. With
``--blocks`` it is a process that commits epochs from blocks of samples; whatever it left must be gone when it has
reopened the run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from mbias import Header, RunWriter
from mbias.llp.simulate import simulate
from mbias.records.validate import faults
from mbias.terms import Split

EPOCHS = 4
STUDY = f"""
[data]
path = "llp"
[training]
epochs = {EPOCHS}
[[grid]]
variants = ["across_vself", "across_vcross"]
smoothing = ["ls_v"]
seeds = [0, 1]
"""
MOMENTS = {
    "writing the state": "checkpoints/.resume*.tmp",
    "state written": "checkpoints/resume.next.pt",
    "writing arrays": "epochs/.*.tmp",
    "writing weights": "checkpoints/.best*.tmp",
}
"""Files that exist only at a certain moment of a commit."""

BLOCK_EPOCHS, BLOCKS, SAMPLES, CATEGORIES = 12, 20, 1000, 40
"""Of the run that is written from blocks."""


def main() -> None:
    """Kill ``--kills`` times; raise if a kill did damage."""
    options = _options()
    chance = random.Random(options.seed)
    begin = BlockProcess if options.blocks else TaskProcess if options.tasks else StudyProcess
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        root = Path(name)
        simulate(root / "llp", sizes={Split.TRAIN: 40, Split.VAL: 12, Split.TEST: 20}, packed=True)
        (root / "study.toml").write_text(STUDY, encoding="utf-8")
        whole, hurt = root / "whole", root / "hurt"
        undisturbed = begin(root, whole)
        undisturbed.wait()
        start = time.perf_counter()
        moments: Counter[str] = Counter()
        kept, studies, running = Kept(hurt), 0, begin(root, hurt)
        while True:
            moment = _await_moment(chance, hurt, running) if moments.total() < options.kills else None
            if moment and (target := running.kill(chance)):
                moments[f"{target}, {moment}"] += 1
                kept.check()
                print(f"kill {moments.total()}: {target}, {moment}; {len(kept.epochs)} epochs committed", flush=True)
            if moments.total() == options.kills:
                running.wait()
            if running.is_alive():
                continue
            if running.succeeded():
                kept.check()
                compare(whole, hurt)
                studies += 1
                if moments.total() == options.kills:
                    break
                shutil.rmtree(hurt)
                kept = Kept(hurt)
            running = begin(root, hurt)
    print(f"{options.kills} kills in {time.perf_counter() - start:.0f} s; no epoch lost or altered, all records valid")
    for moment, count in sorted(moments.items()):
        print(f"  {count:3} {moment}")
    print(f"{studies} studies completed despite the kills, each equal to the undisturbed study bit for bit")


class StudyProcess:
    """A study as a user starts it, with two workers."""

    moments = MOMENTS

    def __init__(self, root: Path, out: Path) -> None:
        self.out = out
        command = [sys.executable, "-m", "mbias.cli.main", "study", "study.toml", "--out", str(out), "--workers", "2"]
        with (root / "log.txt").open("a") as log:
            self._process = subprocess.Popen(command, cwd=root, stdout=log, stderr=log)

    def is_alive(self) -> bool:
        """Whether the process is running."""
        return self._process.poll() is None

    def is_writing(self) -> bool:
        """Whether a run is being trained."""
        return any(map(trainer, self.out.glob("*/lock")))

    def succeeded(self) -> bool:
        """Wait for the end; return whether the process succeeded."""
        return self._process.wait() == 0

    def wait(self) -> None:
        """Wait until the process has ended."""
        self._process.wait()

    def kill(self, chance: random.Random) -> str | None:
        """Kill the study's process or one of its workers; return which, or None if it had already ended."""
        workers = [pid for pid in map(trainer, self.out.glob("*/lock")) if pid]
        if workers and chance.random() < 0.5:
            with suppress(ProcessLookupError):
                os.kill(chance.choice(workers), signal.SIGKILL)
                return "a worker"
            return None
        self._process.kill()
        self._process.wait()
        end = time.monotonic() + 20
        while any(map(_runs, workers)):
            if time.monotonic() > end:
                raise AssertionError(f"the workers {workers} outlive their study")
            time.sleep(0.01)
        return "the study"


class TaskProcess:
    """The task of one run, in a separate process."""

    name = "a task"
    moments = MOMENTS

    def __init__(self, root: Path, out: Path) -> None:
        self.out = out
        from mbias.studies.definition import read_definition
        from mbias.studies.running.task import Task, run_task

        config = read_definition(root / "study.toml").runs[0]
        # Fork from a process that has loaded PyTorch: otherwise most of the time would be spent on starting.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["mbias.studies.running.task"])
        task = Task(config, out / config.name, root / "llp", "cpu", session=root / "study.toml")
        self._process = context.Process(target=run_task, args=(task,))
        self._process.start()

    def is_alive(self) -> bool:
        """Whether the process is running."""
        return self._process.is_alive()

    def is_writing(self) -> bool:
        """Whether the run is being trained."""
        return any(map(trainer, self.out.glob("*/lock")))

    def succeeded(self) -> bool:
        """Wait for the end; return whether the process succeeded."""
        self._process.join()
        return self._process.exitcode == 0

    def wait(self) -> None:
        """Wait until the process has ended."""
        self._process.join()

    def kill(self, chance: random.Random) -> str | None:
        """Kill the task; return what was killed, or None if it had already ended."""
        self._process.kill()
        self._process.join()
        return self.name if self._process.exitcode == -signal.SIGKILL else None


class BlockProcess(TaskProcess):
    """The writer of a run whose epochs come in blocks of samples, in a separate process."""

    name = "a writer"
    moments: ClassVar = {"writing arrays": MOMENTS["writing arrays"]}

    def __init__(self, root: Path, out: Path) -> None:
        self.out = out
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["mbias.records.writer", "pandas"])
        self._process = context.Process(target=write_in_blocks, args=(out / "blocks",))
        self._process.start()

    def is_writing(self) -> bool:
        """Whether the run exists."""
        return (self.out / "blocks" / "run.json").exists()

    def succeeded(self) -> bool:
        """Wait for the end; return whether the process succeeded, and raise if it failed without being killed."""
        self._process.join()
        if self._process.exitcode not in (0, -signal.SIGKILL):
            raise AssertionError("a writer failed; its traceback is above")
        return self._process.exitcode == 0


def write_in_blocks(path: Path) -> None:
    """Commit the epochs that a run lacks from blocks of samples; the run is created if it does not exist."""
    dimensions = ("sample", "segment", "modality", "category")
    if not (path / "run.json").exists():
        arrays = {"wav": dimensions, "p": dimensions}
        names = tuple(map(str, range(CATEGORIES)))
        header = Header(("audio", "visual"), names, ("joint",), "joint", "test", arrays)
        RunWriter.create(path, header, pd.DataFrame({"sample": range(SAMPLES)}))
    writer = RunWriter.reopen(path)
    if left := [str(file) for file in path.rglob("*.tmp")]:
        raise AssertionError(f"reopening left {', '.join(left)}")
    for epoch in range(len(writer.commits), BLOCK_EPOCHS):
        writer.commit({"joint": {"optimised": 1 / (epoch + 1)}}, _blocks(epoch))


def _blocks(epoch: int) -> Iterator[dict[str, np.ndarray]]:
    rng = np.random.default_rng(epoch)
    for _ in range(BLOCKS):
        wav, p = rng.random((2, SAMPLES // BLOCKS, 10, 2, CATEGORIES), dtype=np.float32)
        yield {"wav": wav, "p": p}


class Kept:
    """Every epoch seen committed in the runs of a folder: its line, and the checksum of its shard."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.epochs: dict[tuple[str, int], tuple[bytes, bytes]] = {}

    def check(self) -> None:
        """Raise unless every run is sound and still holds everything it held before."""
        now = {}
        for run in sorted(path.parent for path in self.folder.glob("*/run.json")):
            if problems := faults(run):
                raise AssertionError(f"{run}: not sound after a kill: {problems}")
            now |= _committed(run)
        for key, content in self.epochs.items():
            if now.get(key) != content:
                raise AssertionError(f"{key}: a committed epoch was {'altered' if key in now else 'lost'}")
        self.epochs = now


def _committed(run: Path) -> dict[tuple[str, int], tuple[bytes, bytes]]:
    log = run / "epochs.jsonl"
    lines = log.read_bytes().split(b"\n")[:-1] if log.exists() else []
    return {
        (run.name, epoch): (line, hashlib.sha256((run / f"epochs/{epoch:04d}.safetensors").read_bytes()).digest())
        for epoch, line in enumerate(lines, start=1)
    }


def _await_moment(chance: random.Random, folder: Path, running: StudyProcess | TaskProcess) -> str | None:
    """Wait for a moment to kill at and return its name, or None if the process ended first."""
    chosen = chance.choice([*running.moments, *[None] * len(running.moments)])
    # A killed process leaves its lock file behind: wait for a process that is alive.
    while running.is_alive() and not running.is_writing():
        time.sleep(0.005)
    if chosen is None:
        time.sleep(chance.uniform(0, 1.2))
    while chosen and running.is_alive() and not any(folder.glob(f"*/{running.moments[chosen]}")):
        pass
    return (chosen or "any time") if running.is_alive() else None


def trainer(lock: Path) -> int | None:
    """The id of the process that holds a run's lock, or None."""
    with suppress(OSError, ValueError):
        pid: int = json.loads(lock.read_text())["pid"]
        return pid if _runs(pid) else None
    return None


def _runs(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def compare(whole: Path, hurt: Path) -> None:
    """Raise unless two studies hold the same files with the same bytes, apart from the seconds of their epochs."""
    names = [sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) for folder in (whole, hurt)]
    if names[0] != names[1]:
        raise AssertionError(f"files in only one of the two studies: {sorted(set(names[0]) ^ set(names[1]))}")
    for name in names[0]:
        expected, actual = whole / name, hurt / name
        if expected.is_file() and _content(expected) != _content(actual):
            raise AssertionError(f"{name}: differs from the undisturbed study")


def _content(path: Path) -> object:
    if path.suffix != ".jsonl":
        return path.read_bytes()
    return [{**json.loads(line), "seconds": None} for line in path.read_text().splitlines()]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="seed of the random moments")
    parser.add_argument("--folder", type=Path, help="where to work (default: the system's temporary folder)")
    killed = parser.add_mutually_exclusive_group()
    killed.add_argument("--tasks", action="store_true", help="kill the tasks of one run instead of studies")
    killed.add_argument("--blocks", action="store_true", help="kill a writer of blocks of samples instead")
    return parser.parse_args()


if __name__ == "__main__":
    main()
