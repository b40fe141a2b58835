"""Test the paper's claims on data whose truth is known, over seeds, with intervals.

    python benchmarks/claims.py attention --out DIR      does attention share predict reliance? four smoothings
    python benchmarks/claims.py observations --out DIR   A_cross + V_self on visual F-scores, A_self on audio F-scores
    python benchmarks/claims.py map --out DIR            the same two, by off-screen rate and confusability

Each part prints its tables and writes them to DIR as CSV. Runs that exist are not trained again. All data are
simulated. The data sets are smaller than LLP and the training is shorter: `--train` and `--epochs` set both.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import pandas as pd

from benchmarks.validity import train
from mbias.analysis.compare import comparison
from mbias.analysis.diagnosis import finding, verdicts
from mbias.analysis.measures.catalogue import PRIMARY
from mbias.analysis.reliance import agreement
from mbias.files import write_text
from mbias.llp.knobs import Knobs
from mbias.records.study import Study, open_study
from mbias.terms import PRESETS, Split, Variant
from mbias.training.config import TrainingConfig

CLAIMS = (
    ("V_self gains on visual", Variant.ACROSS_VCROSS, Variant.ACROSS_VSELF, "visual"),
    ("A_self loses on audio (V_cross)", Variant.ACROSS_VCROSS, Variant.ASELF_VCROSS, "audio"),
    ("A_self loses on audio (V_self)", Variant.ACROSS_VSELF, Variant.ASELF_VSELF, "audio"),
)
"""The paper's two observations (section 5.3): name, first variant, second variant, and the F-score that changes."""

OFF_SCREEN = ("0", "2")
CONFUSABLE = ("0", "0.9")


def attention(folder: Path, options: argparse.Namespace) -> dict[str, pd.DataFrame]:
    """Agreement of the measures with the primary measure, and verdicts, for four smoothings of A_cross + V_cross."""
    study = _study(folder / "default", {}, [Variant.ACROSS_VCROSS], list(PRESETS), options)
    agree = agreement(study)
    table = verdicts(study)
    print("\n".join(finding(table)))
    return {"agreement": agree[agree["measure"] == PRIMARY.display_name], "verdicts": table}


def observations(folder: Path, options: argparse.Namespace) -> dict[str, pd.DataFrame]:
    """Differences of F-scores between variants, under LS-V."""
    return {"observations": _claims(_study(folder / "default", {}, list(Variant), ["ls_v"], options))}


def claims_map(folder: Path, options: argparse.Namespace) -> dict[str, pd.DataFrame]:
    """The same differences, by how often sounds come from off screen and how alike confusable sounds are."""
    tables = []
    for off_screen, confusable in itertools.product(OFF_SCREEN, CONFUSABLE):
        knobs = {"off_screen": off_screen, "confusable": confusable}
        path = folder / f"off-screen-{off_screen}-confusable-{confusable}"
        tables.append(_claims(_study(path, knobs, list(Variant), ["ls_v"], options)).assign(**knobs))
    return {"map": pd.concat(tables, ignore_index=True)}


def _study(
    folder: Path, knobs: dict[str, str], variants: list[Variant], smoothings: list[str], options: argparse.Namespace
) -> Study:
    runs = [
        TrainingConfig(variant=variant, smoothing=PRESETS[name], seed=seed, epochs=options.epochs)
        for variant, name, seed in itertools.product(variants, smoothings, range(options.seeds))
    ]
    sizes = {Split.TRAIN: options.train, Split.VAL: options.train // 5, Split.TEST: 2 * options.train // 5}
    train(folder, Knobs.parse(knobs), sizes, 0, runs)
    return open_study([folder / "runs" / config.name for config in runs])


def _claims(study: Study) -> pd.DataFrame:
    rows = []
    for claim, first, second, metric in CLAIMS:
        sides = [Study(tuple(run for run in study if run.variant == variant)) for variant in (first, second)]
        table = comparison(*sides)
        for row in table[table["quantity"] == metric].itertuples():
            rows.append(
                {
                    "claim": claim,
                    "level": row.level,
                    "before": row.value_a,
                    "after": row.value_b,
                    "difference": row.difference,
                    "low": row.difference_low,
                    "high": row.difference_high,
                    "d_z": row.d_z,
                    "p": row.p,
                    "seeds": row.seeds,
                }
            )
    return pd.DataFrame(rows)


def main() -> None:
    """Run one part."""
    parts = {"attention": attention, "observations": observations, "map": claims_map}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=parts)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument(
        "--train", type=int, default=1000, help="training videos; a fifth as many for val, two fifths for test"
    )
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name, table in parts[options.part](options.out, options).items():
        write_text(options.out / f"{options.part}-{name}.csv", table.to_csv(index=False))
        print(table.round(3).to_string(index=False))
    print("simulated data")


if __name__ == "__main__":
    main()
