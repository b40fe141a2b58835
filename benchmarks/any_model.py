"""Does the verdict on models of other kinds agree with what permuting a modality costs them?

    python benchmarks/any_model.py --out DIR     trains, diagnoses and compares; 108 models, about 3 minutes

Prints one row per case, and writes one row per model to DIR/any_model.csv. The cost, or drop, of a modality is computed
here by plain NumPy, apart from mbias: the mean increase of the loss (cross-entropy, or squared error of a regression)
when the modality is permuted, over 20 permutations, with its standard error over samples. A verdict agrees with drops

- if it names a modality whose drop is the largest and above 2.6 standard errors;
- if it is balanced, every drop is above 2.6 standard errors, and none is more than twice another;
- if there is nothing to attribute, and no drop is above 2.6 standard errors.

An undetermined verdict neither agrees nor disagrees. The program exits with 1 if a verdict disagrees. Digits, wine,
breast cancer and diabetes are scikit-learn's real data, parts of which are shuffled or overwritten; the others are
simulated.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn import datasets
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

import mbias
from mbias.analysis.measures.verdict import BALANCED, NOTHING, UNDETERMINED, favoured
from mbias.files import write_text

Arrays = dict[str, Any]
"""By modality, an array indexed by sample, or its inputs by name."""

BEYOND_NOISE = 2.6
"""Standard errors; a drop of a modality without effect is beyond them once in 200 times."""

FACTOR, PERMUTATIONS = 2.0, 20


@dataclass(frozen=True)
class Trained:
    """A trained model with samples that it was not trained on."""

    predict: Callable[..., np.ndarray]
    inputs: Arrays
    labels: np.ndarray
    task: str


@dataclass(frozen=True)
class Case:
    """A kind of model on data in which something is planted.

    Parameters
    ----------
    model
        Trains the model of a seed, from which networks and splits follow.
    matters
        The modality that should matter, or empty where the data decide.
    seeds
        The number of models.
    simulated
        Whether the data are simulated.
    """

    model: Callable[[int], Trained]
    matters: str = ""
    seeds: int = 6
    simulated: bool = False


class LateFusion(nn.Module):
    """A branch per half of a digit; the mean of their logits is the output."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = (nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10)) for _ in range(2))

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        logits: torch.Tensor = (self.left(left) + self.right(right)) / 2
        return logits


def digits(plant: str) -> Callable[[int], Trained]:
    """Late fusion of the halves of digits; ``noise right``, ``label right`` and ``label left`` overwrite a half."""

    def model(seed: int) -> Trained:
        rng = np.random.default_rng(seed)
        images, labels = datasets.load_digits(return_X_y=True)
        order = rng.permutation(len(labels))
        images, labels = images.reshape(-1, 8, 8)[order] / 16, labels[order]
        halves = {"left": images[:, :, :4].reshape(-1, 32), "right": images[:, :, 4:].reshape(-1, 32)}
        what, _, half = plant.partition(" ")
        if what == "noise":
            halves[half] = rng.normal(size=halves[half].shape)
        elif what == "label":
            halves[half] = np.eye(32)[labels]
        inputs = {name: half.astype(np.float32) for name, half in halves.items()}
        predict = trained_network(LateFusion, {name: half[:1000] for name, half in inputs.items()}, labels[:1000], seed)
        return Trained(predict, {name: half[1000:] for name, half in inputs.items()}, labels[1000:], "single_label")

    return model


def trained_network(
    network: Callable[[], nn.Module],
    inputs: Arrays,
    labels: np.ndarray,
    seed: int,
    rate: float = 0.01,
    epochs: int = 20,
) -> Callable[..., np.ndarray]:
    """Train a network that returns logits, and return a function from arrays to probabilities."""
    torch.manual_seed(seed)
    net = network()
    optimizer = torch.optim.Adam(net.parameters(), rate)

    def logits(arrays: Arrays) -> torch.Tensor:
        returned = net(**{name: torch.from_numpy(array) for name, array in arrays.items()})
        result: torch.Tensor = getattr(returned, "logits", returned)
        return result

    for _ in range(epochs):
        for index in torch.randperm(len(labels)).split(50):
            batch = {name: array[index.numpy()] for name, array in inputs.items()}
            loss = nn.functional.cross_entropy(logits(batch), torch.from_numpy(labels)[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    net.eval()

    def predict(**arrays: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            p: np.ndarray = logits(arrays).softmax(dim=-1).numpy()
        return p

    return predict


def groups_of_features(
    load: Callable[..., Any], groups: Mapping[str, list[int]], estimator: Callable[[int], Any], task: str, shuffled: str
) -> Callable[[int], Trained]:
    """A model of scikit-learn on groups of features, one of which is shuffled over all samples, or none."""

    def model(seed: int) -> Trained:
        rng = np.random.default_rng(seed)
        features, labels = load(return_X_y=True)
        order = rng.permutation(len(labels))
        inputs = {name: features[order][:, columns] for name, columns in groups.items()}
        if shuffled:
            inputs[shuffled] = rng.permutation(inputs[shuffled])
        return fitted(estimator(seed), inputs, labels[order], task, len(labels) // 2)

    return model


def fitted(estimator: Any, inputs: Arrays, labels: np.ndarray, task: str, training: int) -> Trained:
    """A model of scikit-learn on all modalities side by side, fitted to the first samples."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(np.hstack([part[:training] for part in inputs.values()]), labels[:training])

    def predict(**parts: np.ndarray) -> np.ndarray:
        together = np.hstack([parts[name] for name in inputs])
        p: np.ndarray = estimator.predict(together) if task == "regression" else estimator.predict_proba(together)
        return p[:, 1] if task == "binary" else p

    return Trained(predict, {name: part[training:] for name, part in inputs.items()}, labels[training:], task)


def one_of_three(matters: str) -> Callable[[int], Trained]:
    """A network of three simulated modalities, one of which shows the class."""

    def model(seed: int) -> Trained:
        rng = np.random.default_rng(seed)
        labels = rng.integers(4, size=1000)
        inputs = {name: rng.normal(size=(1000, width)) for name, width in (("audio", 12), ("video", 20), ("text", 8))}
        inputs[matters][:, :4] += 2 * np.eye(4)[labels]
        return fitted(
            MLPClassifier(hidden_layer_sizes=(32,), alpha=0.1, random_state=seed, max_iter=60),
            inputs,
            labels,
            "single_label",
            600,
        )

    return model


def simulated_regression(matters: str) -> Callable[[int], Trained]:
    """A network for a number that follows from one of two simulated modalities, or from both."""

    def model(seed: int) -> Trained:
        rng = np.random.default_rng(seed)
        inputs = {name: rng.normal(size=(1000, 6)) for name in ("body", "blood")}
        causes = [matters] if matters else list(inputs)
        target = sum(inputs[name][:, 0] + np.abs(inputs[name][:, 1]) for name in causes) + rng.normal(0, 0.3, 1000)
        estimator = MLPRegressor(
            hidden_layer_sizes=(32,), alpha=1, random_state=seed, max_iter=300, early_stopping=True
        )
        return fitted(estimator, inputs, 50 + 20 * target, "regression", 600)

    return model


def vilt(text_tells: bool) -> Callable[[int], Trained]:
    """A tiny ViLT: the text tells the answer and images are noise, or random words and the answer's colour."""

    def model(seed: int) -> Trained:
        from transformers import ViltConfig, ViltForQuestionAnswering

        rng = np.random.default_rng(seed)
        answers = rng.integers(4, size=900)
        words, images = rng.integers(10, 50, (900, 10)), rng.normal(size=(900, 3, 16, 16))
        if text_tells:
            words[:, 1] = 1 + answers
        else:
            # One of the colours is bright, or none.
            images += np.eye(4)[answers][:, :3, None, None]
        mask = (np.arange(10) < rng.integers(4, 11, (900, 1))).astype(np.int64)
        text = {"input_ids": words * mask, "attention_mask": mask}
        every = {**text, "pixel_values": images.astype(np.float32)}
        config = ViltConfig(
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=64,
            vocab_size=50,
            image_size=16,
            patch_size=8,
            max_position_embeddings=10,
            num_labels=4,
        )
        training = {name: array[:600] for name, array in every.items()}
        predict = trained_network(lambda: ViltForQuestionAnswering(config), training, answers[:600], seed, 2e-3, 6)
        inputs = {
            "text": {name: array[600:] for name, array in text.items()},
            "image": {"pixel_values": every["pixel_values"][600:]},
        }
        return Trained(predict, inputs, answers[600:], "single_label")

    return model


def _wine(shuffled: str) -> Callable[[int], Trained]:
    groups = {"basics": [0, 1, 2, 3, 4, 12], "phenols": list(range(5, 12))}
    return groups_of_features(
        datasets.load_wine,
        groups,
        lambda seed: RandomForestClassifier(200, random_state=seed),
        "single_label",
        shuffled,
    )


def _breast_cancer(shuffled: str) -> Callable[[int], Trained]:
    size = [0, 2, 3, 10, 12, 13, 20, 22, 23]
    groups = {"size": size, "shape": [column for column in range(30) if column not in size]}
    return groups_of_features(
        datasets.load_breast_cancer,
        groups,
        lambda seed: make_pipeline(StandardScaler(), LogisticRegression()),
        "binary",
        shuffled,
    )


def _diabetes(shuffled: str) -> Callable[[int], Trained]:
    groups = {"body": [0, 1, 2, 3], "blood": [4, 5, 6, 7, 8, 9]}
    return groups_of_features(
        datasets.load_diabetes,
        groups,
        lambda seed: GradientBoostingRegressor(n_estimators=60, max_depth=2, subsample=0.7, random_state=seed),
        "regression",
        shuffled,
    )


CASES = {
    "digits halves": Case(digits("none")),
    "digits halves: noise on the right": Case(digits("noise right"), "left"),
    "digits halves: label on the right": Case(digits("label right"), "right"),
    "digits halves: label on the left": Case(digits("label left"), "left"),
    "wine": Case(_wine("")),
    "wine: phenols shuffled": Case(_wine("phenols"), "basics"),
    "wine: basics shuffled": Case(_wine("basics"), "phenols"),
    "breast cancer": Case(_breast_cancer("")),
    "breast cancer: shape shuffled": Case(_breast_cancer("shape"), "size"),
    "breast cancer: size shuffled": Case(_breast_cancer("size"), "shape"),
    "three modalities: text matters": Case(one_of_three("text"), "text", simulated=True),
    "three modalities: video matters": Case(one_of_three("video"), "video", simulated=True),
    "diabetes (regression)": Case(_diabetes("")),
    "diabetes: blood shuffled": Case(_diabetes("blood"), "body"),
    "diabetes: body shuffled": Case(_diabetes("body"), "blood"),
    "regression: both matter": Case(simulated_regression(""), simulated=True),
    "regression: blood matters": Case(simulated_regression("blood"), "blood", simulated=True),
    "ViLT: the text tells": Case(vilt(True), "text", 3, simulated=True),
    "ViLT: the text is destroyed": Case(vilt(False), "image", 3, simulated=True),
}


def drops(trained: Trained) -> dict[str, tuple[float, float]]:
    """By modality, how much larger the loss is when it is permuted, and the standard error of that over samples."""
    rng = np.random.default_rng(1)
    before = losses(trained, trained.inputs)
    result = {}
    for modality, values in trained.inputs.items():
        increases = []
        for _ in range(PERMUTATIONS):
            order = rng.permutation(len(before))
            nested = isinstance(values, dict)
            permuted = {name: part[order] for name, part in values.items()} if nested else values[order]
            increases.append(losses(trained, {**trained.inputs, modality: permuted}) - before)
        of_samples = np.mean(increases, axis=0)
        result[modality] = float(of_samples.mean()), float(of_samples.std(ddof=1) / np.sqrt(len(of_samples)))
    return result


def losses(trained: Trained, inputs: Arrays) -> np.ndarray:
    """The loss of each sample."""
    by_name: Arrays = {}
    for modality, values in inputs.items():
        by_name |= values if isinstance(values, dict) else {modality: values}
    p = trained.predict(**by_name)
    if trained.task == "regression":
        squared: np.ndarray = (p - trained.labels) ** 2
        return squared
    of_true = (
        np.where(trained.labels == 1, p, 1 - p)
        if trained.task == "binary"
        else p[np.arange(len(trained.labels)), trained.labels]
    )
    entropy: np.ndarray = -np.log(np.maximum(of_true, 1e-7))
    return entropy


def agrees(words: str, of_modalities: Mapping[str, tuple[float, float]]) -> bool | None:
    """Whether a verdict agrees with drops, as the module defines it; None if it is undetermined."""
    if words == UNDETERMINED:
        return None
    clear = {name for name, (drop, error) in of_modalities.items() if drop > BEYOND_NOISE * error}
    sizes = {name: drop for name, (drop, _) in of_modalities.items()}
    if words == NOTHING:
        return not clear
    if words == BALANCED:
        return clear == set(sizes) and max(sizes.values()) <= FACTOR * min(sizes.values())
    named = favoured(words)
    return named in clear and named == max(sizes, key=lambda name: sizes[name])


def judged(name: str, seed: int) -> dict[str, object]:
    """Train a model, diagnose it, and compare the verdict with the drops."""
    case = CASES[name]
    trained = case.model(seed)
    found = mbias.diagnose(trained.predict, trained.inputs, trained.labels, task=trained.task, simulated=case.simulated)
    of_modalities = drops(trained)
    agreement = agrees(found.verdict, of_modalities)
    row = found.verdicts.iloc[0]
    return {
        "case": name,
        "simulated": case.simulated,
        "seed": seed,
        "matters": case.matters,
        "verdict": found.verdict,
        "flags": "|".join(found.flags),
        "reason": row["reason"],
        "balance": f"{row['first']} {row['balance']:+.2f} [{row['balance_low']:+.2f}, {row['balance_high']:+.2f}]",
        "drops": "; ".join(f"{m} {drop:.3g} +- {error:.2g}" for m, (drop, error) in of_modalities.items()),
        "agrees": "undetermined" if agreement is None else "yes" if agreement else "no",
        "planted": "" if not case.matters else "yes" if favoured(found.verdict) == case.matters else "no",
    }


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per case: how often each verdict is given, and how many agree."""
    result = []
    for name, of_case in rows.groupby("case", sort=False):
        counts = of_case["verdict"].value_counts()
        result.append(
            {
                "case": f"{name} (simulated)" if of_case["simulated"].any() else name,
                "verdicts": ", ".join(f"{words} {count}" for words, count in counts.items()),
                "agree": int((of_case["agrees"] == "yes").sum()),
                "disagree": int((of_case["agrees"] == "no").sum()),
                "undetermined": int((of_case["agrees"] == "undetermined").sum()),
                "drops of seed 0": of_case["drops"].iloc[0],
            }
        )
    return pd.DataFrame(result)


def main() -> None:
    """Judge the cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=list(CASES), help="only these cases")
    options = parser.parse_args()
    rows = []
    for name in options.only or CASES:
        for seed in range(CASES[name].seeds):
            rows.append(judged(name, seed))
            print(f"{name}, seed {seed}: {rows[-1]['verdict']} (agrees: {rows[-1]['agrees']})", flush=True)
    table = pd.DataFrame(rows)
    options.out.mkdir(parents=True, exist_ok=True)
    write_text(options.out / "any_model.csv", table.to_csv(index=False))
    print(summary(table).to_string(index=False))
    unclear = table[(table["agrees"] != "yes") | (table["planted"] == "no")]
    print(unclear.drop(columns="simulated").to_string(index=False) if len(unclear) else "All verdicts agree.")
    sys.exit(int((table["agrees"] == "no").any()))


if __name__ == "__main__":
    main()
