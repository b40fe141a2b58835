"""Is simulated LLP like LLP? Two cells of the paper's tables identify the simulator, and a map shows what decides.

    python benchmarks/simulator.py calibrate --annotations DIR --out DIR   A_cross + V_cross and A_cross + V_self
    python benchmarks/simulator.py map --annotations DIR --out DIR         the gain of V_self, by two knobs

Each part prints its table and writes it to OUT as CSV. DIR has the annotations of LLP. Runs that exist are not trained
again. All features are simulated.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import pandas as pd

from mbias.analysis.compare import comparison
from mbias.analysis.paper.published import PARTS, table1
from mbias.analysis.variants import scores
from mbias.files import write_text
from mbias.llp.knobs import CALIBRATED, Knobs
from mbias.llp.simulate import simulate
from mbias.records.study import Study, open_study
from mbias.studies.execute import train_study
from mbias.terms import Level, Metric, Split, Variant

CELLS = (Variant.ACROSS_VCROSS, Variant.ACROSS_VSELF)
"""The two cells, both under LS-V. The paper's first observation is that the second one has better visual scores."""

WITHIN = 2.0
"""How near a simulated score must be to the published one, in points."""

VISUAL_STRENGTH = ("1.75", "2.5", "4")
OFF_SCREEN = ("0", "1", "3")


def calibrate(options: argparse.Namespace) -> pd.DataFrame:
    """The six scores that the knobs of `CALIBRATED` are tuned on, beside the published ones, in points."""
    measured = scores(_study(options.out / "calibrated", CALIBRATED, options))
    keys = ["variant", "metric", "level"]
    both = measured.merge(table1()[[*keys, "f_score"]], on=keys, suffixes=("", "_published"))
    tuned = both[(both["level"] == Level.SEGMENT) & both["metric"].isin(PARTS)].copy()
    tuned["difference"] = tuned["f_score"] - tuned["f_score_published"]
    tuned["within"] = tuned["difference"].abs() <= WITHIN
    return tuned[[*keys, "f_score", "low", "high", "seeds", "f_score_published", "difference", "within"]]


def gain_map(options: argparse.Namespace) -> pd.DataFrame:
    """How much V_self gains on visual over V_cross, by the strength of pictures and the share of off-screen sounds."""
    tables = []
    for visual, off_screen in itertools.product(VISUAL_STRENGTH, OFF_SCREEN):
        knobs = {"visual_strength": visual, "off_screen": off_screen}
        folder = options.out / f"visual-{visual}-off-screen-{off_screen}"
        study = _study(folder, Knobs.parse(knobs, CALIBRATED), options)
        table = comparison(*(study.select(variant=variant) for variant in CELLS))
        gain = table[(table["quantity"] == Metric.VISUAL) & (table["level"] == Level.SEGMENT)]
        columns = ["value_a", "value_b", "difference", "difference_low", "difference_high", "seeds"]
        tables.append(gain[columns].assign(**knobs))
    return pd.concat(tables, ignore_index=True)


def _study(folder: Path, knobs: Knobs, options: argparse.Namespace) -> Study:
    sizes = {Split.TRAIN: options.train} if options.train else None
    simulate(
        folder / "llp", seed=options.data_seed, sizes=sizes, knobs=knobs, annotations=options.annotations, packed=True
    )
    names = ", ".join(f'"{variant}"' for variant in CELLS)
    definition = folder / "runs.toml"
    write_text(
        definition,
        f'[data]\npath = "llp"\n\n[training]\nepochs = {options.epochs}\n\n'
        f'[[grid]]\nvariants = [{names}]\nsmoothing = ["{options.smoothing}"]\nseeds = {list(range(options.seeds))}\n',
    )
    train_study(definition)
    return open_study(definition.with_suffix(""))


def main() -> None:
    """Run one part."""
    parts = {"calibrate": calibrate, "map": gain_map}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=parts)
    parser.add_argument("--annotations", type=Path, help="the annotations of LLP; without them, they are simulated too")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data-seed", type=int, default=0)
    parser.add_argument("--smoothing", default="ls_v0.2")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--train", type=int, help="training videos (all)")
    parser.add_argument("--epochs", type=int, default=4)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    table = parts[options.part](options)
    write_text(options.out / f"{options.part}.csv", table.to_csv(index=False))
    print(table.round(2).to_string(index=False))
    print("simulated data")


if __name__ == "__main__":
    main()
