"""Does to studies what machines do to them, and shows what is printed and that a restart finishes them.

    python -m benchmarks.trials [NAME ...]

Each trial starts the real commands, on small simulated data, and ends with a restart whose runs must be those of an
undisturbed study, bit for bit, and valid; only runs whose losses diverge cannot be finished. A line for each says
whether it held, what was done and what was printed. What the machine does not allow, as mounting a small disk, is not
run, and said so. `benchmarks/faults.py` kills at random.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from benchmarks.faults import EPOCHS, STUDY, Kept, compare, trainer

COMMANDS = Path(sys.executable).parent
RUNS = [f"{variant}-ls_v-seed{seed}" for variant in ("across_vself", "across_vcross") for seed in (0, 1)]
"""Runs of `STUDY`, in the order in which they are begun."""

SHARE = 0.7
"""Of the memory that two workers and their study take at most: too little for both."""

Said = Iterator[tuple[str, str]]
T = TypeVar("T")


class NotRunError(Exception):
    """The machine does not allow the trial."""


class Command:
    """A command as a person starts it, in a process group of its own, as under a terminal."""

    def __init__(self, folder: Path, *words: str | Path, group: Path | None = None) -> None:
        self._log = folder / f"{time.monotonic_ns()}.log"
        line = [str(COMMANDS / words[0]), *map(str, words[1:])]
        if group:
            line = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(group / "cgroup.procs"), *line]
        with self._log.open("w") as log:
            self.process = subprocess.Popen(line, cwd=folder, stdout=log, stderr=log, process_group=0)

    def printed(self) -> str:
        """All it has printed."""
        return self._log.read_text(encoding="utf-8")

    def line(self, pattern: str) -> str:
        """The first line it prints that has ``pattern`` in it."""
        until(lambda: re.search(pattern, self.printed()) or self.process.poll() is not None)
        lines = [line for line in self.printed().splitlines() if re.search(pattern, line)]
        assert lines, f"{pattern!r} was not printed, but: {self.printed()}"
        return lines[0]

    def end(self, code: int = 0) -> Command:
        """Itself, once it has ended, which it must with ``code``."""
        found = self.process.wait(timeout=600)
        assert found == code, f"exit code {found}, not {code}: {self.printed()}"
        return self

    def send(self, number: signal.Signals) -> None:
        """Send a signal as a terminal does, to all processes of the group that are left."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def is_over(self) -> bool:
        """Whether no process of its group is left."""
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return True
        return False


class Site:
    """Where trials work: simulated data, a study, and what became of it undisturbed."""

    def __init__(self, root: Path) -> None:
        self.root, self.whole = root, root / "whole"
        self._begun: list[Command] = []
        self.define("study.toml")
        self.begin("mbias", "synth", "llp", "--train", "40", "--val", "12", "--test", "20", "--packed").end()
        self.study(self.whole).end()

    def define(self, name: str, **changes: str) -> str:
        """Write a definition, the study's but for lines that are replaced; give its name."""
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
        """See to it that all runs in a folder are valid."""
        self.begin("mbias-analyze", "validate", out).end()

    def finish(self, out: Path) -> str:
        """Start the study in ``out`` again, which must come to the undisturbed one's end; give that in words."""
        self.study(out).end()
        self.validate(out)
        compare(self.whole, out)
        return "restarted: 4 runs valid, equal to the undisturbed"

    def end_all(self) -> None:
        """End what a trial left behind."""
        for command in self._begun:
            command.send(signal.SIGKILL)
            command.process.wait()
        self._begun.clear()


def disk_full(site: Site, out: Path) -> Said:
    """The disk is full at first; later there is room again."""
    with mounted(out, "-t", "tmpfs", "-o", "size=400m", "tmpfs"):
        ballast = out / "ballast"
        ballast.write_bytes(bytes(300 * 2**20))
        study = site.study(out, "--workers", "1")
        line = study.line("failed: ")
        ballast.unlink()
        assert "No space left on device; make room on the study's disk" in line, line
        end = study.end(1).line("runs are complete")
        site.validate(out)
        yield f"400 MB disk, 300 of them taken until the first run failed; {site.finish(out)}", f"{line} ... {end}"


def read_only_folder(site: Site, out: Path) -> Said:
    """The study's folder cannot be written."""
    out.mkdir()
    with unwritable(out):
        line = site.study(out).end(1).line("error")
    yield f"the study's folder was read-only; {site.finish(out)}", line


def read_only_run(site: Site, out: Path) -> Said:
    """The folder of one run cannot be written."""
    run = out / RUNS[1]
    run.mkdir(parents=True)
    with unwritable(run):
        study = site.study(out).end(1)
    end = study.line(f"3 of 4 runs are complete; failed: {run.name};")
    yield f"one run's folder was read-only; {site.finish(out)}", f"{study.line('failed: ')} ... {end}"


def data_removed(site: Site, out: Path) -> Said:
    """The data go, and one worker; later they are back, and the study has grown."""
    data, away = site.root / "lent", site.root / "away"
    shutil.copytree(site.root / "llp", data)
    study = site.study(out, "--data", "lent", "--workers", "2")
    lost, other = (out / name for name in RUNS[:2])
    until(lambda: committed(lost) and committed(other))
    data.rename(away)
    kill_trainer(lost)
    line = study.line(rf"{lost.name}: failed: lent/\S+: there is no such packed split")
    end = study.end(1).line("runs are complete")
    assert committed(other) == EPOCHS and lost.name in end, end
    site.validate(other)
    away.rename(data)

    # The new seed comes first, so that the failed run is still failed while it is trained.
    grown = site.define("grown.toml", seeds="[2, 0, 1]")
    again = site.study(out, "--data", "lent", "--workers", "1", definition=grown)
    again.line("seed2: epoch 1")
    status = site.begin("mbias", "status", grown, "--out", out).end()
    counts = status.line("runs: ")
    stages = [(other.name, "done"), (lost.name, "failed"), ("across_vself-ls_v-seed2", "running")]
    for name, stage in [*stages, ("across_vcross-ls_v-seed2", "missing")]:
        status.line(rf"^{name} +{stage} ")
    again.end()
    site.validate(out)
    for run in RUNS:
        compare(site.whole / run, out / run)
    yield "data moved away in mid-run, a worker killed; put back, restarted: 4 runs valid, equal", f"{line} ... {end}"
    yield "`mbias status` while the restart trained a run", f"{counts} ... {status.line(lost.name)}"


def memory(site: Site, out: Path) -> Said:
    """A limit on memory kills workers."""
    brief = site.define("brief.toml", epochs="1")
    with memory_group() as group:
        site.study(site.root / "brief", "--workers", "2", definition=brief, group=group.folder).end()
        peak = group.peak()
    with memory_group() as group:
        group.limit(round(peak * SHARE))
        study = site.study(out, "--workers", "2", group=group.folder)
        study.process.wait(timeout=600)
        kills = group.kills()
    if not kills:
        raise NotRunError(f"nothing was killed at {SHARE:.0%} of the {peak / 1e6:.0f} MB that the study takes")
    line = study.line("its worker died")
    done = sum(committed(out / name) == EPOCHS for name in RUNS)
    assert done, study.printed()
    site.validate(out)
    did = (
        f"{peak * SHARE / 1e6:.0f} MB in place of {peak / 1e6:.0f}: {kills} kills by the kernel, {done} of 4 runs done"
    )
    yield f"{did}; {site.finish(out)}", f"{line} ... {study.printed().splitlines()[-1]}"


def two_studies(site: Site, out: Path) -> Said:
    """Two studies in one folder, at once."""
    both = [site.study(out, "--workers", "1") for _ in range(2)]
    kept = Kept(out)
    while any(study.process.poll() is None for study in both):
        # Also that no line of a committed epoch changes, with the seconds it took: so none is trained twice.
        kept.check()
        time.sleep(0.05)
    lines = [study.end().line(r"held by process \d+ on .*; waiting for it") for study in both]
    kept.check()
    assert len(kept.epochs) == EPOCHS * len(RUNS)
    yield f"two studies at once, no epoch committed twice; {site.finish(out)}", lines[0]


def dask(site: Site, out: Path) -> Said:
    """Dask's scheduler and workers, started by hand, one of which is killed."""
    alone = ("--no-nanny", "--nthreads", "1", "--no-dashboard")
    for count in (2, 4):
        folder = out.with_name(f"{out.name}-{count}")
        scheduler = site.begin("dask", "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        address = scheduler.line(r"Scheduler at: +tcp://").split()[-1]
        workers = [site.begin("dask", "worker", address, *alone) for _ in range(count)]
        for worker in workers:
            worker.line("Registered to")
        study = site.study(folder, "--scheduler", address)
        run = folder / RUNS[0]
        killed = kill_trainer(run)
        await_another(run, killed)
        assert study.end().line(f"{count} workers of {address}")
        assert sum(worker.process.poll() is not None for worker in workers) == 1
        site.end_all()
        did = f"a scheduler and {count} workers, one killed in mid-run, its run gone on with by another"
        yield f"{did}; {site.finish(folder)}", study.printed().splitlines()[0]


def diverging(site: Site, out: Path) -> Said:
    """Losses that explode, or are no numbers."""
    # At the first rate some runs explode and some do not; at the second all lose their numbers.
    for rate in ("0.03", "1e6"):
        folder = out.with_name(f"{out.name}-{rate}")
        fast = site.define("fast.toml", epochs=f"1\nprecision = 'float32'\nlearning_rate = {rate}")
        study = site.study(folder, definition=fast).end(1)
        line = study.line(r"failed: the loss '\w+' (exploded|is not finite)")
        failed = [run for run in RUNS if (folder / run / "failed.json").exists()]
        site.begin("mbias", "status", fast, "--out", folder).end().line(r"failed in epoch 1, step \d")
        site.validate(folder)
        # The other runs are analysed, where there are any.
        analysed = site.begin("mbias-analyze", "losses", folder).end(2 if failed == RUNS else 0)
        again = site.study(folder, definition=fast).end(1)
        again.line(f"4 runs, {4 - len(failed)} complete")
        again.line("failed: not tried again")
        did = f"learning rate {rate}: {len(failed)} of 4 runs failed, all others done; a restart tried none again"
        yield did, f"{line} ... {analysed.line('failed in epoch 1, step')}"


def interrupted(site: Site, out: Path) -> Said:
    """Ctrl-C, the way that is printed, and Ctrl-C twice."""
    study = site.study(out)
    until(lambda: committed(out / RUNS[0]))
    study.send(signal.SIGINT)
    first, end = study.end(130).line("stopping at the next commit"), study.line("go on with: ")
    site.validate(out)
    again = site.begin(*shlex.split(end.partition("go on with: ")[2]))
    again.line("epoch")
    again.send(signal.SIGINT)
    again.line("stopping at the next commit")
    again.send(signal.SIGINT)
    again.end(130)
    until(again.is_over)
    last = again.printed().splitlines()[-1]
    assert "Ctrl-C once more" in last, again.printed()
    site.validate(out)
    yield f"Ctrl-C, then the way printed and Ctrl-C twice; {site.finish(out)}", f"{first} ... {end}"


def dry_run(site: Site, out: Path) -> Said:
    """What there is to do, of a study not begun and of one half done."""
    before = site.study(out, "--dry-run").end()
    before.line("4 runs, 4 to train: 16 epochs")
    assert not out.exists()
    for run in RUNS[:2]:
        shutil.copytree(site.whole / run, out / run)
    after = site.study(out, "--dry-run").end()
    for run, state in zip(RUNS, ["complete", "complete", "to train", "to train"], strict=True):
        after.line(f"{run}: {state}")
    lines = [after.line(pattern) for pattern in ("to train: 8 epochs", "^time: ", "^disk: ")]
    assert sorted(path.name for path in out.iterdir()) == sorted(RUNS[:2])
    yield f"--dry-run with nothing there, and with 2 of 4 runs; nothing written; {site.finish(out)}", "; ".join(lines)


def changed(site: Site, out: Path) -> Said:
    """A definition that has changed."""
    shutil.copytree(site.whole, out)
    other = site.define("other.toml", epochs=f"{EPOCHS + 1}")
    line = site.study(out, definition=other).end(2).line("trained with epochs = 4, not 5")
    compare(site.whole, out)
    grown = site.define("grown.toml", seeds="[2, 0, 1]")
    added = site.study(out, "--workers", "1", definition=grown).end().line("6 runs, 4 complete")
    fresh = out.with_name("fresh")
    site.study(fresh, "--workers", "3", definition=grown).end()
    site.validate(out)
    site.validate(fresh)
    compare(fresh, out)
    for run in RUNS:
        compare(site.whole / run, fresh / run)
    yield "other epochs: refused, nothing touched", line
    yield "a third seed: 2 runs added by 1 worker; the same study anew on 3 workers: 6 runs valid, equal", added


TRIALS: dict[str, Callable[[Site, Path], Said]] = {
    "disk-full": disk_full,
    "read-only-folder": read_only_folder,
    "read-only-run": read_only_run,
    "data-removed": data_removed,
    "memory": memory,
    "two-studies": two_studies,
    "dask": dask,
    "diverging": diverging,
    "interrupted": interrupted,
    "dry-run": dry_run,
    "changed": changed,
}


def main() -> int:
    """Try, print a line a trial; 1 if one did not hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trials", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(TRIALS)} (default: all)")
    names = parser.parse_args().names or list(TRIALS)
    if unknown := set(names) - set(TRIALS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(TRIALS)}")
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder))
        held = [_holds(name, site) for name in names]
    return int(not all(held))


def _holds(name: str, site: Site) -> bool:
    start = time.perf_counter()
    try:
        for did, printed in TRIALS[name](site, site.root / name):
            _say("held", name, f"{did}; {time.perf_counter() - start:.0f} s; printed: {printed}")
    except NotRunError as reason:
        _say("not run", name, str(reason))
    except (AssertionError, subprocess.TimeoutExpired) as error:
        _say("DID NOT HOLD", name, " ".join(str(error).split()))
        return False
    finally:
        site.end_all()
    return True


def _say(verdict: str, name: str, text: str) -> None:
    print(f"{verdict:7}  {name:16}  {text}", flush=True)


def until(condition: Callable[[], T], seconds: float = 300) -> T:
    """What ``condition`` gives, as soon as that is true."""
    end = time.monotonic() + seconds
    while not (given := condition()):
        assert time.monotonic() < end, f"waited {seconds:.0f} s in vain"
        time.sleep(0.01)
    return given


def committed(run: Path) -> int:
    """How many epochs of a run are committed."""
    log = run / "epochs.jsonl"
    return log.read_bytes().count(b"\n") if log.exists() else 0


def kill_trainer(run: Path) -> int:
    """Kill (-9) the process that trains a run, after a commit; give its number."""
    until(lambda: committed(run))
    pid = trainer(run / "lock")
    assert pid, f"{run.name} is not being trained"
    os.kill(pid, signal.SIGKILL)
    return pid


def await_another(run: Path, killed: int) -> None:
    """Wait until another process than ``killed`` trains a run."""
    until(lambda: trainer(run / "lock") not in (None, killed))


@contextmanager
def mounted(folder: Path, *options: str | Path) -> Iterator[None]:
    """Have something mounted on a folder."""
    if os.geteuid() != 0:
        raise NotRunError("only root may mount a small disk")
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
    """Have a folder be read-only."""
    if os.geteuid() == 0:
        # Permissions do not hold root off.
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
    """A control group of the kernel that counts and limits memory, in version 1 or 2."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        two = (folder / "memory.max").exists()
        names = ("memory.max", "memory.peak", "memory.events") if two else _VERSION_1
        self._limit, self._peak, self._events = (folder / name for name in names)

    def limit(self, size: int) -> None:
        """Let its processes have so many bytes."""
        self._limit.write_text(str(size))

    def peak(self) -> int:
        """Bytes its processes had at most."""
        return int(self._peak.read_text())

    def kills(self) -> int:
        """How many processes the kernel killed for want of memory."""
        return int(dict(line.split() for line in self._events.read_text().splitlines())["oom_kill"])


_VERSION_1 = ("memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control")


@contextmanager
def memory_group() -> Iterator[MemoryGroup]:
    """A control group below this process's own."""
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
        raise NotRunError(f"no control group can be made here ({error})") from None
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


if __name__ == "__main__":
    sys.exit(main())
