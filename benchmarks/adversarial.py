"""Does the verdict survive models made to mislead it? Trained networks and four functions, with a known right answer.

    python benchmarks/adversarial.py --out DIR     trains, probes and judges; 6 seeds per case, 2 minutes

Prints one row per case: the right answer, the verdicts of single seeds, how many of them are right and wrong, and the
same for the verdict of the first version (the balance of Shapley values, with the training mean as the baseline).
Writes it to DIR/adversarial.csv. A seed is wrong where it says something else than the right answer or "undetermined".
Data are simulated, apart from scikit-learn's digits.
"""

from __future__ import annotations

import argparse
import shutil
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from mbias import Header, Pass, Run, RunWriter, write_probe
from mbias.analysis.measures.catalogue import SHAPLEY, balance_of
from mbias.analysis.measures.use import use
from mbias.analysis.measures.verdict import BALANCED, NOTHING, UNDETERMINED, decide, favoured, side
from mbias.analysis.settings import Setting, settings
from mbias.errors import NotApplicableError
from mbias.files import write_text
from mbias.probing.draws import derangement
from mbias.records.study import Study

Predict = Callable[..., np.ndarray]
"""From one array (sample, feature) per modality to probabilities (sample, category)."""

TRAIN, TEST, DRAWS = 1000, 400, 5
NAMES = ("first", "second", "third")


@dataclass(frozen=True)
class Task:
    """Data of a case: one array (sample, feature) per modality, and labels (sample, category)."""

    parts: Sequence[np.ndarray]
    labels: np.ndarray
    """Labels of the test part; those of the training part may be spoilt in ``learnt``."""
    learnt: np.ndarray

    @property
    def train(self) -> list[np.ndarray]:
        """The modalities of the training part."""
        return [part[:TRAIN] for part in self.parts]

    @property
    def test(self) -> list[np.ndarray]:
        """The modalities of the test part."""
        return [part[TRAIN:] for part in self.parts]


@dataclass(frozen=True)
class Case:
    """A model with a known right answer.

    Parameters
    ----------
    right
        The name of the modality that matters, `BALANCED` or `NOTHING`.
    data
        Draws the data.
    model
        Makes the model of a seed.
    flag
        A flag that must be there; empty where none must.
    """

    right: str
    data: Callable[[np.random.Generator], Task]
    model: Callable[[Task, int], Predict]
    flag: str = ""

    def is_right(self, words: str) -> bool:
        """Whether a verdict is the right one."""
        return self.right == (favoured(words) or words)


def trained(task: Task, seed: int) -> Predict:
    """A network with one hidden layer over all modalities."""
    network = MLPClassifier((32,), max_iter=150, random_state=seed)
    labels = task.learnt[:TRAIN]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(np.concatenate(task.train, axis=1), labels[:, 0] if labels.shape[1] == 1 else labels)

    def predict(*parts: np.ndarray) -> np.ndarray:
        p: np.ndarray = network.predict_proba(np.concatenate(parts, axis=1))
        return p[:, 1:] if labels.shape[1] == 1 else p

    return predict


def untrained(task: Task, seed: int) -> Predict:
    """A network with random weights."""
    rng = np.random.default_rng(seed)
    width = sum(part.shape[1] for part in task.parts)
    into, out = rng.normal(0, width**-0.5, (width, 32)), rng.normal(0, 32**-0.5, (32, task.labels.shape[1]))
    return lambda *parts: _sigmoid(np.maximum(np.concatenate(parts, axis=1) @ into, 0) @ out)


def gated(task: Task, seed: int) -> Predict:
    """The first modality alone, but for inputs whose second modality is the mean."""
    mean = task.train[1].mean(axis=0)

    def predict(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        at_mean = (np.abs(second - mean) < 1e-3).all(axis=1, keepdims=True)
        return np.where(at_mean, 0.1, _sigmoid(6 * (first - 0.5)))

    return predict


def nearly_constant(task: Task, seed: int) -> Predict:
    """A constant, but for a millionth of the first modality."""
    return lambda first, second: np.clip(0.3 + 1e-6 * first, 0, 1)


def either(task: Task, seed: int) -> Predict:
    """Present where either modality shows it."""
    return lambda first, second: np.maximum(_sigmoid(8 * (first - 0.5)), _sigmoid(8 * (second - 0.5)))


def _labels(rng: np.random.Generator, categories: int = 3, rate: float = 0.5) -> np.ndarray:
    return (rng.random((TRAIN + TEST, categories)) < rate).astype(int)


def _task(labels: np.ndarray, *parts: np.ndarray, learnt: np.ndarray | None = None) -> Task:
    return Task(parts, labels, labels if learnt is None else learnt)


def _noisy(signal: np.ndarray, sd: float, rng: np.random.Generator) -> np.ndarray:
    return signal + rng.normal(0, sd, signal.shape)


def _noise(width: int, rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(TRAIN + TEST, width))


def _near_normal(rng: np.random.Generator) -> Task:
    sensors = _noise(2, rng)
    return _task((np.abs(sensors) < 0.8).all(axis=1, keepdims=True).astype(int), sensors, _noise(8, rng))


def _eight(rng: np.random.Generator) -> Task:
    digits = load_digits()
    rows = rng.permutation(len(digits.target))[: TRAIN + TEST]
    left = digits.images[rows][:, :, :4].reshape(len(rows), -1) / 16
    return _task((digits.target[rows] == 8).astype(int)[:, None], left, rng.random((len(rows), 32)))


def _off_data_mean(rng: np.random.Generator) -> Task:
    labels = _labels(rng)
    return _task(labels, _noisy(labels, 0.5, rng), rng.choice([-3.0, 3.0], (TRAIN + TEST, 4)))


def _harmful(rng: np.random.Generator) -> Task:
    labels = _labels(rng)
    seen = labels.copy()
    seen[TRAIN:] = 1 - seen[TRAIN:]
    return _task(labels, _noisy(labels, 1.0, rng), _noisy(seen, 0.4, rng))


def _exclusive_or(rng: np.random.Generator) -> Task:
    bits = _labels(rng, 2)
    return _task(bits[:, :1] ^ bits[:, 1:], _noisy(bits[:, :1], 0.1, rng), _noisy(bits[:, 1:], 0.1, rng))


def _both(sd: float, rate: float = 0.5) -> Callable[[np.random.Generator], Task]:
    def draw(rng: np.random.Generator) -> Task:
        labels = _labels(rng, 6, rate)
        return _task(labels, _noisy(labels, sd, rng), _noisy(labels, sd, rng))

    return draw


def _shuffled(rng: np.random.Generator) -> Task:
    labels = _labels(rng)
    learnt = labels[rng.permutation(len(labels))]
    return _task(labels, _noisy(labels, 0.5, rng), _noisy(labels, 0.5, rng), learnt=learnt)


def _opposite_halves(rng: np.random.Generator) -> Task:
    labels = _labels(rng, 6)
    heard = np.arange(6) < 3
    return _task(labels, _noisy(labels * heard, 0.5, rng), _noisy(labels * ~heard, 0.5, rng))


def _copied_label(rng: np.random.Generator) -> Task:
    labels = _labels(rng)
    return _task(labels, _noisy(labels, 1.2, rng), _noisy(labels, 0.02, rng))


def _one_of_three(rng: np.random.Generator) -> Task:
    labels = _labels(rng)
    return _task(labels, _noise(4, rng), _noisy(labels, 0.4, rng), _noise(4, rng))


def _one_signal(rng: np.random.Generator) -> Task:
    labels = _labels(rng, 3, 0.3)
    return _task(labels, _noisy(labels, 0.4, rng), _noise(3, rng) + 5)


CASES = {
    "noise modality, one output": Case("first", _near_normal, trained),
    "contains an 8, half noise": Case("first", _eight, trained),
    "gate at the mean": Case("first", _one_signal, gated),
    "mean off the data": Case("first", _off_data_mean, trained),
    "harmful modality": Case("second", _harmful, trained, "second harms"),
    "exclusive or": Case(BALANCED, _exclusive_or, trained, "synergic"),
    "redundant or": Case(BALANCED, _both(0.3, 0.2), either, "redundant"),
    "tiny effect": Case(NOTHING, _both(0.5), nearly_constant),
    "control: random weights": Case(NOTHING, _both(0.5), untrained),
    "control: shuffled labels": Case(NOTHING, _shuffled, trained),
    "opposite halves of categories": Case(BALANCED, _opposite_halves, trained),
    "a modality copies the label": Case("second", _copied_label, trained),
    "both informative": Case(BALANCED, _both(0.8), trained),
    "one of three modalities": Case("second", _one_of_three, trained),
}


def record(path: Path, task: Task, predict: Predict, seed: int) -> Run:
    """Write a run of a model, probed with permuted inputs and with the mean of each modality."""
    names = NAMES[: len(task.parts)]
    header = Header(
        modalities=names,
        categories=tuple(f"category {index}" for index in range(task.labels.shape[1])),
        losses=("joint",),
        joint_loss="joint",
        split="test",
        arrays={"p_joint": ("sample", "category")},
        simulated=True,
    )
    labels = task.labels[TRAIN:] > 0
    whole = predict(*task.test)
    samples = pd.DataFrame({"sample": [f"sample {index}" for index in range(len(labels))]})
    writer = RunWriter.create(path, header, samples, {"weak": labels})
    writer.commit({"joint": {"optimised": 1.0}}, {"p_joint": whole})
    run = Run(path)
    write_probe(run, "last", {Pass(): {"p_joint": whole}, **_replaced(task, predict, names, seed)})
    return run


def _replaced(task: Task, predict: Predict, names: tuple[str, ...], seed: int) -> dict[Pass, dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    outputs: dict[Pass, dict[str, np.ndarray]] = {}
    positions = list(range(len(names)))
    for replaced in [*([m] for m in positions), positions]:
        named = tuple(names[m] for m in replaced)
        for draw in range(DRAWS):
            donors = np.stack([derangement(TEST, rng) for _ in replaced], axis=1)
            parts = list(task.test)
            for column, m in enumerate(replaced):
                parts[m] = parts[m][donors[:, column]]
            kept = donors[:, 0] if len(replaced) == 1 else donors
            outputs[Pass("permuted", named, draw)] = {"p_joint": predict(*parts), "donors": kept}
        means = [
            np.broadcast_to(part.mean(axis=0), test.shape) if m in replaced else test
            for m, (part, test) in enumerate(zip(task.train, task.test, strict=True))
        ]
        outputs[Pass("mean", named)] = {"p_joint": predict(*means)}
    return outputs


def joined(runs: Sequence[Run]) -> Setting:
    """The runs of a case as the seeds of one setting."""
    first = settings(Study((runs[0],)))[0]
    return Setting({**first.identity, "run": f"{len(runs)} runs", "seeds": len(runs)}, tuple(runs))


def first_version(setting: Setting) -> str:
    """What the verdict of the first version would be."""
    try:
        balance = balance_of(SHAPLEY, SHAPLEY.estimate(setting))
        return side(balance.low, balance.high, balance.p_balanced, setting.modalities)
    except NotApplicableError:
        return "does not apply"


def judged(name: str, folder: Path, seeds: int) -> dict[str, object]:
    """Train, probe and judge one case."""
    case = CASES[name]
    runs = []
    for seed in range(seeds):
        task = case.data(np.random.default_rng([list(CASES).index(name), seed]))
        path = folder / name.replace(" ", "-").replace(":", "").replace(",", "") / f"seed{seed}"
        shutil.rmtree(path, ignore_errors=True)
        runs.append(record(path, task, case.model(task, seed), seed))
    single = [decide(use(setting)) for run in runs for setting in settings(Study((run,)))]
    before = [first_version(setting) for run in runs for setting in settings(Study((run,)))]
    row: dict[str, object] = {"case": name, "right": case.right}
    row["verdicts"] = _counted([verdict.words for verdict in single])
    row["balance"] = f"{min(v.balance for v in single):+.2f} to {max(v.balance for v in single):+.2f}"
    row["single right"] = sum(case.is_right(verdict.words) for verdict in single)
    row["single wrong"] = sum(_wrong(case, verdict.words) for verdict in single)
    row["flagged"] = sum(case.flag in verdict.flags for verdict in single) if case.flag else ""
    row["first version"] = _counted(before)
    row["first version wrong"] = sum(_wrong(case, words) for words in before if words != "does not apply")
    return row


def _wrong(case: Case, words: str) -> bool:
    return not case.is_right(words) and words != UNDETERMINED


def _counted(words: Sequence[str]) -> str:
    counts = pd.Series(list(words)).value_counts()
    return "; ".join(f"{word} {count}" for word, count in counts.items())


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def main() -> None:
    """Judge the cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--only", nargs="+", choices=list(CASES), help="only these cases")
    options = parser.parse_args()
    rows = []
    for name in options.only or CASES:
        rows.append(judged(name, options.out, options.seeds))
        print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    write_text(options.out / "adversarial.csv", table.to_csv(index=False))
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
