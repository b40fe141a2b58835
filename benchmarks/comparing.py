"""Are the tests of `compare` and the intervals of `smoothing` and `attention` right? Simulations with a known truth.

    python benchmarks/comparing.py compare --out DIR     power and family-wise errors of a comparison of two settings
    python benchmarks/comparing.py stability --out DIR   bias and coverage of the variance across settings of smoothing
    python benchmarks/comparing.py present --out DIR     coverage of the mean of a category with few positive samples

Each part prints its table and writes it to DIR as CSV. All data are simulated; nothing is trained.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from mbias.analysis.compare import Kind, differences
from mbias.analysis.paper.across import variance_across
from mbias.analysis.per_run.scopes import over_samples
from mbias.files import write_text
from mbias.scores.f_scores import LEVELS, PAPER_METRICS
from mbias.stats.significance import holm

# ------------------------------------------------------------------------------------------------- compare

SAMPLES = 200

SEEDS = {"alike": 0.001, "usual": 0.02, "unlike": 0.04}
"""The standard deviation between seeds of an F-score, in [0, 1]."""


def _settings(effect: float, seeds: int, spread: float, rng: np.random.Generator) -> list[tuple[Kind, np.ndarray]]:
    """Two settings that differ by ``effect`` in every quantity: the kinds of `compare`, with parts as it stacks them.

    A value of a sample is a mean with parts that vary by sample (in part equally for both settings), by seed, and by
    both. The averages over F-scores are made of the other F-scores, as in the paper.
    """

    def drawn(cells: int, mean: float) -> np.ndarray:
        """Values (seed, sample, side, cell)."""
        of_samples = rng.normal(0, 0.25, (1, SAMPLES, 1, 1)) + rng.normal(0, 0.1, (1, SAMPLES, 2, cells))
        of_seeds = spread * (rng.normal(0, 0.8, (seeds, 1, 2, 1)) + rng.normal(0, 0.6, (seeds, 1, 2, cells)))
        both = rng.normal(0, 0.1, (seeds, SAMPLES, 2, cells))
        side = np.array([0.0, effect])[:, None]
        values: np.ndarray = mean + of_samples + of_seeds + both + side
        return values

    def as_mean(values: np.ndarray) -> np.ndarray:
        return np.stack([values, np.ones_like(values)], axis=-1)

    single = drawn(6, 0.5).reshape(seeds, SAMPLES, 2, 2, 3)
    averages = np.stack([single.mean(axis=-1), single[..., :2].mean(axis=-1)], axis=-1)
    scores = np.clip(np.concatenate([single, averages], axis=-1), 0, 1).reshape(seeds, SAMPLES, 2, -1)
    metrics = [(str(metric), str(level)) for level in LEVELS for metric in PAPER_METRICS]
    attention = np.clip(drawn(1, 0.5), 0, 1)
    balance = drawn(1, 0.0)
    return [
        (Kind("F-scores", metrics, _none), as_mean(scores)),
        (Kind("attention", [("attention a", "")], _none), as_mean(attention)),
        (Kind("balance", [("balance", "")], _none), as_mean(balance)),
    ]


def compare_table(studies: int) -> pd.DataFrame:
    """One row per effect, number of seeds and spread between seeds."""
    rows = []
    for effect, seeds, (name, spread) in itertools.product((0.0, 0.1), (1, 3, 6, 10), SEEDS.items()):
        if seeds == 1 and name != "alike":
            continue
        rng = np.random.default_rng([11, int(100 * effect), seeds, list(SEEDS).index(name)])
        p = []
        for _ in range(studies):
            # With one seed, the comparison is of two networks, whose difference is that of the settings.
            drawn = _settings(effect, seeds, 0.0 if seeds == 1 else spread, rng)
            p.append([row["p"] for kind, parts in drawn for row in differences(kind, parts)])
        raw = np.array(p)
        adjusted = np.array([holm(of_study) for of_study in raw])
        rows.append(
            {
                "effect": effect,
                "seeds": seeds,
                "between seeds": name if seeds > 1 else "one seed",
                "studies": studies,
                "single p <= .05": float((raw <= 0.05).mean()),
                "any, Holm": float((adjusted <= 0.05).any(axis=1).mean()),
                "F-scores, Holm": float((adjusted[:, :10] <= 0.05).mean()),
                "all F-scores, Holm": float((adjusted[:, :10] <= 0.05).all(axis=1).mean()),
            }
        )
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)


def _none(run: object) -> np.ndarray:
    raise NotImplementedError("parts are drawn here")


# ------------------------------------------------------------------------------------------------- stability

TRUE_VARIANCES = (0.0, 1.0, 3.0)
SEED_DEVIATIONS = (0.0, 1.0, 2.0)
SMOOTHINGS, METRIC_COUNT, RUNS = 4, 6, 6


def stability_table(studies: int) -> pd.DataFrame:
    """One row per true variance across four settings, standard deviation between seeds, and kind of seeds.

    F-scores in percent. A sample's score varies by 20 points for all settings, by 5 by setting, and by 10 by run. Half
    of the variance between seeds is common to all metrics. "paired" seeds also have half of it in common over settings,
    as where all settings start from the same weights.
    """
    rows = []
    cells = itertools.product(TRUE_VARIANCES, SEED_DEVIATIONS, ("independent", "paired"))
    for number, (truth, deviation, kind) in enumerate(cells):
        rng = np.random.default_rng([12, number])
        found = np.array([_one_stability(truth, deviation, kind == "paired", rng) for _ in range(studies)])
        plain, point, low, high = found.T
        against = truth or deviation**2
        rows.append(
            {
                "true": truth,
                "seed deviation": deviation,
                "seeds": kind,
                "studies": studies,
                "plain": plain.mean(),
                "estimate": point.mean(),
                "standard error": point.std() / np.sqrt(studies),
                "bias %": 100 * (point.mean() - truth) / against if against else np.nan,
                "covered": float(((low <= truth) & (truth <= high)).mean()),
                "width": (high - low).mean(),
            }
        )
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)


def _one_stability(truth: float, deviation: float, paired: bool, rng: np.random.Generator) -> tuple[float, ...]:
    cells = (SMOOTHINGS, METRIC_COUNT)
    means = rng.normal(0, 1, cells)
    means = means - means.mean(axis=0)
    means = 50 + means * np.sqrt(truth / means.var(axis=0, ddof=1).mean())
    of_seeds = np.sqrt(0.5) * (
        rng.normal(0, 1, (SMOOTHINGS, RUNS, 1)) + rng.normal(0, 1, (*cells[:1], RUNS, *cells[1:]))
    )
    if paired:
        of_seeds = np.sqrt(0.5) * (of_seeds + rng.normal(0, 1, (1, RUNS, 1)))
    runs = means[:, None] + deviation * of_seeds
    samples = (
        rng.normal(0, 20, (1, 1, SAMPLES, 1))
        + rng.normal(0, 5, (SMOOTHINGS, 1, SAMPLES, METRIC_COUNT))
        + rng.normal(0, 10, (SMOOTHINGS, RUNS, SAMPLES, METRIC_COUNT))
        + runs[:, :, None]
    )
    scores = samples.mean(axis=2)
    across = variance_across(list(scores), list(samples), paired=True)
    plain = scores.mean(axis=1).var(axis=0, ddof=1).mean()
    return (plain, across.point, across.low, across.high)


# ------------------------------------------------------------------------------------------------- present

POSITIVES = (2, 3, 5, 10, 20, 50)


def present_table(studies: int) -> pd.DataFrame:
    """One row per number of positive samples, of 400, and kind of values: how often the interval holds the mean."""
    rows = []
    for positives, (kind, (concentration, segments)) in itertools.product(
        POSITIVES, {"even": (4.0, 1), "saturated": (0.5, 1), "segments": (4.0, 10)}.items()
    ):
        rng = np.random.default_rng([13, positives, segments, int(10 * concentration)])
        mean = 0.7
        number = np.zeros((400, studies))
        number[:positives] = rng.integers(1, segments + 1, (positives, studies))
        values = rng.beta(concentration * mean, concentration * (1 - mean), number.shape)
        _, low, high = over_samples(np.stack([values * number, number], axis=-1))
        rows.append(
            {
                "positives": positives,
                "values": kind,
                "studies": studies,
                "with interval": float(np.isfinite(low).mean()),
                "covered": float(((low <= mean) & (mean <= high)).mean()),
                "width": float((high - low).mean()),
            }
        )
    return pd.DataFrame(rows)


PARTS: dict[str, Callable[[int], pd.DataFrame]] = {
    "compare": compare_table,
    "stability": stability_table,
    "present": present_table,
}


def main() -> None:
    """Run one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--studies", type=int, default=400)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    table = PARTS[options.part](options.studies)
    write_text(options.out / f"{options.part}.csv", table.to_csv(index=False))
    print(table.round(3).to_string(index=False))
    print("simulated data")


if __name__ == "__main__":
    main()
