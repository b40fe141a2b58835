"""Are the intervals and verdicts right? Tests on drawn records, whose effect is known.

    python benchmarks/drawn.py power --out DIR         verdicts by the true balance, for the figure of every report
    python benchmarks/drawn.py conditions --out DIR    coverage and false alarms at the margin, under hard conditions
    python benchmarks/drawn.py collapse --out DIR      how often a seed that collapses is named

Each part prints its table and writes it to DIR as CSV; cells that are there already are kept. A network of seed s gives
p = 1/2 + alpha_s u_s.a + beta_s w_s.v for features a and v of unit variance and directions u_s and w_s, which vary
around those of all seeds. The balance of what it uses is (alpha_s^2 - beta_s^2) / (alpha_s^2 + beta_s^2), whatever the
distribution of the features. Simulated data.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mbias.analysis.measures.apart import stands_apart
from mbias.analysis.measures.replaced import Replaced
from mbias.analysis.measures.use import Use
from mbias.analysis.measures.verdict import ALONE, BALANCED, MARGIN, Verdict, decide, decide_categories
from mbias.files import write_text
from mbias.probing.draws import derangement
from mbias.tasks import Task

MODALITIES = ("audio", "visual")
DRAWS, DIMENSIONS = 5, 4
FIRST, SECOND = "audio", "visual"


@dataclass(frozen=True)
class Condition:
    """How records are drawn.

    Parameters
    ----------
    samples, seeds
        Their numbers.
    spread
        Standard deviation of the balance between seeds.
    features
        Distribution of the features: ``normal``, ``skewed`` or ``heavy``.
    cluster
        Size of the groups of samples, whose features correlate at 0.9.
    alike
        Whether all seeds have the same directions, so that they react to samples alike.
    categories
        Number of categories; their balances lie symmetrically around the overall one, ``apart`` from each other.
    apart
        Range of the balances of the categories.
    positives
        Share of labelled samples.
    """

    samples: int = 200
    seeds: int = 6
    spread: float = 0.1
    features: str = "normal"
    cluster: int = 1
    alike: bool = False
    categories: int = 3
    apart: float = 0.0
    positives: float = 0.3


@dataclass(frozen=True)
class _Run:
    seed: int
    truth: dict[str, np.ndarray]


@dataclass(frozen=True)
class DrawnSetting:
    """What `Use` reads of a setting."""

    weak: np.ndarray
    groups: np.ndarray | None
    seeds: int
    modalities: tuple[str, ...] = MODALITIES
    task: Task = Task.MULTILABEL
    runs: tuple[_Run, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "runs", tuple(_Run(seed, {"weak": self.weak}) for seed in range(self.seeds)))

    @property
    def labels(self) -> np.ndarray:
        """The labels as numbers."""
        return self.weak.astype(float)

    @property
    def samples(self) -> int:
        """Number of samples."""
        return len(self.weak)

    @property
    def categories(self) -> tuple[str, ...]:
        """Names of the categories."""
        return tuple(f"category {index}" for index in range(self.weak.shape[1]))


def features(condition: Condition, rng: np.random.Generator) -> np.ndarray:
    """Features of unit variance, (modality, sample, category, dimension)."""

    def independent(samples: int) -> np.ndarray:
        shape = (2, samples, condition.categories, DIMENSIONS)
        if condition.features == "skewed":
            return rng.exponential(size=shape) - 1
        if condition.features == "heavy":
            return rng.standard_t(5, size=shape) / np.sqrt(5 / 3)
        return rng.normal(size=shape)

    if condition.cluster == 1:
        return independent(condition.samples)
    shared = np.repeat(independent(condition.samples // condition.cluster), condition.cluster, axis=1)
    mixed: np.ndarray = np.sqrt(0.9) * shared + np.sqrt(0.1) * independent(shared.shape[1])
    return mixed


def draw(condition: Condition, balances: np.ndarray, rng: np.random.Generator) -> Use:
    """A record of networks with these balances, (seed, category), probed with permuted inputs."""
    inputs = features(condition, rng)
    samples = inputs.shape[1]
    groups = None if condition.cluster == 1 else np.arange(samples) // condition.cluster
    shared, own = (rng.normal(size=(seeds, 2, condition.categories, DIMENSIONS)) for seeds in (1, len(balances)))
    directions = shared + (0 if condition.alike else 0.5) * own
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    scale = np.sqrt(0.25 * condition.positives * (1 - condition.positives))
    weights = scale * np.sqrt(np.stack([1 + balances, 1 - balances], axis=1) / 2)
    donors = np.stack([[derangement(samples, rng, groups) for _ in range(2)] for _ in range(DRAWS)])
    signals = [
        np.einsum("msck,mck,mc->msc", inputs, of_seed, weight)
        for of_seed, weight in zip(directions, weights, strict=True)
    ]
    evidence = np.mean(signals, axis=0).sum(axis=0)
    evidence = evidence + rng.normal(0, 0.5 * evidence.std(), evidence.shape)
    weak = evidence >= np.quantile(evidence, 1 - condition.positives, axis=0)
    replaced = tuple(_replaced(signal, donors) for signal in signals)
    return Use(DrawnSetting(weak, groups, len(balances)), replaced)  # type: ignore[arg-type]


def _replaced(signal: np.ndarray, donors: np.ndarray) -> Replaced:
    first, second = signal
    of_first, of_second = first[donors[:, 0]], second[donors[:, 1]]
    return Replaced(
        0.5 + first + second,
        {
            ("audio",): (0.5 + of_first + second, donors[:, 0, :, None]),
            ("visual",): (0.5 + first + of_second, donors[:, 1, :, None]),
            MODALITIES: (0.5 + of_first + of_second, donors.swapaxes(1, 2)),
        },
    )


def true_balances(condition: Condition, effect: float, rng: np.random.Generator) -> np.ndarray:
    """The balances of new seeds, (seed, category); a mean over seeds and categories is ``effect``."""
    of_categories = effect + condition.apart * np.linspace(-0.5, 0.5, condition.categories)
    spread = condition.spread if condition.seeds > 1 else 0.0
    drawn: np.ndarray = np.clip(of_categories + rng.normal(0, spread, (condition.seeds, 1)), -0.99, 0.99)
    return drawn


def cell(condition: Condition, effect: float, records: int, rng: np.random.Generator) -> dict[str, float]:
    """Coverage and verdicts on drawn records, over all categories and by category."""
    verdicts: list[Verdict] = []
    covered, width, of_categories = [], [], []
    for _ in range(records):
        use = draw(condition, true_balances(condition, effect, rng), rng)
        verdicts.append(decide(use))
        low, high = use.balance[0, 1].interval()
        truths = np.concatenate([[effect], effect + condition.apart * np.linspace(-0.5, 0.5, condition.categories)])
        covered.append((low <= truths) & (truths <= high))
        width.append(high[0] - low[0])
        rows = 1 + np.arange(condition.categories)
        within = np.abs(truths[rows]) <= MARGIN + 1e-9
        judged = [words.words.startswith(("biased", "uses")) for words, _ in decide_categories(use, rows)]
        of_categories.append(np.mean(np.array(judged)[within]) if within.any() else np.nan)
    hits = np.mean(covered, axis=0)
    words = [verdict.words for verdict in verdicts]
    return {
        "records": records,
        "covered": float(hits[0]),
        "categories_covered": float(hits[1:].mean()),
        "toward_first": float(np.mean([FIRST in text for text in words])),
        "toward_second": float(np.mean([SECOND in text for text in words])),
        "balanced": float(np.mean([text == BALANCED for text in words])),
        "categories_biased": float(np.nanmean(of_categories)) if not np.isnan(of_categories).all() else np.nan,
        "apart": float(np.mean([any("stands apart" in flag for flag in verdict.flags) for verdict in verdicts])),
        "width": float(np.mean(width)),
    }


EFFECTS = (0.0, 0.1, 0.2, 0.25, 0.3, 0.4, 0.6)
"""True balances. Up to `MARGIN`, the verdict "biased" is a false alarm."""

POWER = ((1, 0.0), (3, 0.1), (6, 0.0), (6, 0.1), (10, 0.1))
"""Pairs of the number of seeds and the standard deviation of the balance between them. With one seed, only the balance
of that seed can be estimated."""

HARD = {
    **{
        f"{samples} samples, {seeds} seed{'s' * (seeds > 1)}": Condition(samples, seeds)
        for samples, seeds in itertools.product((30, 100, 300), (1, 2, 3, 6))
    },
    "skewed features": Condition(100, 3, features="skewed"),
    "heavy tails": Condition(100, 3, features="heavy"),
    "clusters of 5": Condition(300, 3, cluster=5),
    "clusters of 5, one seed": Condition(300, 1, cluster=5),
    "seeds differ by 0.3": Condition(100, 6, spread=0.3),
    "seeds react alike": Condition(100, 6, spread=0.0, alike=True),
    "25 categories of different effect": Condition(300, 3, categories=25, apart=1.0),
    "categories of 20 positives": Condition(200, 3, categories=25, positives=0.1),
}


def power_rows() -> list[tuple[dict[str, Any], Condition, float]]:
    """The cells of `power`: what identifies them, how they are drawn, and the true balance."""
    return [
        ({"effect": effect, "seeds": seeds, "spread": spread}, Condition(seeds=seeds, spread=spread), effect)
        for effect, (seeds, spread) in itertools.product(EFFECTS, POWER)
    ]


def condition_rows() -> list[tuple[dict[str, Any], Condition, float]]:
    """The cells of `conditions`, without an effect and at the margin."""
    return [
        ({"condition": name, "effect": effect}, condition, effect)
        for name, condition in HARD.items()
        for effect in (0.0, MARGIN)
    ]


def table(path: Path, cells: Sequence[tuple[dict[str, Any], Condition, float]], records: int) -> pd.DataFrame:
    """One row per cell; the rows of ``path`` are kept."""
    rows = pd.read_csv(path).to_dict("records") if path.exists() else []
    for number, (identity, condition, effect) in enumerate(cells):
        if any(all(row[name] == value for name, value in identity.items()) for row in rows):
            continue
        rows.append({**identity, **cell(condition, effect, records, np.random.default_rng([11, number]))})
        print({name: round(v, 3) if isinstance(v, float) else v for name, v in rows[-1].items()}, flush=True)
        write_text(path, pd.DataFrame(rows).to_csv(index=False))
    return pd.DataFrame(rows)


def collapse(records: int) -> pd.DataFrame:
    """How often the one of six seeds that uses a single modality is named, by the spread of the others."""
    rows = []
    for number, (spread, side) in enumerate(itertools.product((0.05, 0.1, 0.15), (-1, 1))):
        rng = np.random.default_rng([12, number])
        condition = Condition(200, 6, spread)
        named = []
        for _ in range(records):
            balances = true_balances(condition, 0.0, rng)
            balances[2] = side * 0.98
            by_seed = draw(condition, balances, rng).balance[0, 1].estimate.by_seed[:, 0]
            named.append(stands_apart(by_seed, MARGIN, ALONE) == 2)
        rows.append({"spread of the others": spread, "collapses to": side, "named": float(np.mean(named))})
    return pd.DataFrame(rows)


def main() -> None:
    """Run one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("power", "conditions", "collapse"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--records", type=int, default=500)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"{options.part}.csv"
    if options.part == "collapse":
        result = collapse(options.records)
        write_text(path, result.to_csv(index=False))
    else:
        result = table(path, power_rows() if options.part == "power" else condition_rows(), options.records)
    print(result.round(3).to_string(index=False))
    print(f"margin {MARGIN}; simulated data")


if __name__ == "__main__":
    main()
