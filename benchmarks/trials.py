"""Test how studies react to failures of the machine: what they print, and that a restart completes them.

    python -m benchmarks.trials [NAME ...]

Each trial starts the real commands on small simulated data. It ends with a restart, whose runs must be valid and equal
to those of an undisturbed study, bit for bit; only runs whose losses diverge cannot be completed. One line per trial
says whether it passed, what was done and what was printed. A trial that the machine does not allow, for example because
it mounts a small disk, is not run, and its line says so. `benchmarks/faults.py` kills at random.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.faults import EPOCHS, Kept, compare
from benchmarks.trial_site import (
    NotRunError,
    Site,
    await_another,
    committed,
    kill_trainer,
    memory_group,
    mounted,
    until,
    unwritable,
)

RUNS = [f"{variant}-ls_v-seed{seed}" for variant in ("across_vself", "across_vcross") for seed in (0, 1)]
"""Runs of `STUDY`, in the order in which they start."""

SHARE = 0.7
"""Memory limit as a share of the peak of a study with two workers: too little for both workers."""

Reports = Iterator[tuple[str, str]]
"""Pairs of what was done and what was printed."""


def disk_full(site: Site, out: Path) -> Reports:
    """The disk is full at first; later there is space again."""
    with mounted(out, "-t", "tmpfs", "-o", "size=400m", "tmpfs"):
        ballast = out / "ballast"
        ballast.write_bytes(bytes(300 * 2**20))
        study = site.study(out, "--workers", "1")
        line = study.line("failed: ")
        ballast.unlink()
        assert "No space left on device; make room on the study's disk" in line, line
        end = study.end(1).line("runs are complete")
        site.validate(out)
        yield f"400 MB disk, 300 MB of it filled until the first run failed; {site.finish(out)}", f"{line} ... {end}"


def read_only_folder(site: Site, out: Path) -> Reports:
    """The folder of the study is read-only."""
    out.mkdir()
    with unwritable(out):
        line = site.study(out).end(1).line("error")
    yield f"the study's folder was read-only; {site.finish(out)}", line


def read_only_run(site: Site, out: Path) -> Reports:
    """The folder of one run is read-only."""
    run = out / RUNS[1]
    run.mkdir(parents=True)
    with unwritable(run):
        study = site.study(out).end(1)
    end = study.line(f"3 of 4 runs are complete; failed: {run.name};")
    yield f"one run's folder was read-only; {site.finish(out)}", f"{study.line('failed: ')} ... {end}"


def data_removed(site: Site, out: Path) -> Reports:
    """The data are moved away and one worker is killed; later the data are back, and the study has another seed."""
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
    yield "data moved away during a run, a worker killed; put back, restarted: 4 runs valid, equal", f"{line} ... {end}"
    yield "`mbias status` while the restart trained a run", f"{counts} ... {status.line(lost.name)}"


def memory(site: Site, out: Path) -> Reports:
    """Workers are killed because they run out of memory."""
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
        raise NotRunError(f"nothing was killed at {SHARE:.0%} of the {peak / 1e6:.0f} MB that the study needs")
    line = study.line("its worker died")
    done = sum(committed(out / name) == EPOCHS for name in RUNS)
    assert done, study.printed()
    site.validate(out)
    did = f"{peak * SHARE / 1e6:.0f} MB instead of {peak / 1e6:.0f}: {kills} kills by the kernel, {done} of 4 runs done"
    yield f"{did}; {site.finish(out)}", f"{line} ... {study.printed().splitlines()[-1]}"


def two_studies(site: Site, out: Path) -> Reports:
    """Two studies run in one folder at the same time."""
    both = [site.study(out, "--workers", "1") for _ in range(2)]
    kept = Kept(out)
    while any(study.process.poll() is None for study in both):
        # The line of a committed epoch, which holds its seconds, must not change: no epoch is trained twice.
        kept.check()
        time.sleep(0.05)
    lines = [study.end().line(r"held by process \d+ on .*; waiting until it is released") for study in both]
    kept.check()
    assert len(kept.epochs) == EPOCHS * len(RUNS)
    yield f"two studies at once, no epoch committed twice; {site.finish(out)}", lines[0]


def dask(site: Site, out: Path) -> Reports:
    """A Dask scheduler and workers are started by hand; one worker is killed."""
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
        did = f"a scheduler and {count} workers, one killed during a run, which another worker resumed"
        yield f"{did}; {site.finish(folder)}", study.printed().splitlines()[0]


def diverging(site: Site, out: Path) -> Reports:
    """Losses explode or are not numbers."""
    # At the first rate some runs explode and others do not; at the second, all losses become NaN.
    for rate in ("0.03", "1e6"):
        folder = out.with_name(f"{out.name}-{rate}")
        fast = site.define("fast.toml", epochs=f"1\nprecision = 'float32'\nlearning_rate = {rate}")
        study = site.study(folder, definition=fast).end(1)
        line = study.line(r"failed: the loss '\w+' (exploded|is not finite)")
        failed = [run for run in RUNS if (folder / run / "failed.json").exists()]
        site.begin("mbias", "status", fast, "--out", folder).end().line(r"failed in epoch 1, step \d")
        site.validate(folder)
        # The other runs, if any, are analysed.
        analysed = site.begin("mbias-analyze", "losses", folder).end(2 if failed == RUNS else 0)
        again = site.study(folder, definition=fast).end(1)
        again.line(f"4 runs, {4 - len(failed)} complete")
        again.line("failed: not tried again")
        did = f"learning rate {rate}: {len(failed)} of 4 runs failed, all others done; a restart did not try them again"
        yield did, f"{line} ... {analysed.line('failed in epoch 1, step')}"


def interrupted(site: Site, out: Path) -> Reports:
    """Ctrl-C, the printed command to resume, and Ctrl-C twice."""
    study = site.study(out)
    until(lambda: committed(out / RUNS[0]))
    study.send(signal.SIGINT)
    first, end = study.end(130).line("stopping at the next commit"), study.line("resume with: ")
    site.validate(out)
    again = site.begin(*shlex.split(end.partition("resume with: ")[2]))
    again.line("epoch")
    again.send(signal.SIGINT)
    again.line("stopping at the next commit")
    again.send(signal.SIGINT)
    again.end(130)
    until(again.is_over)
    last = again.printed().splitlines()[-1]
    assert "press Ctrl-C again" in last, again.printed()
    site.validate(out)
    yield f"Ctrl-C, then the printed command and Ctrl-C twice; {site.finish(out)}", f"{first} ... {end}"


def dry_run(site: Site, out: Path) -> Reports:
    """A dry run of a study that has not started, and of one that is half done."""
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
    yield (
        f"--dry-run of an empty folder and of one with 2 of 4 runs; nothing written; {site.finish(out)}",
        "; ".join(lines),
    )


def changed(site: Site, out: Path) -> Reports:
    """The definition of a study changes."""
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
    yield (
        "a third seed: 2 runs added by 1 worker; the same study from the start on 3 workers: 6 runs valid, equal",
        added,
    )


TRIALS: dict[str, Callable[[Site, Path], Reports]] = {
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
    """Run the trials and print one line per trial; return 1 if one failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trials", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(TRIALS)} (default: all)")
    names = parser.parse_args().names or list(TRIALS)
    if unknown := set(names) - set(TRIALS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(TRIALS)}")
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder))
        passed = [_passes(name, site) for name in names]
    return int(not all(passed))


def _passes(name: str, site: Site) -> bool:
    start = time.perf_counter()
    try:
        for did, printed in TRIALS[name](site, site.root / name):
            _say("passed", name, f"{did}; {time.perf_counter() - start:.0f} s; printed: {printed}")
    except NotRunError as reason:
        _say("not run", name, str(reason))
    except (AssertionError, subprocess.TimeoutExpired) as error:
        _say("FAILED", name, " ".join(str(error).split()))
        return False
    finally:
        site.end_all()
    return True


def _say(verdict: str, name: str, text: str) -> None:
    print(f"{verdict:7}  {name:16}  {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
