"""Time and peak memory of `mbias-analyze` over 1,000 runs of LLP's size, beside another checkout in the same run.

    python -m benchmarks.many_runs make --out DIR                     write the runs
    python -m benchmarks.many_runs measure --out DIR [--before CODE]  time attention; CODE is a checkout to compare with

A run has 40 epochs of 1,200 videos, with random numbers. Ten runs are written in full. The files of the others are hard
links to theirs, except for `run.json`, so that 1,000 runs take 1.1 GB. Memory is that of all processes of a command.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
from pathlib import Path

import pandas as pd

from benchmarks.analysing import write_drawn_run
from benchmarks.process import with_children
from mbias.files import write_text
from mbias.terms import PRESETS, Variant

WRITTEN = 10


def make(out: Path, runs: int) -> None:
    """Write the runs: seeds of every variant and smoothing."""
    settings = list(itertools.product(Variant, PRESETS))
    written: list[Path] = []
    for index in range(runs):
        (variant, smoothing), seed = settings[index % len(settings)], index // len(settings)
        path = out / "study" / f"{variant}-{smoothing}-seed{seed}"
        if index < WRITTEN:
            write_drawn_run(path, variant, smoothing)
            written.append(path)
            continue
        shutil.copytree(written[index % WRITTEN], path, copy_function=os.link)
        header = json.loads((path / "run.json").read_text(encoding="utf-8"))
        header["training"] |= {"variant": variant, "smoothing": smoothing, "seed": seed}
        write_text(path / "run.json", json.dumps(header))


def measure(out: Path, before: Path | None, more: list[str]) -> pd.DataFrame:
    """Seconds and peak MiB of every table of attention, of this code and of the code before."""
    rows = []
    for table in ("shares", "seeds", "categories", "movement"):
        row: dict[str, object] = {"table": table}
        codes = {"before": before.resolve()} if before else {}
        for label, code in (codes | {"now": Path(__file__).resolve().parents[1]}).items():
            os.environ["PYTHONPATH"] = str(code)
            arguments = [
                "-m",
                "mbias.cli.analyze",
                "attention",
                str(out / "study"),
                "--table",
                table,
                "--format",
                "csv",
            ]
            row[f"{label}_s"], row[f"{label}_mib"] = with_children(arguments + more * (label == "now"))
        rows.append(row)
        print(pd.DataFrame([row]).round(1).to_string(index=False), flush=True)
    return pd.DataFrame(rows)


def main() -> None:
    """Run one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("make", "measure"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--before", type=Path, help="a checkout of the code to compare with")
    parser.add_argument("--workers", help="passed on")
    parser.add_argument("--scheduler", help="passed on")
    options = parser.parse_args()
    if options.part == "make":
        make(options.out.resolve(), options.runs)
        return
    given = {"--workers": options.workers, "--scheduler": options.scheduler}
    more = [text for name, value in given.items() if value for text in (name, value)]
    table = measure(options.out.resolve(), options.before, more)
    write_text(options.out / "measured.csv", table.to_csv(index=False))


if __name__ == "__main__":
    main()
