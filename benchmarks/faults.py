"""Kills a study (-9) again and again while it trains, and shows that nothing committed is lost and nothing is repeated.

    python benchmarks/faults.py --kills 100

After every kill, each run's record is validated, and every epoch ever seen committed must still be there, byte for
byte. When a study comes to its end, its records and weights must be those of an undisturbed one, bit for bit; then
another one is begun, until there were enough kills. One kill in two waits for a chosen moment of a commit, the others
come at any time; one in two hits a worker, the others the process of the study.

With ``--tasks`` the tasks of one run are killed in place of studies: the same checks in a tenth of the time.
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
from contextlib import suppress
from pathlib import Path

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
"""Files that are there only at a certain moment of a commit."""


def main() -> None:
    """Kill until there were enough kills; raise where one did harm."""
    options = _options()
    chance = random.Random(options.seed)
    begin = TaskProcess if options.tasks else StudyProcess
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
    print(f"{studies} studies finished in spite of them, each the undisturbed one bit for bit")


class StudyProcess:
    """A study as a person starts it, with two workers."""

    def __init__(self, root: Path, out: Path) -> None:
        self.out = out
        command = [sys.executable, "-m", "mbias.cli.main", "study", "study.toml", "--out", str(out), "--workers", "2"]
        with (root / "log.txt").open("a") as log:
            self._process = subprocess.Popen(command, cwd=root, stdout=log, stderr=log)

    def is_alive(self) -> bool:
        """Whether it goes on."""
        return self._process.poll() is None

    def succeeded(self) -> bool:
        """Whether it came to its end, once it has ended."""
        return self._process.wait() == 0

    def wait(self) -> None:
        """Wait until it has ended."""
        self._process.wait()

    def kill(self, chance: random.Random) -> str | None:
        """Kill the study's process, or one of its workers; give which, or None where there was none to kill."""
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
    """The task of one run, in a process of its own."""

    def __init__(self, root: Path, out: Path) -> None:
        from mbias.studies.definition import read_definition
        from mbias.studies.task import Task, run_task

        settings = read_definition(root / "study.toml").runs[0]
        # Forked from a process that has PyTorch loaded: starts are most of the time otherwise.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["mbias.studies.task"])
        task = Task(settings, out / settings.name, root / "llp", "cpu", session=root / "study.toml")
        self._process = context.Process(target=run_task, args=(task,))
        self._process.start()

    def is_alive(self) -> bool:
        """Whether it goes on."""
        return self._process.is_alive()

    def succeeded(self) -> bool:
        """Whether it came to its end, once it has ended."""
        self._process.join()
        return self._process.exitcode == 0

    def wait(self) -> None:
        """Wait until it has ended."""
        self._process.join()

    def kill(self, chance: random.Random) -> str | None:
        """Kill it; give what was killed, or None where it had ended."""
        self._process.kill()
        self._process.join()
        return "a task" if self._process.exitcode == -signal.SIGKILL else None


class Kept:
    """What was ever seen committed in the runs of a folder: each epoch's line, and its shard's bytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.epochs: dict[tuple[str, int], tuple[bytes, bytes]] = {}

    def check(self) -> None:
        """Raise unless every run is sound, and holds all it held before."""
        now = {}
        for run in sorted(path.parent for path in self.folder.glob("*/run.json")):
            found = faults(run)
            if found:
                raise AssertionError(f"{run}: not sound after a kill: {found}")
            now |= _committed(run)
        for place, content in self.epochs.items():
            if now.get(place) != content:
                raise AssertionError(f"{place}: a committed epoch was {'altered' if place in now else 'lost'}")
        self.epochs = now


def _committed(run: Path) -> dict[tuple[str, int], tuple[bytes, bytes]]:
    log = run / "epochs.jsonl"
    lines = log.read_bytes().split(b"\n")[:-1] if log.exists() else []
    return {
        (run.name, epoch): (line, hashlib.sha256((run / f"epochs/{epoch:04d}.safetensors").read_bytes()).digest())
        for epoch, line in enumerate(lines, start=1)
    }


def _await_moment(chance: random.Random, folder: Path, running: StudyProcess | TaskProcess) -> str | None:
    """Wait for a moment to kill at, and name it; None where the process ended before."""
    chosen = chance.choice([*MOMENTS, *[None] * len(MOMENTS)])
    # What a killed process left of its lock is there too: wait for a living one.
    while running.is_alive() and not any(map(trainer, folder.glob("*/lock"))):
        time.sleep(0.005)
    if chosen is None:
        time.sleep(chance.uniform(0, 1.2))
    while chosen and running.is_alive() and not any(folder.glob(f"*/{MOMENTS[chosen]}")):
        pass
    return (chosen or "any time") if running.is_alive() else None


def trainer(lock: Path) -> int | None:
    """The process that trains the run of a lock."""
    with suppress(OSError, ValueError):
        pid: int = json.loads(lock.read_text())["pid"]
        return pid if _runs(pid) else None
    return None


def _runs(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def compare(whole: Path, hurt: Path) -> None:
    """Raise unless two studies hold the same files of the same bytes, but for the seconds their epochs took."""
    names = [sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) for folder in (whole, hurt)]
    if names[0] != names[1]:
        raise AssertionError(f"other files: {sorted(set(names[0]) ^ set(names[1]))}")
    for name in names[0]:
        one, other = whole / name, hurt / name
        if one.is_file() and _content(one) != _content(other):
            raise AssertionError(f"{name}: not as in the undisturbed study")


def _content(path: Path) -> object:
    if path.suffix != ".jsonl":
        return path.read_bytes()
    return [{**json.loads(line), "seconds": None} for line in path.read_text().splitlines()]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--folder", type=Path, help="where to work (default: the system's for temporary files)")
    parser.add_argument("--tasks", action="store_true", help="kill the tasks of one run in place of studies")
    return parser.parse_args()


if __name__ == "__main__":
    main()
