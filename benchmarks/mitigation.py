"""Mitigations of modality bias compared: hyperparameters by validation, best epoch by validation, six seeds, test once.

    python benchmarks/mitigation.py --out DIR [--annotations DIR]

On three kinds of simulated data: as calibrated on LLP, and with sounds 1.5 and 5 times as strong as pictures. Every
method has a grid of three values of one hyperparameter; joint_only has none. All values are trained with all seeds;
the one with the best mean Type@AV on the validation split is kept, and what it changes on the test split is written
beside no mitigation. So is what the smoothings No-LS and LS-AV change, the paper's own lever.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from mbias.analysis.mitigations import changes
from mbias.files import write_text
from mbias.llp.knobs import CALIBRATED, Knobs
from mbias.llp.simulate import simulate
from mbias.records.study import Study, open_study
from mbias.studies.execute import train_study
from mbias.studies.probe import probe_study
from mbias.terms import Level, Metric, Split

GRIDS: dict[str, tuple[str, ...]] = {
    "joint_only": ("joint_only",),
    "unimodal": tuple(f"unimodal weight={weight}" for weight in (0.3, 2, 5)),
    "modality_dropout": tuple(f"modality_dropout q_base={q}" for q in (0.2, 0.4, 0.6)),
    "ogm_ge": tuple(f"ogm_ge alpha={alpha}" for alpha in (0.1, 0.3, 0.8)),
    "agm": tuple(f"agm alpha={alpha}" for alpha in (0.1, 0.3, 1)),
    "gradient_blending": tuple(f"gradient_blending super_epoch={epochs}" for epochs in (1, 2, 4)),
    "mmpareto": tuple(f"mmpareto gamma={gamma}" for gamma in (1, 1.5, 2)),
    "pmr": tuple(f"pmr alpha={alpha}" for alpha in (0.1, 0.6, 1)),
    "relearning": tuple(f"relearning strength={strength} every=3" for strength in (1, 3, 10)),
    "inforeg": tuple(f"inforeg beta={beta}" for beta in (0.1, 0.5, 0.95)),
    "attention_entropy": tuple(f"attention_entropy weight={weight}" for weight in (0.01, 0.1, 1)),
    "attention_floor": tuple(f"attention_floor share={share}" for share in (0.1, 0.3, 0.6)),
}
"""The values that validation chooses from, by method."""

PLANTED = {
    "off_screen": "0",
    "silent": "0",
    "asynchrony": "0",
    "confusable_pairs": "-",
    "category_spread": "0",
    "audio_strength": "3",
}
"""Events that are heard and seen at the same time, so that only their strengths differ."""

DATA: dict[str, Knobs] = {"calibrated": CALIBRATED} | {
    f"audio {factor:g} times": Knobs.parse({**PLANTED, "visual_strength": f"{3.3 / factor:g}"}) for factor in (1.5, 5)
}
"""The data sets; at 1.1 times the strength of the sound, a picture counts as much (`benchmarks/validity.py`)."""


def trained(folder: Path, knobs: Knobs, options: argparse.Namespace) -> Study:
    """Train and probe all methods with all values of their grids on one data set."""
    sizes = {Split.TRAIN: options.train, Split.VAL: options.val, Split.TEST: options.test}
    simulate(
        folder / "llp", seed=options.data_seed, sizes=sizes, knobs=knobs, annotations=options.annotations, packed=True
    )
    methods = ["none", *(value for grid in GRIDS.values() for value in grid)]
    definition = folder / "runs.toml"
    head = f'[data]\npath = "llp"\n\n[training]\nepochs = {options.epochs}\ndelta = 0.2\n'
    grid = '\n[[grid]]\nvariants = ["across_vcross"]\nsmoothing = {}\nseeds = {}\nmitigation = {}\n'
    seeds = list(range(options.seeds))
    write_text(
        definition,
        head + grid.format('["ls_v"]', seeds, methods) + grid.format('["no_ls", "ls_av"]', seeds, ["none"]),
    )
    train_study(definition)
    study = open_study(definition.with_suffix(""))
    unprobed = [run.path for run in study if not (run.path / "probe" / "probe.json").exists()]
    if unprobed:
        probe_study(unprobed, data=folder / "llp", draws=2)
    return study


def chosen(study: Study) -> dict[str, str]:
    """The value of each method's grid with the best mean score over seeds on the validation split."""
    scores = {value: np.mean(_on_validation(study, value)) for grid in GRIDS.values() for value in grid}
    return {method: max(grid, key=lambda value: scores[value]) for method, grid in GRIDS.items()}


def _on_validation(study: Study, mitigation: str) -> list[float]:
    runs = study.select(mitigation=mitigation)
    return [run.commit("best").scores[Split.VAL][Level.SEGMENT][Metric.TYPE_AVERAGE] for run in runs]


def compared(study: Study) -> pd.DataFrame:
    """What the chosen value of each method, and each smoothing, changes on the test split beside LS-V alone."""
    values = chosen(study)
    return changes(study.select(mitigation=["none", *values.values()]))


def main() -> None:
    """Train, choose and compare; runs that exist are not trained again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--annotations", type=Path, help="the annotations of LLP; without them, they are simulated too")
    parser.add_argument("--only", help="the name of one data set")
    for name, default in (("data-seed", 7), ("seeds", 6), ("train", 1000), ("val", 200), ("test", 400), ("epochs", 6)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    tables = []
    for name, knobs in DATA.items():
        if options.only in (None, name):
            study = trained(options.out / name.replace(" ", "-"), knobs, options)
            tables.append(compared(study).assign(data=name))
    table = pd.concat(tables, ignore_index=True)
    write_text(options.out / "mitigations.csv", table.to_csv(index=False))
    shown = table[table["quantity"].isin(["use", str(Metric.TYPE_AVERAGE), "time"])]
    columns = [
        "data",
        "mitigation",
        "quantity",
        "of",
        "difference",
        "difference_low",
        "difference_high",
        "p",
        "improvement",
    ]
    print(shown[columns].round(3).to_string(index=False))
    print("simulated data")


if __name__ == "__main__":
    main()
