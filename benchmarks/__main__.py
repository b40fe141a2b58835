"""`make bench`: every measure in one run, as a table and as JSON with the machine's description."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import torch

from benchmarks import analysing, machine, scale, scoring, training
from mbias.files import write_json

BARS = {
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
"""What each measure is held to."""


def main() -> None:
    """Measure, print, and write ``--out``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure mbias beside today's practice.")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results.json"), help="the figures, as JSON")
    parser.add_argument("--only", nargs="*", help="measures to take, by name (default: all)")
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
    """The bar beside a figure, and whether it is met."""
    if (measure, figure) not in BARS:
        return ""
    sign, bar = BARS[measure, figure]
    met = value >= bar if sign == ">=" else value <= bar
    return f"{sign} {bar:g}: {'met' if met else 'NOT met'}"


def hardware(folder: Path) -> dict[str, float]:
    """What the machine allows."""
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
