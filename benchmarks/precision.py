"""Does bfloat16 change a conclusion? Train the same seeds in float32 and in bfloat16.

    python -m benchmarks.precision --out DIR        runs that exist are not trained again

Prints a table and writes it to DIR as CSV. The model is A_cross + V_cross, on simulated data of the demo's size.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import pandas as pd
import torch

from mbias.analysis.attention import shares
from mbias.analysis.losses import coincidence
from mbias.files import write_text
from mbias.llp.simulate import simulate
from mbias.records.study import open_study
from mbias.terms import PRESETS, Split
from mbias.training.config import TrainingConfig
from mbias.training.data import load_data
from mbias.training.devices import choose_precision, name_of
from mbias.training.fit import fit
from mbias.training.record import inspect_run

SIZES = {Split.TRAIN: 1000, Split.VAL: 200, Split.TEST: 400}
SMOOTHINGS = ("no_ls", "ls_a", "ls_v")
SEEDS = 3


def train(folder: Path, precision: str, epochs: int) -> None:
    """Train those of the nine runs in one precision that are not complete."""
    simulate(folder / "llp", sizes=SIZES, packed=True)
    cpu = torch.device("cpu")
    dtype = choose_precision(precision, cpu)
    data = load_data(folder / "llp", Split.TEST, cpu, dtype)
    for name, seed in itertools.product(SMOOTHINGS, range(SEEDS)):
        config = TrainingConfig(smoothing=PRESETS[name], seed=seed, epochs=epochs, precision=precision)
        run = inspect_run(folder / precision / config.name, config, name_of(dtype), data.fingerprint)
        if not run.complete:
            fit(run, data)


def conclusions(folder: Path, precision: str) -> pd.DataFrame:
    """The results of the runs in one precision: one row per smoothing and seed."""
    study = open_study(folder / precision)
    weights = shares(study, "last")
    last = weights[(weights["scope"] == "all") & (weights["modality"] == "audio")].set_index("run")
    errors = coincidence(study)
    errors = errors[(errors["kind"] == "optimised") & (errors["modality"] == "audio")].set_index("run")
    return pd.DataFrame(
        {
            "smoothing": run.smoothing,
            "seed": run.seed,
            "W_a": last.loc[run.name, "attention"],
            "Type@AV": 100 * run.commit("best").scores["test"]["segment"]["type_average"],
            "MSE_wsl,a": errors.loc[run.name, "mse"],
        }
        for run in study
    )


def main() -> None:
    """Train what is missing, and compare the precisions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=8)
    options = parser.parse_args()
    for precision in ("float32", "bfloat16"):
        train(options.out, precision, options.epochs)
    sides = [conclusions(options.out, precision) for precision in ("float32", "bfloat16")]
    table = sides[0].merge(sides[1], on=["smoothing", "seed"], suffixes=(" float32", " bfloat16"))
    write_text(options.out / "precision.csv", table.to_csv(index=False))
    print(table.to_string(index=False, float_format="{:.3g}".format))
    print("simulated data")


if __name__ == "__main__":
    main()
