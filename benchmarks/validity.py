"""Can the verdicts be trusted? Tests on planted carriers: what carries an event is known.

    python benchmarks/validity.py planted --out DIR     trains and probes; existing runs are kept
    python benchmarks/validity.py calibrate --out DIR   the strength at which the picture counts as much

Each part prints its table and writes it to DIR as CSV. All data are simulated.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from mbias.analysis.diagnosis import categories, verdicts
from mbias.analysis.measures.verdict import BALANCED, MARGIN, NOTHING, UNDETERMINED, favoured
from mbias.errors import NotApplicableError
from mbias.files import write_text
from mbias.records.study import Study, open_study
from mbias.terms import CATEGORIES, PRESETS, Control, Split

if TYPE_CHECKING:
    from mbias.llp.knobs import Knobs
    from mbias.training.config import TrainingConfig

STRENGTH = 5.0
"""Strength of the sound of an event, in standard deviations of a segment's noise."""

EQUAL = 1.1
"""Strength of the picture relative to the sound at which both counted the same (`calibrate`, other seeds and data). It
was tuned on the Shapley values of the first version; that the two then balance is no evidence for a measure."""

SIZES = {Split.TRAIN: 400, Split.VAL: 60, Split.TEST: 600}
EPOCHS = 8
AUDIO, VISUAL = "audio", "visual"


@dataclass(frozen=True)
class Planted:
    """A data set whose carrier is planted.

    Parameters
    ----------
    audio, visual
        Strengths, as `mbias.llp.knobs.ByCategory` reads them; events are heard and seen at the same time.
    right
        The modality that the correct verdict names, `BALANCED` or `NOTHING`.
    clear
        Whether the verdict must be `right`. If not, "undetermined" is also accepted, but a wrong verdict is not.
    control
        The negative control that the runs are, if any.
    """

    audio: str
    visual: str
    right: str
    clear: bool
    control: Control | None = None


def carriers(equal: float = EQUAL) -> dict[str, Planted]:
    """The planted data sets by name."""
    strong = STRENGTH
    heard, seen = CATEGORIES[::2], CATEGORIES[1::2]
    sets = {
        "audio only": Planted(f"{strong}", "0", AUDIO, True),
        "visual only": Planted("0", f"{strong * equal}", VISUAL, True),
        "both equal": Planted(f"{strong}", f"{strong * equal}", BALANCED, False),
        "mixed by category": Planted(
            ",".join([f"{strong}", *(f"{name}=0" for name in seen)]),
            ",".join([f"{strong * equal}", *(f"{name}=0" for name in heard)]),
            BALANCED,
            False,
        ),
    }
    for factor, clear in ((1.5, False), (2.5, True), (5.0, True)):
        weak = strong / factor
        sets[f"audio {factor:g} times"] = Planted(f"{strong}", f"{weak * equal:g}", AUDIO, clear)
        sets[f"visual {factor:g} times"] = Planted(f"{weak:g}", f"{strong * equal}", VISUAL, clear)
    for control in (Control.RANDOM, Control.SHUFFLED):
        sets[f"control: {control}"] = Planted(f"{strong}", f"{strong * equal}", NOTHING, True, control)
    return sets


def train_planted(folder: Path, planted: Planted, seeds: range, data_seed: int) -> None:
    """Simulate a planted data set, then train and probe those of its runs that are not complete."""
    from mbias.llp.knobs import Knobs
    from mbias.training.config import TrainingConfig

    knobs = Knobs.parse(
        {
            "off_screen": "0",
            "silent": "0",
            "asynchrony": "0",
            "audio_strength": planted.audio,
            "visual_strength": planted.visual,
            "confusable_pairs": "-",
            "category_spread": "0",
        }
    )
    runs = [
        TrainingConfig(smoothing=PRESETS["no_ls"], control=planted.control, seed=seed, epochs=EPOCHS) for seed in seeds
    ]
    train(folder, knobs, SIZES, data_seed, runs)


def train(folder: Path, knobs: Knobs, sizes: dict[Split, int], data_seed: int, runs: Sequence[TrainingConfig]) -> None:
    """Simulate ``folder/llp``, then train and probe those runs in ``folder/runs`` that are not complete."""
    import torch

    from mbias.llp.simulate import simulate
    from mbias.probing.han import probe
    from mbias.records.run import Run
    from mbias.training.data import load_data
    from mbias.training.devices import choose_precision, name_of
    from mbias.training.fit import fit
    from mbias.training.record import inspect_run

    simulate(folder / "llp", seed=data_seed, sizes=sizes, knobs=knobs, packed=True)
    cpu = torch.device("cpu")
    data = load_data(folder / "llp", Split.TEST, cpu)
    for config in runs:
        path = folder / "runs" / config.name
        if (path / "probe" / "probe.json").exists():
            continue
        dtype = choose_precision(config.precision, cpu)
        run = inspect_run(path, config, name_of(dtype), data.fingerprint)
        if not run.complete:
            fit(run, data)
        probe(Run(path), data, dtype, draws=2)


def planted_table(folder: Path, sets: dict[str, Planted], seeds: range) -> pd.DataFrame:
    """One row per data set: the verdict over all seeds, and counts of the verdicts by seed and by category."""
    rows = []
    for name, planted in sets.items():
        path = folder / name.replace(" ", "-").replace(":", "")
        train_planted(path, planted, seeds, data_seed=1000 + list(carriers()).index(name))
        study = open_study(path / "runs")
        row = verdicts(study).iloc[0]
        single = [verdicts(open_study(run.path))["verdict"].iloc[0] for run in study]
        of_categories = _of_categories(study)
        rows.append(
            {
                "planted": name,
                "right": planted.right,
                "clear": planted.clear,
                "verdict": row["verdict"],
                "balance": row["balance"],
                "low": row["balance_low"],
                "high": row["balance_high"],
                "attention": row["attention"],
                "flags": row["flags"],
                "seeds": len(study),
                "single right": sum(_named(verdict) == planted.right for verdict in single),
                "single wrong": sum(_wrong(verdict, planted) for verdict in single),
                "categories right": _categories_right(of_categories, planted),
                "categories wrong": _categories_wrong(of_categories, planted),
                "categories": len(of_categories),
                "fault": _wrong(row["verdict"], planted) or (planted.clear and _named(row["verdict"]) != planted.right),
            }
        )
        print(f"{name}: {row['verdict']}, balance {row['balance']:+.2f}", flush=True)
    return pd.DataFrame(rows)


def _of_categories(study: Study) -> pd.DataFrame:
    try:
        return categories(study)
    except NotApplicableError:
        return pd.DataFrame()


def _wrong(verdict: str, planted: Planted) -> bool:
    """Whether a verdict is false."""
    if _named(verdict) in (planted.right, UNDETERMINED):
        return False
    # Where carriers differ only slightly, "balanced" may be true.
    return planted.clear or planted.right == BALANCED or verdict != BALANCED


def _named(verdict: str) -> str:
    """The modality that a verdict names, or the verdict itself."""
    return favoured(verdict) or verdict


def _right_of(category: str, planted: Planted) -> str:
    from mbias.llp.knobs import ByCategory

    index = CATEGORIES.index(category)
    audio, visual = (ByCategory.parse(text).array()[index] for text in (planted.audio, planted.visual))
    return AUDIO if not visual else VISUAL if not audio else planted.right


def _categories_right(table: pd.DataFrame, planted: Planted) -> int:
    return sum(_named(row.verdict) == _right_of(row.category, planted) for row in table.itertuples())


def _categories_wrong(table: pd.DataFrame, planted: Planted) -> int:
    return sum(
        _named(row.verdict) not in (_right_of(row.category, planted), UNDETERMINED, NOTHING, BALANCED)
        for row in table.itertuples()
    )


def calibrate(folder: Path, ratios: tuple[float, ...] = (0.5, 0.6, 0.7, 0.85, 1.0)) -> pd.DataFrame:
    """Balance by the strength of the picture relative to the sound, on seeds and data that `planted` does not use."""
    rows = []
    for ratio in ratios:
        path = folder / f"calibrate-{ratio:g}"
        train_planted(path, carriers(ratio)["both equal"], range(100, 102), data_seed=2000)
        row = verdicts(open_study(path / "runs")).iloc[0]
        rows.append({"visual over audio": ratio, **row[["balance", "balance_low", "balance_high", "attention"]]})
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)


def main() -> None:
    """Run one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("planted", "calibrate"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--only", nargs="+", choices=list(carriers()), help="only these planted data sets")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.part == "planted":
        sets = {name: planted for name, planted in carriers().items() if name in (options.only or carriers())}
        table = planted_table(options.out, sets, range(options.seeds))
    else:
        table = calibrate(options.out)
    write_text(options.out / f"{options.part}.csv", table.to_csv(index=False))
    print(table.round(3).to_string(index=False))
    print(f"margin {MARGIN}; simulated data")


if __name__ == "__main__":
    main()
