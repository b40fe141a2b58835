"""Records of AudioSet's size: time and peak memory of what users run on them, beside another checkout in the same run.

    python -m benchmarks.large make --out DIR                     write the records
    python -m benchmarks.large measure --out DIR [--before CODE]  time the commands; CODE is a checkout to compare with

The records have random numbers in the shape of real ones: 20,000 samples of 10 segments, two modalities and 527
categories. One run has three epochs of attention (2.5 GB); five more seeds have one; each of the six has a probe.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

from mbias import Header, Pass, Run, RunWriter
from mbias.files import write_text
from mbias.probing.draws import derangement
from mbias.records.probes import new_probe

MODALITIES = ("audio", "visual")
SEGMENTS = 10
DRAWS = 5


@dataclass(frozen=True)
class Size:
    """The size of the records."""

    samples: int = 20_000
    categories: int = 527
    epochs: int = 3
    seeds: int = 6


def make(out: Path, size: Size) -> None:
    """Write the run with all epochs, ``many/one``, and further seeds of it with a single epoch, ``seeds/seedN``."""
    for seed in range(size.seeds):
        path = out / "seeds" / f"seed{seed}" if seed else out / "many" / "one"
        _write(path, size, seed, 1 if seed else size.epochs)
        _probe(Run(path), seed)
    (out / "seeds" / "seed0").symlink_to((out / "many" / "one").resolve())


def _write(path: Path, size: Size, seed: int, epochs: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.random.default_rng(99).random((size.samples, size.categories)) < 2 / size.categories
    names = tuple(f"category {index}" for index in range(size.categories))
    arrays = {"wav": ("sample", "segment", "modality", "category"), "p_joint": ("sample", "category")}
    header = Header(
        MODALITIES, names, (*MODALITIES, "joint"), "joint", "test", arrays, simulated=True, setting="large", seed=seed
    )
    samples = pd.DataFrame({"sample": np.arange(size.samples)})
    writer = RunWriter.create(path, header, samples, {"weak": labels})
    for epoch in range(1, epochs + 1):
        audio = rng.random((size.samples, SEGMENTS, size.categories), dtype=np.float32)
        losses = {loss: {"optimised": 1 / epoch} for loss in header.losses}
        writer.commit(losses, {"wav": np.stack([audio, 1 - audio], axis=2)}, best=epoch == epochs)


def _probe(run: Run, seed: int) -> None:
    """A probe of a model whose logits add up what audio and, half as strongly, visual say about each label."""
    rng = np.random.default_rng([seed, 1])
    labels = run.truth["weak"]
    logits = [
        (strength * (6 * labels + rng.standard_normal(labels.shape))).astype(np.float32) for strength in (1.0, 0.5)
    ]
    rows = np.arange(len(labels))
    passes: dict[Pass, list[np.ndarray]] = {Pass(): [rows, rows]}
    for draw in range(DRAWS):
        drawn = [derangement(len(rows), rng) for _ in MODALITIES]
        for replaced in (("audio",), ("visual",), MODALITIES):
            chosen = [drawn[m] if name in replaced else rows for m, name in enumerate(MODALITIES)]
            passes[Pass("permuted", replaced, draw)] = chosen
    shapes = {
        of_pass: {"p_joint": labels.shape} | ({"donors": _donors(of_pass, of_rows).shape} if of_pass.replaced else {})
        for of_pass, of_rows in passes.items()
    }
    with new_probe(run, "last", shapes) as write:
        for of_pass, of_rows in passes.items():
            joint = expit(sum(logit[row] for logit, row in zip(logits, of_rows, strict=True)) - 5)
            write(of_pass, {"p_joint": joint} | ({"donors": _donors(of_pass, of_rows)} if of_pass.replaced else {}))


def _donors(of_pass: Pass, rows: list[np.ndarray]) -> np.ndarray:
    of_replaced = [rows[m] for m, name in enumerate(MODALITIES) if name in of_pass.replaced]
    return of_replaced[0] if len(of_replaced) == 1 else np.stack(of_replaced, axis=1)


def commands(out: Path) -> dict[str, list[str]]:
    """The arguments of Python for each piece of work."""
    one, seeds = str(out / "many" / "one"), str(out / "seeds")
    analyze = ["-m", "mbias.cli.analyze"]
    tables = {f"attention --table {table}": [one, "--table", table] for table in ("shares", "categories", "movement")}
    work = {name: [*analyze, "attention", *rest] for name, rest in tables.items()}
    work["attention --table seeds, six seeds"] = [*analyze, "attention", seeds, "--table", "seeds"]
    work["diagnosis, one run"] = [*analyze, "diagnosis", one]
    work["diagnosis, six seeds"] = [*analyze, "diagnosis", seeds]
    work["validate"] = [*analyze, "validate", one]
    work["report with probe"] = [*analyze, "report", one, "--out", str(out / "report")]
    work["commit"] = [__file__, "commit", "--out", str(out)]
    return work


def commit(out: Path, size: Size) -> None:
    """Commit one epoch, and report its seconds, those of writing and syncing as many bytes, and the peak memory."""
    with tempfile.TemporaryDirectory(dir=out) as name:
        folder = Path(name)
        _write(folder / "run", size, 0, 0)
        rng = np.random.default_rng(0)
        wav = rng.random((size.samples, SEGMENTS, len(MODALITIES), size.categories), dtype=np.float32)
        start = time.perf_counter()
        with (folder / "plain").open("wb") as file:
            file.write(wav.data)
            file.flush()
            os.fsync(file.fileno())
        plain = time.perf_counter() - start
        start = time.perf_counter()
        RunWriter.reopen(folder / "run").commit({}, {"wav": wav})
        taken = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"commit {taken:.2f} s, writing and syncing {plain:.2f} s, {peak:.0f} MiB", file=sys.stderr, flush=True)


def measure(out: Path, before: Path | None, only: str) -> pd.DataFrame:
    """Seconds and peak MiB of each command, of this code and of the code before."""
    # The other checkout, which runs `commit` of this file, has no such module.
    from benchmarks.process import whole_process

    rows = []
    for name, arguments in commands(out).items():
        if only not in name:
            continue
        row: dict[str, object] = {"work": name}
        for label, code in _codes(before):
            os.environ["PYTHONPATH"] = str(code)
            os.chdir(code)
            row[f"{label}_s"], row[f"{label}_mib"] = whole_process(arguments)
        rows.append(row)
        print(pd.DataFrame([row]).round(2).to_string(index=False), flush=True)
    return pd.DataFrame(rows)


def _codes(before: Path | None) -> Iterator[tuple[str, Path]]:
    if before is not None:
        yield "before", before.resolve()
    yield "now", Path(__file__).resolve().parents[1]


def main() -> None:
    """Run one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("make", "measure", "commit"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--before", type=Path, help="a checkout of the code to compare with")
    parser.add_argument("--only", default="", help="part of the name of the work to measure")
    for name, default in vars(Size()).items():
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    size = Size(options.samples, options.categories, options.epochs, options.seeds)
    out = options.out.resolve()
    if options.part == "make":
        make(out, size)
    elif options.part == "commit":
        commit(out, size)
    else:
        table = measure(out, options.before, options.only)
        write_text(out / "measured.csv", table.to_csv(index=False))


if __name__ == "__main__":
    main()
