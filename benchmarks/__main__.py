"""`make bench`: take every measurement in one run; write a table, and JSON with a description of the machine."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import torch

from benchmarks import analysing, machine, scale, scoring, training
from mbias.files import write_json

TARGETS = {
    ("training", "float32_ratio"): (">=", 2.5),
    ("training", "bfloat16_ratio"): (">=", 6.0),
    ("training", "float32_product_share"): (">=", 0.6),
    ("training", "bfloat16_product_share"): (">=", 0.6),
    ("study", "float32_ratio"): (">=", 2.5),
    ("study", "bfloat16_ratio"): (">=", 6.0),
    ("study", "float32_product_share"): (">=", 0.6),
    ("study", "bfloat16_product_share"): (">=", 0.6),
    ("scoring", "ratio"): (">=", 100.0),
    ("analysing", "attention_s"): ("<=", 2.0),
    ("analysing", "losses_s"): ("<=", 2.0),
    ("analysing", "attention_mib"): ("<=", 1024.0),
    ("analysing", "losses_mib"): ("<=", 1024.0),
    ("llp size", "peak_mib"): ("<=", 2560.0),
    ("llp size", "beside_training_share"): ("<=", 0.1),
    ("growth", "largest_over_smallest"): ("<=", 1.1),
}
"""The target of each figure that has one."""


def main() -> None:
    """Run the measurements, print them and write them to ``--out``."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Compare the speed of mbias with today's practice."
    )
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results.json"), help="the figures, as JSON")
    parser.add_argument("--only", nargs="*", help="names of the measurements to run (default: all)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measures = {
            "machine": lambda: hardware(folder),
            "training": lambda: training.throughput(folder),
            "study": lambda: training.study_throughput(folder),
            "scoring": scoring.scoring,
            "analysing": lambda: analysing.analysing(folder),
            "growth": lambda: scale.growth(folder),
            "llp size": lambda: scale.llp_size(folder),
        }
        figures: dict[str, dict[str, float]] = {}
        for measure in options.only or measures:
            print(f"{measure} ...", file=sys.stderr, flush=True)
            figures[measure] = measures[measure]()
            for figure, value in figures[measure].items():
                print(f"{measure:12} {figure:28} {value:12,.3f}  {judged(measure, figure, value)}", flush=True)
    write_json(options.out, {"machine": machine.description(), "figures": figures})


def judged(measure: str, figure: str, value: float) -> str:
    """The target of a figure and whether it is met, or an empty text where there is none."""
    if (measure, figure) not in TARGETS:
        return ""
    sign, target = TARGETS[measure, figure]
    met = value >= target if sign == ">=" else value <= target
    return f"{sign} {target:g}: {'met' if met else 'NOT met'}"


def hardware(folder: Path) -> dict[str, float]:
    """The rates that the machine reaches: matrix products, memory, disk."""
    path = folder / "block"
    path.write_bytes(bytes(2**28))
    return {
        "product_float32_gflops": machine.product_rate(torch.float32) / 1e9,
        "product_bfloat16_gflops": machine.product_rate(torch.bfloat16) / 1e9,
        "memory_gb_s": machine.memory_bandwidth() / 1e9,
        "disk_read_gb_s": machine.disk_read_rate(path) / 1e9,
    }


if __name__ == "__main__":
    main()
